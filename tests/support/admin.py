"""The operators' commands as they are run: a process with the services' settings."""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.forked import start_child

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
    return await asyncio.to_thread(_run, environment, arguments)


def _run(environment: Mapping[str, str], arguments: Sequence[str]) -> Done:
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        command = ("services.admin", *arguments)
        process = start_child(command, {**os.environ, **environment}, CHECKOUT, out, err)
        process.join(TIMEOUT_SECONDS)
        if (status := process.exitcode) is None:
            process.kill()
            raise TimeoutError(f"{arguments} did not end within {TIMEOUT_SECONDS} s")
        return Done(status, out.read_text("utf-8"), err.read_text("utf-8"))


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
