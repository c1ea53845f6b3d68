"""Completion in shells: what is offered, and that trouble is silent."""

import os
import subprocess
import sys
import threading
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest

from registry.cli.completion import complete_model
from tests.unit.cli_command import Command

CODE = "from registry.cli import main; main()"
NOWHERE = "http://127.0.0.1:9"


def completed(*words: str, url: str = NOWHERE) -> subprocess.CompletedProcess[str]:
    """What bash is offered for the last word."""
    environment = {
        **os.environ,
        "_REGISTRY_COMPLETE": "complete_bash",
        "COMP_WORDS": "\n".join(("registry", *words)),
        "COMP_CWORD": str(len(words)),
        "REGISTRY_URL": url,
    }
    return subprocess.run(
        (sys.executable, "-c", CODE),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_commands_are_offered() -> None:
    done = completed("sh")
    assert (done.stdout.split(), done.stderr) == (["show"], "")


@pytest.mark.parametrize("words", [("show", ""), ("alias", "show", "m", ""), ("fetch", "m@")])
def test_a_registry_that_is_away_is_silent(words: tuple[str, ...]) -> None:
    done = completed(*words)
    assert (done.stdout.strip(), done.stderr) == ("", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_by_the_variable(command: Command, shell: str) -> None:
    done = command("completion", shell)
    assert (done.status, done.err) == (0, "")
    assert "_REGISTRY_COMPLETE=complete_" + shell in done.out


def test_another_shell_is_wrong_usage(command: Command) -> None:
    assert command("completion", "csh").status == 2


def test_a_resolver_that_hangs_holds_up_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def hangs(*_: object, **__: object) -> list[object]:
        is_over.wait(30)
        return []

    monkeypatch.setattr("registry._resolving.socket.getaddrinfo", hangs)
    monkeypatch.setattr(sys.modules["registry.cli.completion"], "SECONDS", 0.05)
    monkeypatch.setenv("REGISTRY_URL", "http://registry.test")
    monkeypatch.setenv("NO_PROXY", "*")
    began = monotonic()
    try:
        assert complete_model(cast("Any", SimpleNamespace(params={})), "a") == []
        assert monotonic() - began < 10
    finally:
        is_over.set()
