"""The end of a service has a limit, whatever a part of it does."""

import os
import signal
import subprocess
import sys

PROGRAM = """
import asyncio, sys, time
from contextlib import asynccontextmanager, closing
import uvicorn
from starlette.applications import Starlette
from shared.runtime import ending
from shared.runtime.logs import configure_logs
from tests.support.isolation import SETTINGS

async def deaf():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

@asynccontextmanager
async def lifespan(app):
    part = asyncio.create_task(deaf())
    print("begun", flush=True)
    yield
    if sys.argv[1] == "deaf":
        part.cancel()
        await asyncio.wait([part])
    elif sys.argv[1] == "blocked":
        time.sleep(1000)

configure_logs(SETTINGS, "test")
ending.END_SECONDS = 1.5
config = uvicorn.Config(Starlette(lifespan=lifespan), port=0, log_config=None)
ending.OrderlyServer(config).run()
"""


def ended(how: str) -> tuple[int, str]:
    """Return how a service ends after SIGTERM, and what it says."""
    command = [sys.executable, "-c", PROGRAM, how]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGTERM)
        _, told = process.communicate(timeout=60)
        return process.returncode, told


def test_one_in_order_ends_by_the_signal_and_tells_of_nothing() -> None:
    code, told = ended("in order")
    assert code == -signal.SIGTERM
    assert "too long" not in told
    assert "Traceback" not in told
    assert "most recent call" not in told


def test_a_part_that_does_not_heed_its_end_is_named_and_left() -> None:
    code, told = ended("deaf")
    assert code == 1
    assert "the end takes too long" in told
    assert "deaf:" in told
    assert "most recent call first" in told


def test_a_blocked_loop_ends_as_well() -> None:
    code, told = ended("blocked")
    assert code == 1
    assert "in lifespan" in told
