"""Clients of Hugging Face, as their users run them: programs in an environment of their own."""

import asyncio
import json
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.support.client_environments import client_environment, run_client

NEWEST = ("huggingface_hub==2.4.0",)
OLD = ("huggingface_hub==0.36.2",)
_BEFORE = """
import json
from huggingface_hub import (
    HfApi, HfFileSystem, file_exists, hf_hub_download, list_models, list_repo_files, list_repo_refs,
    model_info, repo_exists, revision_exists, snapshot_download, try_to_load_from_cache, whoami,
)

told = {}

def error_of(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None

"""
_AFTER = "\nprint('TOLD', json.dumps(told, default=str))\n"


@dataclass(frozen=True)
class HubClient:
    """One release of huggingface_hub, whom it asks, and as whom."""

    programs: Path
    endpoint: str
    token: str | None
    home: Path
    """Has its cache."""

    def asking(self, endpoint: str) -> "HubClient":
        """The same client, which asks another address."""
        return replace(self, endpoint=endpoint)

    def as_who(self, token: str | None) -> "HubClient":
        """The same client with another token, or none, and with a cache of its own."""
        home = self.home / f"as-{(token or 'nobody')[-8:]}"
        home.mkdir(exist_ok=True)
        return replace(self, token=token, home=home)

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which its users say whom to ask, and as whom."""
        told = {"HF_ENDPOINT": self.endpoint, "HF_HOME": str(self.home / "hf")}
        told |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        return told | ({"HF_TOKEN": self.token} if self.token else {})

    async def run(self, code: str) -> dict[str, Any]:
        """Run Python with what users know of huggingface_hub; returns what it puts into `told`."""
        program = _BEFORE + dedent(code) + _AFTER
        done = await self.command(self.programs / "python", "-c", program)
        assert done[0] == 0, done
        return json.loads(done[1].rpartition("TOLD ")[2])

    async def command(self, *command: str | Path) -> tuple[int, str, str]:
        """Run a program; returns its exit code and what it printed."""
        done = await asyncio.to_thread(
            run_client, *command, environment=self.environment, folder=self.home
        )
        return done.returncode, done.stdout, done.stderr


async def hub_client(
    requirements: tuple[str, ...], endpoint: str, token: str | None, home: Path
) -> HubClient:
    """A client of these requirements, made where it is not there yet."""
    programs = await asyncio.to_thread(client_environment, *requirements)
    return HubClient(programs, endpoint, token, home)
