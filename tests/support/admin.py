"""The operators' commands as they are run: a process with the services' settings."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def documents(self) -> list[Any]:
        """What it printed with --json: one document a line."""
        return [json.loads(line) for line in self.out.splitlines()]


async def admin(environment: Mapping[str, str], *arguments: str) -> Done:
    """Run `python -m services.admin ...`; raises TimeoutError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.admin", *arguments),
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Done(process.returncode or 0, out.decode(), err.decode())


async def told(environment: Mapping[str, str], *arguments: str) -> Any:
    """Run a command that must succeed with one JSON document, and return that."""
    done = await admin(environment, *arguments, "--json")
    assert (done.status, done.err) == (0, ""), done
    [document] = done.documents
    return document


async def replayed(environment: Mapping[str, str]) -> dict[str, Any]:
    """What a replay reports. Objects that other tests have removed are told as errors beside it."""
    done = await admin(environment, "replay", "--from-beginning", "--json")
    assert done.status == 0, done
    [report] = done.documents
    return report
