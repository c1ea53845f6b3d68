"""The examples run as a user runs them: as programs, beside a registry."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from local.processes.ports import HOST
from shared.runtime.settings import Settings
from tests.support.api import Api, file_of

CHECKOUT = Path(__file__).parents[2]
LINE_SECONDS = 60
"""How long a line, or the end, may take to come."""


def url_of(settings: Settings) -> str:
    return f"http://{HOST}:{settings.registry_port}"


@asynccontextmanager
async def example(name: str, *arguments: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    command = (sys.executable, "-m", f"examples.{name}", *arguments)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout
    async with asyncio.timeout(LINE_SECONDS):
        return (await process.stdout.readline()).decode().rstrip()


async def ended(process: asyncio.subprocess.Process) -> tuple[str, str]:
    """Wait for the end; returns what was left to read of output and errors."""
    async with asyncio.timeout(LINE_SECONDS):
        output, errors = await process.communicate()
    return output.decode(), errors.decode()


async def test_the_subscriber_tells_of_a_ready_version_and_ends_in_order(
    api: Api, settings: Settings, model: str
) -> None:
    async with example("subscriber", url_of(settings), "--model", model) as subscriber:
        assert await line_of(subscriber) == "listening"
        session = await api.open(model, file_of("model.bin", b"bytes"))
        await api.put(session.files[0], b"bytes")
        assert await line_of(subscriber) == f"deploy {model} 1: 5 bytes"

        subscriber.send_signal(signal.SIGTERM)
        assert await ended(subscriber) == ("ended\n", "")
        assert subscriber.returncode == 0


async def test_a_subscriber_without_a_registry_says_so() -> None:
    async with example("subscriber", "not an address") as subscriber:
        output, errors = await ended(subscriber)
    assert subscriber.returncode == 1
    assert output == ""
    assert errors.startswith("Error: ")
    assert "Traceback" not in errors


async def test_the_demo_brings_a_model_there_and_back(settings: Settings) -> None:
    async with example("demo", url_of(settings)) as demo:
        output, errors = await ended(demo)
    assert (demo.returncode, errors) == (0, "")
    steps = (
        "Train a model",
        "Upload it",
        "Hear of it",
        "Look it up",
        "Download it",
        "Predict with what came back",
    )
    assert [step for step in steps if step in output] == list(steps)
    assert "registry.version.ready.v1" in output
