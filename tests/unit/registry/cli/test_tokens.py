"""`registry token` and `registry whoami`."""

import json
import re

import pytest

from tests.unit.cli_command import Command
from tests.unit.client_fake import FakeRegistry
from tests.unit.registry.cli.conftest import ADMINISTRATOR


@pytest.fixture(autouse=True)
def administrator(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", ADMINISTRATOR)
    monkeypatch.setenv("REGISTRY_ORIGINS", f"{fake.ingest_url},{fake.query_url}")


def test_a_token_is_printed_once_and_alone_on_stdout(command: Command) -> None:
    made = command("token", "create", "--name", "ci", "--grant", "writer:risk.*")
    assert made.status == 0
    assert re.fullmatch(r"mr_0000_[0-9a-f]+\n", made.out)
    assert made.err.startswith("registry: token 0000 counts until it is revoked.")
    listed = command("token", "list").out
    assert "writer:risk.*" in listed
    assert made.out.strip() not in listed + command("token", "list", "--json").out


def test_json_has_the_id_and_the_token(command: Command, fake: FakeRegistry) -> None:
    made = command(
        *("token", "create", "--name", "ci", "--expires", "30d", "--json"),
        *("--grant", "writer:risk.*", "--grant", "events:*"),
    )
    answer = json.loads(made.out)
    assert (answer["id"], answer["grants"]) == ("0000", ["writer:risk.*", "events:*"])
    assert answer["token"].startswith("mr_0000_")
    assert made.err == ""
    (request,) = fake.sent("^POST /v1/tokens")
    assert json.loads(request.content)["expires_in_seconds"] == 30 * 86400


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--grant", "reader:*"), "--name"),
        (("--name", "ci"), "--grant"),
        (("--name", "ci", "--grant", "owner:*"), "must be KIND:PATTERN"),
        (("--name", "ci", "--grant", "reader:*", "--expires", "soon"), "such as 30d"),
    ],
)
def test_a_request_that_breaks_a_rule_is_wrong_usage(
    command: Command, arguments: tuple[str, ...], text: str
) -> None:
    failed = command("token", "create", *arguments)
    assert (failed.status, failed.out) == (2, "")
    assert text in failed.err


def test_tokens_are_listed_and_revoked(command: Command) -> None:
    for name in ("one", "two"):
        command("token", "create", "--name", name, "--grant", "reader:*")
    assert command("token", "revoke", "0000").out == "revoked 0000\n"
    lines = command("token", "list", "--json").out.splitlines()
    found = [(token["name"], bool(token["revoked_at"])) for token in map(json.loads, lines)]
    assert found == [("two", False), ("one", True)]
    assert re.search(r"^0000 +one .* revoked", command("token", "list").out, re.MULTILINE)
    assert json.loads(command("token", "revoke", "0001", "--json").out) == {
        "id": "0001",
        "state": "revoked",
    }
    assert command("token", "revoke", "nowhere").status == 3


def test_whoami_says_who_and_what(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command("whoami").out.splitlines() == [
        "principal:     administrator",
        "name:          administrator",
        "grant:         admin:*",
    ]
    monkeypatch.setenv("REGISTRY_TOKEN", "mr_9_wrong")
    refused = command("whoami")
    assert refused.status == 4
    assert refused.err == (
        "registry: error: the credential is not accepted; the token is that of REGISTRY_TOKEN\n"
    )
