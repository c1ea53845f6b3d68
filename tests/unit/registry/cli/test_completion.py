"""Completion in shells: what is offered, and that trouble is silent."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

import pytest

from registry.aio import AsyncModelRegistryClient
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


@pytest.mark.parametrize(
    ("incomplete", "offered"),
    [
        ("fraud_", ["fraud_a", "fraud_b"]),
        ("fraud_b", ["fraud_b"]),
        ("frauds", ["frauds"]),
        ("fraud-14", [f"fraud-14{last}" for last in range(10)]),
        ("z", ["z", "z\u00e9"]),
        ("", [f"fraud-{number:03}" for number in range(100)]),
    ],
)
def test_names_that_begin_so_are_offered_and_only_those_count(
    monkeypatch: pytest.MonkeyPatch, incomplete: str, offered: Sequence[str]
) -> None:
    names = [f"fraud-{number:03}" for number in range(150)]
    names += ["fraud_a", "fraud_b", "fraud`", "frauds", "fraudt", "z", "z\u00e9", "{"]

    async def search(
        _client: object, condition: str, *, kind: str, order_by: Sequence[str]
    ) -> AsyncIterator[SimpleNamespace]:
        assert (kind, order_by) == ("models", ["name"])
        with closing(sqlite3.connect(":memory:")) as table:
            table.execute("CREATE TABLE models (name TEXT)")
            table.executemany("INSERT INTO models VALUES (?)", [(each,) for each in names])
            # The filter of this test is one that SQL understands.
            query = f"SELECT name FROM models WHERE {condition or 'true'} ORDER BY name"  # noqa: S608
            found = table.execute(query).fetchall()
        for (name,) in found:
            yield SimpleNamespace(name=name)

    monkeypatch.setattr(AsyncModelRegistryClient, "search", search)
    context: Any = SimpleNamespace(params={"url": NOWHERE})
    assert complete_model(context, incomplete) == offered
