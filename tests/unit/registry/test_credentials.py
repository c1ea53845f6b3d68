"""Which token is taken for a registry, and where it may be sent."""

from pathlib import Path

import pytest

from registry._credentials import find_credentials, registry_url
from registry._profiles import Profile, Profiles, change_profiles, profiles_path
from registry.errors import InvalidRequestError, ProtocolError, UntrustedOriginError

URL = "http://registry.example:8000"
QUERY = "http://registry.example:8001"
ELSEWHERE = "http://elsewhere.example"


@pytest.fixture(autouse=True)
def no_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def keep(*profiles: Profile, default: str | None = None) -> None:
    change_profiles(lambda _before: Profiles(profiles, default))


def test_the_token_that_is_given_wins_then_the_environments_then_the_profiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert find_credentials(URL).token is None
    keep(Profile(URL, (), "kept"))
    assert find_credentials(URL).token == "kept"
    monkeypatch.setenv("REGISTRY_TOKEN", "environment")
    assert find_credentials(URL).token == "environment"
    assert find_credentials(URL, "given").token == "given"


def test_a_profiles_token_goes_to_no_other_registry() -> None:
    keep(Profile(URL, (QUERY,), "kept"))
    assert find_credentials(ELSEWHERE).token is None
    assert find_credentials(QUERY).token == "kept"


def test_the_environments_token_goes_to_no_other_registry_than_the_environments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The three variables are one profile: who names another registry names no token for it."""
    monkeypatch.setenv("REGISTRY_URL", f"{URL}/")
    monkeypatch.setenv("REGISTRY_ORIGINS", QUERY)
    monkeypatch.setenv("REGISTRY_TOKEN", "environment")
    for url in (URL, f"{URL}/below", QUERY):
        assert find_credentials(url).token == "environment"
    monkeypatch.setenv("REGISTRY_URL", "http://localhost:8000")
    for url in ("http://127.0.0.1:8000", "http://[::1]:8000", "http://localhost:8000"):
        assert find_credentials(url).token == "environment", "one machine has several names"
    for url in ("http://127.0.0.1:8001", "https://127.0.0.1:8000", "http://127.0.0.1.evil:8000"):
        assert find_credentials(url).token is None
    monkeypatch.setenv("REGISTRY_URL", f"{URL}/")
    other = find_credentials(ELSEWHERE)
    assert other.token is None
    assert "REGISTRY_TOKEN is for the registry of REGISTRY_URL" in other.remedy
    assert find_credentials(ELSEWHERE, "given").token == "given"
    keep(Profile(ELSEWHERE, (), "kept"))
    assert find_credentials(ELSEWHERE).token == "kept"


def test_the_token_goes_to_the_origins_that_somebody_named_and_to_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    credentials = find_credentials(URL, "secret")
    assert credentials.headers_for(f"{URL}/v1/me") == {"authorization": "Bearer secret"}
    with pytest.raises(UntrustedOriginError, match=rf"{URL} leads to {QUERY}.*registry login"):
        credentials.headers_for(QUERY)
    keep(Profile(URL, (QUERY,)))
    for named in (
        find_credentials(URL, "secret"),
        find_credentials(URL, "secret", [ELSEWHERE]),
    ):
        assert named.headers_for(QUERY)
    monkeypatch.setenv("REGISTRY_ORIGINS", f" {ELSEWHERE} ,")
    assert find_credentials(URL, "secret").headers_for(ELSEWHERE)


@pytest.mark.parametrize(
    "url",
    [
        "http://registry.example:8001",  # another port
        "https://registry.example:8000",  # another scheme
        "http://registry.example.evil.example:8000",
        "http://evil.example/?http://registry.example:8000",
        "http://registry.example",
        "http://xregistry.example:8000",
    ],
)
def test_what_only_looks_like_the_registry_is_sent_no_token(url: str) -> None:
    with pytest.raises(UntrustedOriginError):
        find_credentials(URL, "secret").headers_for(url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("registry.example", "no http or https address"),
        ("http://registry.example:8000@evil.example", "no user and no password"),
        ("http://evil.example@registry.example:8000", "no user and no password"),
    ],
)
def test_what_is_no_address_is_sent_no_token(url: str, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        find_credentials(URL, "secret").headers_for(url)


def test_an_address_with_a_password_is_refused_without_telling_it() -> None:
    with pytest.raises(InvalidRequestError, match="url: an address must hold no user") as caught:
        registry_url("https://me:passw0rd@registry.example")
    assert "passw0rd" not in str(caught.value)


def test_without_a_token_nothing_is_sent_and_every_origin_may_be_asked() -> None:
    assert find_credentials(URL).headers_for(ELSEWHERE) == {}


def test_space_around_a_token_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "secret\n")
    assert find_credentials(URL).token == "secret"
    monkeypatch.setenv("REGISTRY_TOKEN", " ")
    assert find_credentials(URL).token is None


@pytest.mark.parametrize("token", ["se cret", "sécret", "sec\r\nx-admin: 1", 8193 * "s"])
def test_a_token_that_no_header_can_carry_is_refused_without_telling_it(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", token)
    for given in (token, None):
        with pytest.raises(InvalidRequestError, match="token: must be") as caught:
            find_credentials(URL, given)
        assert token not in str(caught.value)


@pytest.mark.parametrize("field", ["url", "origins", "REGISTRY_ORIGINS"])
def test_an_address_that_is_none_is_told_by_where_it_stands(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "nonsense" if field == "url" else URL
    if field == "REGISTRY_ORIGINS":
        monkeypatch.setenv(field, "nonsense")
    with pytest.raises(InvalidRequestError, match=f"{field}: 'nonsense' is no"):
        find_credentials(url, "secret", ["nonsense"] if field == "origins" else [])


def test_the_address_that_is_given_wins_then_the_environments_then_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert registry_url() == "http://localhost:8000"
    keep(Profile(URL), default=ELSEWHERE)
    assert registry_url() == ELSEWHERE
    monkeypatch.setenv("REGISTRY_URL", f"{QUERY}/")
    assert registry_url() == QUERY
    assert registry_url(f"{URL}/") == URL


def test_the_credentials_say_where_the_token_is_from_and_never_what_it_is() -> None:
    assert "registry login" in find_credentials(URL).remedy
    keep(Profile(URL, (), "kept-secret"))
    found = find_credentials(URL)
    assert str(profiles_path()) in found.remedy
    assert "kept-secret" not in repr(found) + found.remedy
