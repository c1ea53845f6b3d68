"""The examples of docs/oidc.md are settings that do what the text says."""

import re
from pathlib import Path
from typing import Any

import pytest

from shared.domain.access.claims import granted
from shared.domain.access.issuers import MAX_RULES, MAX_SKEW_SECONDS, TrustedIssuer
from shared.domain.access.tokens import MAX_CHARACTERS
from shared.runtime.settings import Settings
from shared.web.access.authentication import VERDICT_SECONDS
from shared.web.access.oidc.documents import FETCH_SECONDS, MAX_DOCUMENT_BYTES
from shared.web.access.oidc.keys import (
    FRESH_SECONDS,
    LONGEST_PAUSE_SECONDS,
    PAUSE_SECONDS,
    STALE_SECONDS,
)
from tests.support.isolation import SETTINGS

PAGE = (Path(__file__).parents[3] / "docs" / "oidc.md").read_text(encoding="utf-8")
GITHUB, KUBERNETES, STAFF = range(3)


def example() -> tuple[TrustedIssuer, ...]:
    [text] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    return Settings.model_validate(SETTINGS.model_dump() | {"oidc_issuers": text}).oidc_issuers


@pytest.mark.parametrize(
    ("issuer", "claims", "expected"),
    [
        (
            GITHUB,
            {"sub": "repo:acme/risk:ref:refs/heads/main", "repository_owner_id": "1234567"},
            ["writer:risk.*"],
        ),
        (GITHUB, {"sub": "repo:acme/risk:pull_request", "repository_owner_id": "1234567"}, []),
        (KUBERNETES, {"sub": "system:serviceaccount:ml:trainer"}, ["writer:risk.*"]),
        (KUBERNETES, {"kubernetes.io": {"namespace": "serving"}}, ["reader:*"]),
        (KUBERNETES, {"kubernetes.io": {"namespace": "ml"}}, []),
        (STAFF, {"groups": ["ops", "ml-risk"], "email_verified": True}, ["reader:*"]),
        (STAFF, {"groups": ["ml-risk"], "email_verified": "true"}, []),
        (STAFF, {"realm_access": {"roles": ["registry-admin"]}}, ["admin:*"]),
    ],
)
def test_the_example_grants_what_it_seems_to(
    issuer: int, claims: dict[str, Any], expected: list[str]
) -> None:
    assert [str(grant) for grant in granted(example()[issuer].rules, claims)] == expected


def test_every_field_of_an_issuer_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert rows == list(TrustedIssuer.model_fields)


def test_the_times_and_bounds_are_those_of_the_code() -> None:
    assert f"at most {MAX_RULES}" in PAGE
    assert f"60, at most {MAX_SKEW_SECONDS}" in PAGE
    assert f"at most {MAX_CHARACTERS} characters" in PAGE
    assert f"at most {PAUSE_SECONDS + VERDICT_SECONDS:g} s later" in PAGE
    removed = FRESH_SECONDS + PAUSE_SECONDS + VERDICT_SECONDS
    assert f"within {removed // 60:g} min {removed % 60:g} s" in PAGE
    assert f"at most once in {PAUSE_SECONDS:g} s" in PAGE
    assert f"within {VERDICT_SECONDS:g} s and the skew" in PAGE
    assert "for an hour since they were fetched" in PAGE
    assert STALE_SECONDS == 3600
    assert "within a minute" in PAGE
    assert LONGEST_PAUSE_SECONDS == 60
    assert (
        f"{MAX_DOCUMENT_BYTES // 1024} KiB, and both together may take {FETCH_SECONDS:g} s" in PAGE
    )
