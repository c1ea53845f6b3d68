"""docs/api/cli.schema.json says what the commands print."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

import registry
from tests.unit.cli_command import Command
from tests.unit.client_fake import FakeRegistry
from tools.command_schemas import COMMANDS, PAGE, command_schemas


def commands_with_json(help_of: Command, *above: str) -> list[str]:
    """Every command that takes --json, as the help tells it."""
    shown = help_of(*above, "--help").out
    own, _, listed = shown.partition("Commands:")
    found = [" ".join(above)] if "--json" in own else []
    for name in re.findall(r"^  ([a-z0-9-]+)", listed, re.MULTILINE):
        found += commands_with_json(help_of, *above, name)
    return found


def test_the_committed_document_is_the_one_that_the_code_makes() -> None:
    assert PAGE.read_text(encoding="utf-8") == command_schemas(), "run `make docs`"


def test_every_command_that_prints_json_has_a_schema(command: Command) -> None:
    assert sorted(COMMANDS) == sorted(commands_with_json(command))


@pytest.mark.parametrize(
    "words",
    [
        ("show", "m"),
        ("list",),
        ("versions", "m"),
        ("download", "m", "--to", "{folder}/again"),
        ("open", "m", "--no-browser"),
        ("whoami",),
        ("config",),
        ("cache", "ls"),
    ],
)
def test_what_is_printed_is_what_the_schema_says(
    serving_fake: FakeRegistry,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: tuple[str, ...],
) -> None:
    def connect(_url: str | None) -> registry.ModelRegistryClient:
        return serving_fake.blocking_client()

    monkeypatch.setattr("registry.client.ModelRegistryClient", connect)
    with serving_fake.blocking_client() as client:
        client.upload("m", b"weights", path="m.bin")
    done = command(*(word.format(folder=tmp_path) for word in words), "--json")
    assert done.status == 0, done.err
    name = next(each for each in COMMANDS if words[: len(each.split())] == tuple(each.split()))
    adapter: TypeAdapter[Any] = TypeAdapter(COMMANDS[name])
    schema = json.loads(command_schemas())["properties"][name]
    assert schema
    for line in done.out.splitlines():
        found = adapter.dump_python(adapter.validate_json(line), mode="json")
        assert set(found) == set(json.loads(line))
