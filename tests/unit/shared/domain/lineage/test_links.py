"""Links of a version are added once each, removed by their ids, and told to whom may see them."""

from datetime import UTC, datetime

import pytest

from registry.schemas.links import MAX_LINKS, LineageRequest, Link
from shared.domain.access.decision import EVERY_NAME, NameFilter
from shared.domain.errors import Conflict
from shared.domain.lineage.links import (
    outside_links,
    parent_ids,
    told_links,
    version_link,
    with_links,
    without_link,
)
from tests.support.records import version

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def requested(**told: object) -> list[Link]:
    return outside_links(LineageRequest.model_validate(told), NOW, "me")


def test_everything_that_was_said_becomes_a_link() -> None:
    links = requested(
        parents=["hf://org/base"],
        datasets=[{"uri": "s3://data", "name": "churn", "digest": "sha256:00"}],
        run={"id": "7", "uri": "https://runs/7"},
        code="https://git/churn@5f0c",
    )
    assert [(each.kind, each.relation, each.uri, each.name) for each in links] == [
        ("external", "derived", "hf://org/base", ""),
        ("dataset", "trained_on", "s3://data", "churn"),
        ("run", "produced_by", "https://runs/7", "7"),
        ("code", "built_from", "https://git/churn", ""),
    ]
    assert (links[1].digest, links[3].revision) == ("sha256:00", "5f0c")
    assert {(each.at, each.by) for each in links} == {(NOW, "me")}
    assert len({each.id for each in links}) == 4


def test_what_is_said_already_is_not_said_twice() -> None:
    first = requested(datasets=["s3://a", "s3://b"])
    again = with_links(first, requested(datasets=["s3://b", "s3://c", "s3://c"]))
    assert [each.uri for each in again] == ["s3://a", "s3://b", "s3://c"]
    assert again[:2] == first
    other = requested(datasets=[{"uri": "s3://a", "relation": "evaluated_on"}])
    assert len(with_links(first, other)) == 3
    assert without_link(again, first[0].id) == again[1:]
    assert without_link(again, "0" * 16) == again


def test_a_version_has_so_many_links_and_no_more() -> None:
    most = requested(datasets=[f"s3://{n}" for n in range(MAX_LINKS - 2)], run="1", code="git://x")
    assert len(with_links([], most)) == MAX_LINKS
    with pytest.raises(Conflict, match=f"at most {MAX_LINKS} links"):
        with_links(most, requested(parents=["s3://one-more"]))
    long = requested(datasets=["s3://" + "x" * 1000 + str(n) for n in range(80)])
    with pytest.raises(Conflict, match="65536 bytes"):
        with_links([], long)
    wide = requested(datasets=["s3://" + "\N{ROCKET}" * 1000 + str(n) for n in range(20)])
    with pytest.raises(Conflict, match="65536 bytes"):
        with_links([], wide)


def test_parents_that_the_reader_may_not_see_are_told_without_anything_but_the_relation() -> None:
    parent = version().model_copy(update={"model": "secret.base"})
    link = version_link(parent, "fine_tuned", NOW, "me")
    outside = requested(datasets=["s3://a"])
    made = version().model_copy(update={"lineage": [link, *outside]})
    assert told_links(made, EVERY_NAME).links == [link, *outside]
    [hidden, told] = told_links(made, NameFilter(names=frozenset(["churn"]))).links
    assert told == outside[0]
    assert hidden == Link(id=link.id, kind="hidden", relation="fine_tuned", at=NOW, by="me")
    assert parent_ids([link, *outside, link]) == [parent.id]
