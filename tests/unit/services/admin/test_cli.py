"""Operators' commands without any server: what they refuse, how errors are told."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError
from pydantic import ValidationError

from registry.cli import output
from registry.cli import run as run_client
from registry.cli.exit_codes import exit_code
from services.admin import output as admin_output
from services.admin.__main__ import run
from services.admin.errors import told_errors
from shared.database.errors import DatabaseUnavailable
from shared.database.leases import LeaseLost
from shared.domain.errors import Conflict, InvalidRequest, NotFound
from shared.domain.records import utc_now
from shared.kafka.letters import Letter
from shared.runtime.settings import Settings
from shared.storage.connection import StorageMissing, StorageRefused, StorageUnavailable

DOCS = Path(__file__).parents[4] / "docs" / "cli.md"
COMMANDS = (
    ("reconcile",),
    ("replay",),
    ("migrate",),
    ("collect",),
    ("usage",),
    ("provision",),
    ("storage-groups", "list"),
    ("storage-groups", "add"),
    ("storage-groups", "remove"),
    ("dead-letters", "list"),
    ("dead-letters", "show"),
    ("dead-letters", "replay"),
    ("strays", "list"),
    ("uploads", "list"),
    ("search", "check"),
    ("search", "rebuild"),
)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)  # where there is no .env


def failed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run a command that must fail with one line; its status and that line."""
    status = run(arguments)
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"registry-admin: error: [^\n]+\n", err), err
    return status, err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "Missing command"),
        (("nonsense",), "nonsense"),
        (("replay",), "replay takes --from-beginning"),
        (("dead-letters", "list", "--limit", "0"), "--limit"),
        (("dead-letters", "show", "1"), "OFFSET"),
        (("strays", "list", "--limit", "10001"), "--limit"),
        (("dead-letters", "show", "-1", "1"), "-1"),
        (("dead-letters", "replay"), "PARTITION and OFFSET, or --all"),
        (("dead-letters", "replay", "1"), "PARTITION and OFFSET, or --all"),
        (("dead-letters", "replay", "1", "2", "--all"), "PARTITION and OFFSET, or --all"),
    ],
)
def test_wrong_usage_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], text: str
) -> None:
    status, line = failed(capsys, *arguments)
    assert status == 2
    assert text.lower() in line.lower()


def test_settings_that_are_not_there_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    status, line = failed(capsys, "reconcile")
    assert status == 2
    assert "bad settings: MONGODB_URL: Field required" in line


def test_settings_that_are_wrong_are_named_without_their_value(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_TIMEOUT_SECONDS", "hunter2")
    _, line = failed(capsys, "replay", "--from-beginning")
    assert "KAFKA_TIMEOUT_SECONDS" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("arguments", [(), ("reconcile", "--dry-run"), ("--help",)])
def test_the_client_says_where_they_are(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run_client(("admin", *arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "docker compose run --rm provision python -m services.admin" in err


def test_the_client_loads_nothing_of_the_services() -> None:
    code = (
        "import sys, registry.cli; "
        "sys.exit(not {name.split('.')[0] for name in sys.modules}"
        ".isdisjoint(('services', 'shared', 'motor')))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (NotFound("dead_letter_missing", "no letter"), 3, "no letter"),
        (StorageMissing("NoSuchBucket", "models"), 3, "models is not in storage"),
        (Conflict("dead_letter_truncated", "it was cut"), 4, "it was cut"),
        (StorageRefused("AccessDenied", "no"), 4, "AccessDenied"),
        (InvalidRequest("limit", "must be more"), 2, "limit must be more"),
        (StorageUnavailable("SlowDown"), 6, "SlowDown"),
        (LeaseLost("reconcile"), 6, "lease reconcile"),
        (KafkaConnectionError(), 6, "KafkaConnectionError"),
        (DatabaseUnavailable("AutoReconnect: a:1: refused"), 6, "a:1: refused"),
        (ConnectionRefusedError("no"), 6, "ConnectionRefusedError"),
        (ZeroDivisionError("a defect"), 1, "a defect"),
    ],
)
def test_each_kind_of_error_has_its_status(error: Exception, status: int, text: str) -> None:
    with pytest.raises(Exception, match=re.escape(text)) as caught, told_errors():
        raise error
    assert exit_code(caught.value) == status
    assert "Timeout" not in str(caught.value).replace(type(error).__name__, "")


def test_bad_settings_are_of_the_settings_alone() -> None:
    """A record that breaks its schema is a defect, and no wrong usage."""
    with pytest.raises(ValidationError), told_errors():
        Settings.model_validate({})


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_documented(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    text = DOCS.read_text(encoding="utf-8")
    section = text.split("## `python -m services.admin`")[1].split("\n## ")[0]
    heading = f"### `python -m services.admin {' '.join(command)}"
    assert heading in section
    own = section.split(heading)[1].split("\n### ")[0]
    assert run((*command, "--help")) == 0
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help", "--json"}
    assert options <= set(re.findall(r"--[a-z-]+", heading + own)), command


def test_the_documented_commands_are_all_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    section = (
        DOCS.read_text(encoding="utf-8").split("## `python -m services.admin`")[1].split("\n## ")[0]
    )
    documented = re.findall(
        r"^### `python -m services.admin "
        r"((?:(?:dead-letters|strays|uploads|storage-groups|search) )?[a-z-]+)",
        section,
        re.M,
    )
    assert sorted(documented) == sorted(" ".join(command) for command in COMMANDS)
    assert run(("--help",)) == 0
    groups = re.findall(r"^│ (\w[\w-]+)", capsys.readouterr().out, re.MULTILINE)
    assert set(groups) == {command[0] for command in COMMANDS}


def test_a_line_that_is_not_for_a_terminal_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "long and [in brackets] " * 20
    letter = Letter(
        partition=0,
        offset=1,
        buried_at=utc_now(),
        reason=reason,
        original_topic="bucket-events",
        original_partition=0,
        original_offset=1,
        value_bytes=5,
        truncated=True,
    )
    admin_output.print_letters([letter])
    output.print_table(("A", "B"), [("x" * 100, reason)])
    head, line, _, other = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["PARTITION", "OFFSET"]
    assert reason.strip() in line
    assert "5 (cut)" in line
    assert other.strip() == f"{'x' * 100}  {reason.strip()}"
