"""A service that reacts to each new version, until it is told to end.

    python -m examples.subscriber http://localhost:8000 --model churn

It prints one line for each version that becomes ready; put your own deployment in `deploy`.
SIGTERM and Ctrl-C end it in order. It begins with what happens from now on: a service that must
miss nothing keeps the last sequence number of each model, and gives them as `start`.
"""

import argparse
import asyncio
import signal
import sys
from contextlib import suppress

import registry

READY = "registry.version.ready.v1"


async def react(url: str, model: str | None) -> None:
    """Deploy each version that becomes ready."""
    async with registry.subscribe(url, model=model) as events:
        print("listening", flush=True)
        async for event in events:
            if event.type == READY:
                await deploy(event)


async def deploy(event: registry.ModelEvent) -> None:
    """Do what a new version asks for; here it is only told."""
    size_bytes = sum(artifact.size_bytes for artifact in event.data.artifacts)
    print(f"deploy {event.data.model} {event.data.number}: {size_bytes} bytes", flush=True)


async def serve(url: str, model: str | None) -> None:
    """React until a signal asks for the end; the connection is closed then."""
    reacting = asyncio.create_task(react(url, model))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, reacting.cancel)
    with suppress(asyncio.CancelledError):
        await reacting
    print("ended", flush=True)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.subscriber", description="React to each new version."
    )
    parser.add_argument("url", nargs="?", default="http://localhost:8000", help="of the registry")
    parser.add_argument("--model", help="only this model's versions")
    arguments = parser.parse_args()
    try:
        asyncio.run(serve(arguments.url, arguments.model))
    except registry.RegistryError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
