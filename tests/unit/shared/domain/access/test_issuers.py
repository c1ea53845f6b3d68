"""What an operator may say of issuers, and how a mistake is told."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.access.issuers import ALGORITHMS, TrustedIssuer
from shared.runtime.process import explain_bad_settings
from shared.runtime.settings import Settings
from tests.support.isolation import SETTINGS

RULE: dict[str, Any] = {
    "claims": {"sub": "repo:acme/risk:ref:refs/heads/main"},
    "grants": ["writer:risk.*"],
}
ISSUER: dict[str, Any] = {
    "url": "https://token.actions.githubusercontent.com",
    "audiences": ["https://registry.acme.example"],
    "rules": [RULE],
}


def settings_with(oidc_issuers: str) -> Settings:
    return Settings.model_validate(SETTINGS.model_dump() | {"oidc_issuers": oidc_issuers})


def complaint(oidc_issuers: str) -> str:
    with pytest.raises(ValidationError) as caught:
        settings_with(oidc_issuers)
    return explain_bad_settings(caught.value)


def test_issuers_are_a_list_in_json() -> None:
    [issuer] = settings_with(json.dumps([ISSUER])).oidc_issuers
    assert issuer.url == ISSUER["url"]
    assert issuer.rules[0].grants == ("writer:risk.*",)
    assert issuer.clock_skew_seconds == 60
    assert issuer.discovery_url == f"{ISSUER['url']}/.well-known/openid-configuration"


def test_they_come_from_the_environment_like_every_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("MONGODB_URL", "MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"):
        monkeypatch.setenv(name, "unused")
    monkeypatch.setenv("OIDC_ISSUERS", json.dumps([ISSUER]))
    found = Settings(_env_file=None)  # pyright: ignore[reportCallIssue] - the environment has them
    assert [issuer.url for issuer in found.oidc_issuers] == [ISSUER["url"]]


def test_without_any_nobody_is_trusted() -> None:
    assert settings_with("").oidc_issuers == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "OIDC_ISSUERS: Value error, must be JSON"),
        (json.dumps(ISSUER), "OIDC_ISSUERS: Value error, must be a JSON list"),
        ('[{"url": "https://a", "url": "https://b"}]', "must have each name once"),
        (json.dumps([ISSUER, ISSUER]), "OIDC_ISSUERS: Value error, must name each issuer once"),
        (json.dumps([ISSUER | {"rule": []}]), "OIDC_ISSUERS.0.rule: Extra inputs"),
        (json.dumps([ISSUER | {"audiences": []}]), "OIDC_ISSUERS.0.audiences: "),
        (
            json.dumps([ISSUER | {"rules": [RULE | {"grants": ["writer"]}]}]),
            "OIDC_ISSUERS.0.rules.0.grants.0: Value error, must be KIND:PATTERN",
        ),
        (json.dumps([ISSUER | {"rules": [RULE | {"claims": {}}]}]), ".rules.0.claims: "),
        (json.dumps([ISSUER | {"algorithms": ["HS256"]}]), "OIDC_ISSUERS.0.algorithms.0: "),
        (json.dumps([ISSUER | {"algorithms": ["none"]}]), "OIDC_ISSUERS.0.algorithms.0: "),
        (json.dumps([ISSUER | {"clock_skew_seconds": 301}]), ".clock_skew_seconds: "),
        (json.dumps([ISSUER | {"url": f"https://{n}"} for n in range(17)]), "at most 16"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, expected: str) -> None:
    assert expected in complaint(text)


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example",
        "http://localhost:4444",  # without the word that it is only local
        "https://user:secret@issuer.example",
        "https://issuer.example?tenant=1",
        "https://issuer.example#part",
        "issuer.example",
        "file:///etc/keys",
        "https://",
    ],
)
def test_an_issuer_is_reached_over_https(url: str) -> None:
    with pytest.raises(ValidationError):
        TrustedIssuer.model_validate(ISSUER | {"url": url})


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://localhost:4444/", True),
        ("http://127.0.0.1:4444", True),
        ("http://[::1]:4444", True),
        ("http://issuer.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://10.0.0.1", False),
        ("https://issuer.example", True),
    ],
)
def test_http_is_for_this_machine_alone_and_has_to_be_asked_for(url: str, allowed: bool) -> None:
    local = ISSUER | {"url": "https://issuer.example", "allow_loopback_http": True}
    assert TrustedIssuer.model_validate(local).may_ask(url) is allowed


def test_what_is_not_said_allows_each_algorithm_with_a_key_pair_and_no_other() -> None:
    allowed = TrustedIssuer.model_validate(ISSUER).algorithms
    assert allowed == ALGORITHMS
    assert not [each for each in allowed if each.startswith("HS") or each == "none"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"oidc_sign_in_issuer": "https://elsewhere.example"}, "one of OIDC_ISSUERS"),
        ({"oidc_client_id": ""}, "OIDC_CLIENT_ID must be given"),
        ({"oidc_scopes": "profile"}, "oidc_scopes"),
        ({"oidc_scopes": "openid  profile"}, "oidc_scopes"),
        ({"oidc_scopes": 'openid "'}, "oidc_scopes"),
    ],
)
def test_an_issuer_to_sign_in_at_is_one_of_those_that_are_trusted(
    changed: dict[str, str], told: str
) -> None:
    asked = {
        "oidc_issuers": json.dumps([ISSUER]),
        "oidc_sign_in_issuer": ISSUER["url"],
        "oidc_client_id": "page",
        "oidc_client_secret": "",
        "oidc_scopes": "profile openid groups",
    }
    found = Settings.model_validate(SETTINGS.model_dump() | asked)
    assert found.sign_in_issuer is not None
    assert found.oidc_client_secret is None
    with pytest.raises(ValueError, match=told):
        Settings.model_validate(SETTINGS.model_dump() | asked | changed)
