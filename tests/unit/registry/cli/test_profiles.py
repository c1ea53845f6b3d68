"""`registry login`, `logout` and `config`."""

import io
import json
import stat
import sys
from collections.abc import Callable

import pytest

from registry._profiles import Profile, Profiles, change_profiles, profiles_path, read_profiles
from tests.unit.cli_command import Command, Result
from tests.unit.client_fake import URL, FakeRegistry
from tests.unit.registry.cli.conftest import ADMINISTRATOR, MADE

FURTHER = ("http://ingest.test", "http://query.test")

Login = Callable[..., Result]


@pytest.fixture
def login(command: Command, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> Login:
    """Log in by a token on stdin."""

    def call(*arguments: str, token: str = MADE, url: str = URL) -> Result:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{token}\n"))
        return command("login", url, "--token-stdin", *arguments)

    return call


def kept() -> tuple[Profile, ...]:
    return read_profiles().kept


def test_a_token_is_kept_once_the_registry_has_accepted_it(login: Login) -> None:
    done = login("--trust-origins")
    assert done.status == 0
    assert done.out.splitlines() == [
        f"logged in to {URL}",
        "principal:     token:0001",
        "name:          token:0001",
        "grant:         writer:risk.*",
        "grant:         events:*",
    ]
    assert kept() == (Profile(URL, FURTHER, MADE),)
    assert stat.S_IMODE(profiles_path().stat().st_mode) == 0o600
    assert str(profiles_path()) in done.err
    assert MADE not in done.out + done.err


def test_a_token_that_is_not_accepted_is_not_kept(login: Login) -> None:
    refused = login("--trust-origins", token="mr_9_wrong")
    assert refused.status == 4
    assert "the credential is not accepted" in refused.err
    assert "mr_9_wrong" not in refused.err
    assert kept() == ()


def test_a_registry_that_takes_no_notice_of_the_token_keeps_none(
    login: Login, fake: FakeRegistry
) -> None:
    fake.identities[MADE] = {**fake.identities[MADE], "kind": "anonymous"}
    refused = login("--trust-origins")
    assert (refused.status, kept()) == (4, ())


@pytest.mark.parametrize("token", ["", "two words", "é"])
def test_what_is_no_token_is_wrong_usage(login: Login, fake: FakeRegistry, token: str) -> None:
    assert login(token=token).status == 2
    assert fake.requests == []


def test_addresses_that_the_registry_names_are_confirmed_or_nothing_is_kept(login: Login) -> None:
    refused = login()
    assert refused.status == 4
    assert "http://ingest.test, http://query.test" in refused.err
    assert "--trust-origins" in refused.err
    assert kept() == ()
    assert login("--yes").status == 0
    assert login().status == 0, "they were confirmed before"


def test_an_address_that_is_new_is_confirmed_again(login: Login, fake: FakeRegistry) -> None:
    login("--yes")
    fake.query_url = "http://thief.test"
    refused = login()
    assert (refused.status, kept()[0].origins) == (4, FURTHER)
    assert "leads to http://thief.test:" in refused.err


def test_without_a_terminal_the_token_is_read_from_stdin_only_where_that_is_said(
    command: Command, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(MADE))
    refused = command("login", URL)
    assert refused.status == 2
    assert "--token-stdin" in refused.err
    assert command("login", URL, MADE).status == 2, "no argument takes a token"


def test_the_token_is_sent_to_the_address_alone_before_all_others_are_confirmed(
    login: Login, fake: FakeRegistry
) -> None:
    login()
    hosts = {(request.url.host, "authorization" in request.headers) for request in fake.requests}
    assert hosts == {("registry.test", True), ("registry.test", False)}


def test_the_first_registry_becomes_the_default_and_later_ones_do_not(
    login: Login, fake: FakeRegistry
) -> None:
    login("--yes")
    login("--yes", url="http://other.test")
    assert [profile.url for profile in kept()] == [URL, "http://other.test"]
    assert read_profiles().default == URL


def test_plain_http_to_another_machine_is_warned_of(login: Login) -> None:
    assert "is not encrypted" in login("--yes").err
    assert "is not encrypted" not in login("--yes", url="http://localhost:8000").err
    assert "is not encrypted" not in login("--yes", url="https://registry.test").err


def test_an_address_that_is_none_is_wrong_usage(login: Login) -> None:
    failed = login(url="nonsense")
    assert (failed.status, failed.err.count("\n")) == (2, 1)


def test_a_file_that_others_can_read_is_told_before_a_token_is_asked_for(login: Login) -> None:
    login("--yes")
    profiles_path().chmod(0o644)
    failed = login("--yes")
    assert failed.status == 2
    assert f"chmod 600 {profiles_path()}" in failed.err


def test_a_profile_is_what_the_other_commands_take_the_token_from(
    login: Login, command: Command
) -> None:
    assert json.loads(command("whoami", "--json").out)["kind"] == "anonymous"
    login("--yes")
    assert json.loads(command("whoami", "--json").out)["principal"] == "token:0001"


def test_logout_forgets_the_token_and_no_other(login: Login, command: Command) -> None:
    login("--yes")
    login("--yes", url="http://other.test")
    done = command("logout", URL)
    assert (done.status, done.out) == (0, f"forgotten {URL}\n")
    assert [profile.url for profile in kept()] == ["http://other.test"]
    assert command("logout", URL).status == 3


def test_logout_can_revoke_the_token_of_the_profile(
    login: Login, command: Command, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    login("--yes")
    with fake.blocking_client() as client:
        client.tokens.create("first", ["reader:*"])
        client.tokens.create("second", ["reader:*"])
    monkeypatch.setenv("REGISTRY_TOKEN", ADMINISTRATOR)  # which is not the one to revoke
    assert command("logout", "--revoke").out == f"revoked {URL}\n"
    assert [bool(token.get("revoked_at")) for token in fake.tokens] == [False, True]
    (request,) = fake.sent("^DELETE /v1/tokens")
    assert request.headers["authorization"] == f"Bearer {MADE}"
    assert kept() == ()


def test_a_token_that_counts_no_more_is_forgotten_by_a_revocation_too(
    login: Login, command: Command, fake: FakeRegistry
) -> None:
    login("--yes")
    fake.identities.clear()
    assert command("logout", "--revoke").status == 0
    assert kept() == ()


def test_the_administrators_token_cannot_be_revoked_and_stays(
    login: Login, command: Command
) -> None:
    login("--yes", token=ADMINISTRATOR)
    refused = command("logout", "--revoke")
    assert (refused.status, len(kept())) == (4, 1)


def test_config_shows_everything_but_the_tokens(command: Command, fake: FakeRegistry) -> None:
    profiles = (Profile(URL, FURTHER, MADE), Profile("http://open.test"))
    change_profiles(lambda _: Profiles(profiles, URL))
    shown = command("config").out
    assert str(profiles_path()) in shown
    assert "http://ingest.test http://query.test" in shown
    assert json.loads(command("config", "--json").out) == {
        "path": str(profiles_path()),
        "url": URL,
        "default": URL,
        "profiles": [
            {"url": URL, "origins": list(FURTHER), "has_token": True},
            {"url": "http://open.test", "origins": [], "has_token": False},
        ],
    }
    assert "5ec2e7" not in shown + command("config", "--json").out


def test_the_default_is_taken_where_nothing_else_names_a_registry(
    command: Command, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGISTRY_URL")
    assert json.loads(command("config", "--json").out)["url"] == "http://localhost:8000"
    assert command("config", "set-default", f"{URL}/").out == f"default {URL}\n"
    assert json.loads(command("config", "--json").out)["url"] == URL
    assert command("whoami").status == 0
    assert fake.requests[-1].url.host == "registry.test"
    assert command("config", "set-default", "nonsense").status == 2
