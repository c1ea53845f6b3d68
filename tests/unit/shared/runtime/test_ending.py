"""The end of a service has a limit, whatever a part of it does."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, sys, time
from contextlib import asynccontextmanager
import uvicorn
from starlette.applications import Starlette
from shared.runtime import ending
from shared.runtime.logs import configure_logs
from tests.support.isolation import SETTINGS

how = sys.argv[1]

async def deaf():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

async def blocked():
    time.sleep(1000)

@asynccontextmanager
async def lifespan(app):
    part = asyncio.create_task(blocked() if how == "blocked" else deaf())
    print("begun", flush=True)
    if how == "starting":
        await asyncio.Event().wait()
    yield
    if how == "deaf":
        part.cancel()
        await asyncio.wait([part])
    elif how == "blocked at its end":
        time.sleep(1000)

configure_logs(SETTINGS, "test")
if how != "in order":
    ending.END_SECONDS = 1.5
config = uvicorn.Config(Starlette(lifespan=lifespan), port=0, log_config=None)
ending.OrderlyServer(config).run()
"""


def ended(how: str, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
    """Return how a service ends after a signal, and what it says."""
    command = [sys.executable, "-c", PROGRAM, how]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
        return process.returncode, told


def test_one_in_order_ends_by_the_signal_and_tells_of_nothing() -> None:
    code, told = ended("in order")
    assert code == -signal.SIGTERM
    assert "too long" not in told
    assert "most recent call" not in told


def test_a_part_that_does_not_heed_its_end_is_named_and_left() -> None:
    code, told = ended("deaf")
    assert code == 1
    assert "the end takes too long" in told
    assert "deaf:" in told
    assert "most recent call first" in told


@pytest.mark.parametrize(
    ("how", "where"),
    [("blocked", "in blocked"), ("blocked at its end", "in lifespan"), ("starting", "in run")],
)
def test_one_that_comes_to_no_end_is_ended_and_tells_where_it_is(how: str, where: str) -> None:
    code, told = ended(how)
    assert code == 1
    assert where in told


def test_what_goes_on_after_the_keyboard_is_left_as_well() -> None:
    code, told = ended("left", signal.SIGINT)
    assert (code, "most recent call first" in told) == (1, True)
