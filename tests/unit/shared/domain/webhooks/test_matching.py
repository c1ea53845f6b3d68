"""Which subscriptions an event is for, against a plain model of what was asked for."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.access.grants import Grant
from shared.domain.webhooks.matching import (
    SeenEvent,
    VersionFacts,
    is_about,
    may_be_told,
    may_match,
    needs_facts,
    read_event,
)
from shared.domain.webhooks.records import SubscriptionRecord

NOW = datetime(2026, 11, 28, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
MODELS = ("risk.churn", "risk.fraud", "risk", "riskier.churn", "other")
TYPES = ("registry.version.ready.v1", "registry.alias.moved.v1")
ALIASES = ("production", "staging", None)


def subscription(**fields: Any) -> SubscriptionRecord:
    told = {"owner": "administrator", "made_by": "administrator", "url": "https://example.com/"}
    times = {"created_at": NOW, "changed_at": NOW}
    return SubscriptionRecord.model_validate(
        {"id": "w", "models": ["*"], **told, **times, **fields}
    )


def event(**fields: Any) -> SeenEvent:
    usual: dict[str, Any] = {
        "id": "e",
        "source": "/r",
        "type": TYPES[0],
        "model": "risk.churn",
        "sequence": 1,
        "at": NOW,
        "version_id": "v",
        "alias": None,
        "body": "{}",
    }
    return SeenEvent(**{**usual, **fields})


def matches(asked: SubscriptionRecord, seen: SeenEvent, facts: VersionFacts) -> bool:
    if not may_match(asked, seen, kept_since=LONG_AGO):
        return False
    known = facts if needs_facts(asked, seen) else VersionFacts()
    return is_about(asked, seen, known)


def plainly(asked: SubscriptionRecord, seen: SeenEvent, facts: VersionFacts) -> bool:
    """What the documentation says, in the plainest words."""
    by_name = False
    for pattern in asked.models:
        if pattern == "*" or pattern == seen.model:
            by_name = True
        if pattern.endswith(".*") and seen.model.startswith(pattern[:-1]):
            by_name = True
    by_type = asked.types == [] or seen.type in asked.types
    about = {seen.alias, *facts.aliases}
    by_alias = asked.aliases == [] or any(each in about for each in asked.aliases)
    by_tag = all(facts.tags.get(name) == text for name, text in asked.tags.items())
    return by_name and by_type and by_alias and by_tag


def test_it_is_told_what_it_is_for_and_nothing_else() -> None:
    made = random.Random(1)  # noqa: S311 - no secret
    found = {True: 0, False: 0}
    for _ in range(5000):
        patterns = made.sample(["*", "risk.*", *MODELS], k=made.randint(1, 2))
        asked = subscription(
            models=patterns,
            types=made.sample(TYPES, k=made.randint(0, 2)),
            aliases=made.sample(["production", "staging"], k=made.randint(0, 2)),
            tags=made.choice([{}, {}, {"team": "risk"}, {"team": "risk", "a": "b"}]),
        )
        seen = event(model=made.choice(MODELS), type=made.choice(TYPES), alias=made.choice(ALIASES))
        facts = VersionFacts(
            frozenset(made.sample(["production", "staging"], k=made.randint(0, 2))),
            made.choice([{}, {"team": "risk"}, {"team": "x"}, {"team": "risk", "a": "b"}]),
        )
        expected = plainly(asked, seen, facts)
        assert matches(asked, seen, facts) == expected, (asked, seen, facts)
        found[expected] += 1
    assert min(found.values()) > 500


def test_what_happened_before_it_was_made_it_is_not_told() -> None:
    old = event(at=NOW - timedelta(minutes=2))
    assert not may_match(subscription(), old, kept_since=LONG_AGO)
    assert may_match(subscription(), event(at=NOW - timedelta(seconds=30)), kept_since=LONG_AGO)


def test_what_may_be_forgotten_already_is_not_delivered_again() -> None:
    asked = subscription(created_at=LONG_AGO)
    old = event(at=NOW - timedelta(days=20))
    assert may_match(asked, old, kept_since=LONG_AGO)
    assert not may_match(asked, old, kept_since=NOW - timedelta(days=19))


@pytest.mark.parametrize(
    ("grant", "told"),
    [
        ("reader:risk.*", True),
        ("events:risk.churn", True),
        ("admin:*", True),
        ("reader:risk.fraud", False),
        ("events:other", False),
        ("alias:risk.churn@production", False),
    ],
)
def test_an_owner_is_told_of_what_their_grants_allow(grant: str, told: bool) -> None:
    assert may_be_told([Grant.parse(grant)], "risk.churn") == told


def document(**fields: Any) -> bytes:
    usual: dict[str, Any] = {
        "specversion": "1.0",
        "id": "v-1",
        "source": "/r",
        "type": TYPES[0],
        "subject": "churn/1",
        "time": NOW.isoformat(),
        "sequence": 1,
        "data": {"model": "churn", "version_id": "v"},
    }
    return json.dumps({**usual, **fields}).encode()


def test_an_event_of_a_newer_release_is_read_as_far_as_it_is_known() -> None:
    found = read_event(document(further=1, data={"model": "m", "version_id": "v", "more": [1]}))
    assert found is not None
    assert (found.model, found.alias) == ("m", None)


def test_the_alias_that_an_event_is_about_is_found() -> None:
    data = {"model": "m", "version_id": "v"}
    moved = read_event(document(data={**data, "alias": {"name": "production"}}))
    proposed = read_event(document(data={**data, "proposal": {"alias": "staging"}}))
    assert moved is not None
    assert proposed is not None
    assert (moved.alias, proposed.alias) == ("production", "staging")


@pytest.mark.parametrize("kind", ["registry.namespace.rules.v1", "registry.webhook.disabled.v1"])
def test_what_tells_of_no_model_is_passed_over(kind: str) -> None:
    assert read_event(document(type=kind, data={"scope": "*"})) is None


@pytest.mark.parametrize("value", [b"", b"[]", b"{}", b"\xff", b'{"id": "x"}', document(data={})])
def test_what_is_no_event_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"no model event|codec"):
        read_event(value)
