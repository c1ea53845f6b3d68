"""What uploaders, administrators and registries wrote does nothing to the terminal it is at."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.cli.printable import printable, printable_json
from tests.unit.cli_command import Command
from tests.unit.client_fake import NOW, FakeRegistry
from tests.unit.registry.cli.conftest import ADMINISTRATOR

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
"""Sets a title, clears the screen, changes colours in both ways, and turns what follows round."""


@pytest.fixture(autouse=True)
def administrator(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", ADMINISTRATOR)
    monkeypatch.setenv("REGISTRY_ORIGINS", f"{fake.ingest_url},{fake.query_url}")


def answering(fake: FakeRegistry, path: str, answer: Any, status: int = 200) -> None:
    """Have the registry answer this to what is asked at a path."""

    def fault(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(status, json=answer) if request.url.path == path else None

    fake.faults.append(fault)


def is_harmless(text: str) -> bool:
    return all(each.isprintable() for each in text.split("\n"))


@given(st.text())
def test_nothing_unprintable_is_left_and_json_means_the_same(text: str) -> None:
    assert printable(text).isprintable()
    document = json.dumps({text: text}, ensure_ascii=False)
    assert printable_json(document).isprintable()
    assert json.loads(printable_json(document)) == {text: text}


def test_what_a_version_is_said_to_be_cannot_pass_for_what_it_is(
    command: Command, fake: FakeRegistry
) -> None:
    with fake.blocking_client() as client:
        client.upload(
            "m",
            b"one",
            description=f"first\nstate:         rejected{EVIL}",
            framework=EVIL,
            client_id=EVIL,
            tags={"a": EVIL},
        )
    shown = command("show", "m")
    assert shown.status == 0
    assert is_harmless(shown.out)
    begins = [line.partition(":")[0] for line in shown.out.splitlines()]
    assert begins.count("state") == 1
    assert "first\n" in shown.out, "its lines stay lines"
    document = command("show", "m", "--json").out
    assert is_harmless(document)
    assert json.loads(document)["framework"] == EVIL


def test_the_names_of_tokens_are_only_shown(command: Command, fake: FakeRegistry) -> None:
    token = {
        "id": "1",
        "name": EVIL,
        "prefix": "mr_1",
        "owner": "token:2",
        "created_at": NOW,
        "grants": ["reader:*"],
    }
    answering(fake, "/v1/tokens", {"items": [token]})
    listed = command("token", "list")
    assert listed.status == 0
    assert is_harmless(listed.out)
    assert "owned" in listed.out


@pytest.mark.parametrize("field", ["principal", "action", "model", "subject", "address", "outcome"])
def test_an_entry_of_the_audit_is_only_shown(
    command: Command, fake: FakeRegistry, field: str
) -> None:
    fields = dict.fromkeys(("principal", "action", "model", "subject", "address", "outcome"), "x")
    entry = {"id": "1", "at": NOW, "request_id": "1", **fields, field: f"a\n{EVIL}"}
    answering(fake, "/v1/audit", {"items": [entry]})
    listed = command("audit")
    assert listed.status == 0
    assert len(listed.out.splitlines()) == 2
    assert is_harmless(listed.out)


def test_what_a_refusal_says_is_only_shown(command: Command, fake: FakeRegistry) -> None:
    answering(fake, "/v1/me", {"code": "forbidden", "detail": f"no\n{EVIL}"}, 403)
    failed = command("whoami")
    assert failed.status == 4
    assert len(failed.err.splitlines()) == 1
    assert is_harmless(failed.err)


def test_what_a_job_sets_are_three_variables_whatever_the_registry_answers(
    command: Command, fake: FakeRegistry
) -> None:
    session: dict[str, Any] = {
        "upload_id": "1",
        "model": "m",
        "number": 1,
        "version_id": "1",
        "files": [],
        "state": "open",
        "version_state": "pending",
        "storage_group": "models",
        "expires_at": NOW,
        "token": f"t\nLD_PRELOAD=/tmp/evil.so{EVIL}",
    }
    answering(fake, "/v1/uploads", session, 201)
    opened = command("uploads", "open", "m", "--declare", "a=1")
    assert opened.status == 0, opened.err
    assert is_harmless(opened.out)
    assert [line.partition("=")[0] for line in opened.out.splitlines()] == [
        "REGISTRY_URL",
        "REGISTRY_ORIGINS",
        "REGISTRY_TOKEN",
    ]
