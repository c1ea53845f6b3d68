"""Each command of docs/tutorial.md runs, in the order of the page, in one folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.runtime.settings import Settings
from tests.support.command import CODE

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "tutorial.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^```bash\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
PREPARATION = re.findall(r"^\$ (.+)$", PAGE, re.MULTILINE)
EVENTS = ("created", "ready", "alias")


@pytest.fixture
def of_a_user(tmp_path: Path, settings: Settings) -> dict[str, str]:
    """A user's: the command on the path, the registry and its token known, a cache of its own."""
    program = tmp_path / "bin" / "registry"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{CODE}" "$@"\n')
    program.chmod(0o755)
    workers = {
        "REGISTRY_INDEXER_URL": f"http://localhost:{settings.indexer_port}",
        "REGISTRY_NOTIFIER_URL": f"http://localhost:{settings.notifier_port}",
    }
    return {
        **os.environ,
        **workers,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "REGISTRY_URL": settings.ingest_url,
        "REGISTRY_CACHE": str(tmp_path / "cache"),
    }


def test_the_page_followed_word_for_word(of_a_user: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    printed: list[str] = []
    for block in COMMANDS:
        done = subprocess.run(
            ("bash", "-euo", "pipefail", "-c", block),  # noqa: S607 - whichever there is
            cwd=folder,
            env=of_a_user,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, block + done.stdout + done.stderr
        printed.append(done.stdout)
    used, rolled_back, told = printed[-3:]
    assert used.count("0.29 0.71") == 2
    assert "0.31 0.69" in rolled_back
    assert all(each in told for each in EVENTS)


def test_what_comes_before_is_a_target_and_the_environment_that_it_makes() -> None:
    assert PREPARATION == ["make start", ". .venv/bin/activate"]
    command = "test -x .venv/bin/registry && . .venv/bin/activate && command -v registry"
    found = subprocess.run(
        ("bash", "-euo", "pipefail", "-c", command),  # noqa: S607 - whichever there is
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    assert found.stdout.strip() == str(CHECKOUT / ".venv" / "bin" / "registry")
