"""`registry doctor` as a user runs it, on a machine of tests."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.processes.machine import Machine
from tests.support.access import ADMIN_TOKEN
from tests.support.command import CODE


def examine(machine: Machine, status: int, token: str = ADMIN_TOKEN) -> dict[str, Any]:
    """Run the command and return its findings by their names."""
    environment = {
        **os.environ,
        "REGISTRY_TOKEN": token,
        "REGISTRY_ORIGINS": f"{machine.settings.ingest_url},{machine.settings.query_url}",
        "NO_PROXY": "*",
    }
    workers = (f"--{name}-url={machine.url(name)}" for name in ("query", "indexer", "notifier"))
    command = (sys.executable, "-c", CODE, "doctor", "--json", *workers)
    done = subprocess.run(
        (*command, "--url", machine.url("ingest")),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert token not in done.stdout + done.stderr
    return {each["name"]: each for each in json.loads(done.stdout)["findings"]}
