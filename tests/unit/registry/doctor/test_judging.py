"""What the answers of a registry's parts mean to the doctor."""

from datetime import UTC, datetime, timedelta

import pytest

from registry.doctor.findings import Finding, State, worst
from registry.doctor.judging import judge_clock, judge_readiness, judge_token, judge_versions
from registry.schemas import Identity

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("waits_for", "lag_seconds", "state", "text"),
    [
        ((), 0.0, "ok", "ready"),
        (("Kafka", "MinIO"), 0.0, "failure", "waits for Kafka, MinIO"),
        ((), 31.0, "warning", "31 s behind"),
        ((), 29.0, "ok", "ready"),
    ],
)
def test_a_part_that_waits_fails_and_one_that_is_behind_is_told(
    waits_for: tuple[str, ...], lag_seconds: float, state: State, text: str
) -> None:
    found = judge_readiness("indexer", waits_for, lag_seconds)
    assert (found.name, found.state) == ("indexer", state)
    assert text in found.found
    assert bool(found.remedy) == (state != "ok")


def test_what_has_waited_longest_is_named() -> None:
    assert judge_readiness("indexer", (), 31.4, "work").found == "is 31 s behind (oldest work)"


@pytest.mark.parametrize(
    ("client", "ingest", "query", "state"),
    [
        ("1.2.0", "1.9.0", "1.9.0", "ok"),
        ("1.2.0", "2.0.0", "2.0.0", "warning"),
        ("0.1.0", "0.1.4", "0.1.4", "ok"),
        ("0.1.0", "0.2.0", "0.2.0", "warning"),
        ("1.2.0", "1.2.0", "1.3.0", "warning"),
        ("1.2.0", None, None, "ok"),
        (None, "1.2.0", "1.2.0", "ok"),
    ],
)
def test_releases_fit_within_one_series(
    client: str | None, ingest: str | None, query: str | None, state: State
) -> None:
    assert judge_versions(client, {"ingest": ingest, "query": query}).state == state


@pytest.mark.parametrize(
    ("ahead", "state"),
    [
        ({}, "skipped"),
        ({"query": 4.0, "storage": 0.0}, "ok"),
        ({"query": 6.0}, "warning"),
        ({"query": -6.0}, "warning"),
        ({"query": -4.0, "storage": 4.0}, "warning"),
        ({"storage": 901.0}, "failure"),
    ],
)
def test_a_clock_is_told_where_it_differs_from_this_machine_or_from_another_server(
    ahead: dict[str, float], state: State
) -> None:
    assert judge_clock(ahead).state == state


@pytest.mark.parametrize(
    ("grants", "ends", "found_in", "state"),
    [
        (["reader:*"], None, "that of REGISTRY_TOKEN", "ok"),
        (["reader:*"], timedelta(days=8), "that of REGISTRY_TOKEN", "ok"),
        (["reader:*"], timedelta(days=6), "that of REGISTRY_TOKEN", "warning"),
        ([], None, "that of REGISTRY_TOKEN", "warning"),
        ([], None, "", "warning"),
        (["reader:*"], None, "", "ok"),
    ],
)
def test_a_token_is_told_with_what_it_may_and_when_it_ends(
    grants: list[str], ends: timedelta | None, found_in: str, state: State
) -> None:
    identity = Identity(
        principal="token:1",
        kind="token",
        name="ci",
        grants=grants,
        expires_at=None if ends is None else NOW + ends,
    )
    found = judge_token(identity, found_in, "run `registry login`", NOW)
    assert found.state == state
    assert all(grant in found.found for grant in grants)
    assert bool(found.remedy) == (state == "warning")


def test_the_worst_is_the_whole_and_what_was_skipped_is_not_bad() -> None:
    def of(*states: State) -> State:
        return worst([Finding(name="x", state=state, found="") for state in states])

    assert of("ok", "skipped") == "ok"
    assert of("skipped", "warning", "ok") == "warning"
    assert of("warning", "failure", "skipped") == "failure"
