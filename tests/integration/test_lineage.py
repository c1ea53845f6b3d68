"""Lineage changed by many at once stays without a cycle, and is what a plain model says.

`LINEAGE_CHANGES=10000` makes as many; each test run makes fewer.
"""

import asyncio
import os
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest

from registry.schemas import ModelEvent
from registry.schemas.links import Link
from services.admin.rebuild.overlay import overlay
from shared.database.client import Database
from shared.database.collection import Collection
from shared.database.lifecycle import settle
from shared.database.lineage import MAX_ANCESTORS, change_links, children_of, read_linked
from shared.database.opening import open_version
from shared.database.recovery.lineage import restore_edges
from shared.database.transactions import Deadline
from shared.database.versions import Versions
from shared.domain.errors import Conflict
from shared.domain.lineage.links import parent_ids, with_links, without_link
from shared.domain.records import VersionRecord, new_id, utc_now
from tests.integration.drafts import draft, parent_link, pending_events, sequences, verified
from tests.support.wire_faults import WRITE_CONFLICT
from tests.support.wire_proxy import WireProxy

CHANGES = int(os.environ.get("LINEAGE_CHANGES", "400"))
CALLERS = 8
VERSIONS = 12
SEED = 7


async def versions_of(database: Database, count: int, models: int = 1) -> list[VersionRecord]:
    names = [f"model-{new_id()[:12]}" for _ in range(models)]
    return [await open_version(database, draft(names[n % models])) for n in range(count)]


async def add(database: Database, child: VersionRecord, *parents: VersionRecord) -> VersionRecord:
    """Add parents to a version as ingest does."""
    links = [parent_link(parent) for parent in parents]
    found = await change_links(
        database, child.id, lambda before: with_links(before.lineage, links), adds_parents=True
    )
    assert found is not None
    return found


async def remove(database: Database, child: VersionRecord, link_id: str) -> VersionRecord:
    found = await change_links(
        database, child.id, lambda now: without_link(now.lineage, link_id), adds_parents=False
    )
    assert found is not None
    return found


Graph = dict[str, set[str]]
"""Parents by child, by their ids."""


async def recorded(database: Database, versions: list[VersionRecord]) -> Graph:
    found = await read_linked(database, [each.id for each in versions])
    return {each.id: set(parent_ids(each.lineage)) for each in found.values()}


def ancestors(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for parent in graph.get(waiting.pop(), set()) - seen:
            seen.add(parent)
            waiting.append(parent)
    return seen


async def require_edges(database: Database, versions: list[VersionRecord], graph: Graph) -> None:
    """What children are found by is what the versions say."""
    for parent in versions:
        children, is_cut = await children_of(database, [parent.id], limit=1000)
        assert not is_cut
        assert {each.id for each in children} == {c for c in graph if parent.id in graph[c]}


@dataclass
class Tally:
    added: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    refused: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    codes: set[str] = field(default_factory=set[str])


async def test_parents_added_by_many_at_once_never_make_a_cycle(database: Database) -> None:
    versions = await versions_of(database, VERSIONS, models=3)
    tally, left = Tally(), iter(range(CHANGES))

    async def caller(chance: random.Random) -> None:
        for _ in left:
            child, parent = chance.choice(versions), chance.choice(versions)
            pair = (child.id, parent.id)
            try:
                await add(database, child, parent)
            except Conflict as conflict:
                tally.codes.add(conflict.code)
                tally.refused.add(pair)
            else:
                tally.added.add(pair)

    await asyncio.gather(*(caller(random.Random(SEED + n)) for n in range(CALLERS)))  # noqa: S311
    assert tally.codes == {"lineage_cycle"}
    assert not tally.added & tally.refused, "links only come: what made a cycle once does for ever"
    graph = await recorded(database, versions)
    assert {(child, parent) for child in graph for parent in graph[child]} == tally.added
    for version in versions:
        assert version.id not in ancestors(graph, version.id)
    for child, parent in tally.refused:
        assert child == parent or child in ancestors(graph, parent), "it would have made a cycle"
    await require_edges(database, versions, graph)
    for model in {each.model for each in versions}:
        told = await sequences(database, model)
        assert told == list(range(1, len(told) + 1))


async def test_links_that_come_and_go_at_random_are_those_of_a_plain_model(
    database: Database,
) -> None:
    versions = await versions_of(database, VERSIONS)
    chance = random.Random(SEED)  # noqa: S311 - to be repeatable
    expected: Graph = defaultdict(set)
    for _ in range(CHANGES // 2):
        child, parent = chance.sample(versions, 2)
        if chance.random() < 0.4:
            known = (await read_linked(database, [child.id]))[child.id].lineage
            if known:
                gone = chance.choice(known)
                await remove(database, child, gone.id)
                expected[child.id].discard(gone.version_id or "")
            continue
        is_cycle = child.id in ancestors(expected, parent.id)
        try:
            await add(database, child, parent)
        except Conflict:
            assert is_cycle
        else:
            assert not is_cycle
            expected[child.id].add(parent.id)
    graph = await recorded(database, versions)
    assert graph == {each.id: expected[each.id] for each in versions}
    await require_edges(database, versions, graph)


async def test_of_two_that_name_each_other_at_one_moment_the_second_one_sees_the_first(
    database: Database, faulty: Database, proxy: WireProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MongoDB fails the slower one at its first statement; the other one is done meanwhile."""
    one, other = await versions_of(database, 2)
    pause, done = Deadline.pause, list[VersionRecord]()

    async def pause_while_the_other_is_done(deadline: Deadline, reason: Any) -> None:
        if not done:
            done.append(await add(database, other, one))
        await pause(deadline, reason)

    monkeypatch.setattr(Deadline, "pause", pause_while_the_other_is_done)
    script = proxy.inject(
        WRITE_CONFLICT, lambda command: command.collection == "edges" and command.starts_transaction
    )
    with pytest.raises(Conflict, match="would be made from itself"):
        await add(faulty, one, other)
    assert script.left == 0
    assert await recorded(database, [one, other]) == {one.id: set(), other.id: {one.id}}


async def test_a_parent_that_the_transaction_does_not_see_yet_is_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was found by a reading outside: the snapshot may be older than that."""
    [child] = await versions_of(database, 1)
    parent = draft(child.model, lineage=[parent_link(child)])
    pause, tries = Deadline.pause, 0

    async def pause_while_it_is_opened(deadline: Deadline, reason: Any) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await open_version(database, parent, number=7)
        await pause(deadline, reason)

    monkeypatch.setattr(Deadline, "pause", pause_while_it_is_opened)
    with pytest.raises(Conflict, match="would be made from itself"):
        await add(database, child, parent.model_copy(update={"number": 7}))
    assert tries == 1


async def test_whoever_adds_parents_changes_the_common_document_before_anything_is_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what two transactions both write makes one of them begin anew."""
    one, other = await versions_of(database, 2)
    asked: list[tuple[str, str]] = []

    def noting(name: str) -> Any:
        original = getattr(Collection, name)

        def noted(self: Collection, query: Any, *rest: Any, **options: Any) -> Any:
            if options.get("transaction") is not None:
                asked.append((f"{self.name}.{name}", str(query)))
            return original(self, query, *rest, **options)

        return noted

    for name in ("find", "find_one", "update_one", "bulk_write"):
        monkeypatch.setattr(Collection, name, noting(name))
    await add(database, one, other)
    assert asked[0] == ("edges.update_one", "{'_id': 'additions'}")
    assert any(name == "versions.find" for name, _ in asked), "and then the ancestors are read"
    asked.clear()
    [link] = (await read_linked(database, [one.id]))[one.id].lineage
    await remove(database, one, link.id)
    assert not any(query == "{'_id': 'additions'}" for _, query in asked)


async def test_an_upload_that_names_parents_waits_for_nobody_who_adds_them(
    database: Database,
) -> None:
    base, *_ = await versions_of(database, 1)
    count = await additions(database)
    made = [
        await open_version(database, draft(base.model, lineage=[parent_link(base)]))
        for _ in range(3)
    ]
    assert await additions(database) == count
    children, is_cut = await children_of(database, [base.id], limit=2)
    assert (len(children), is_cut) == (2, True)
    children, is_cut = await children_of(database, [base.id], limit=3)
    assert ({each.id for each in children}, is_cut) == ({each.id for each in made}, False)


async def additions(database: Database) -> int:
    found = await database.edges.find_one({"_id": "additions"})
    return found["count"] if found else 0


async def test_a_chain_that_is_too_long_to_be_looked_at_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.database.lineage.MAX_ANCESTORS", 5)
    first, *rest = await versions_of(database, 7)
    for child, parent in zip(rest, [first, *rest], strict=False):
        await open_version(database, draft(child.model))
        with_parent = [parent_link(parent)]
        await database.versions.driver.update_one(
            {"_id": child.id}, {"$set": {"lineage": [each.model_dump() for each in with_parent]}}
        )
    outside = await open_version(database, draft(first.model))
    with pytest.raises(Conflict) as caught:
        await add(database, outside, rest[-1])
    assert caught.value.code == "lineage_too_large"
    await add(database, outside, rest[2])
    assert MAX_ANCESTORS > 1000


async def test_each_change_is_told_in_the_models_sequence_with_all_links(
    database: Database,
) -> None:
    base, child = await versions_of(database, 2)
    changed = await add(database, child, base)
    assert (await add(database, child, base)).sequence == changed.sequence, "nothing new, no event"
    await settle(database, [verified(child)])
    await remove(database, child, changed.lineage[0].id)
    events = [
        ModelEvent.model_validate_json(each.body)
        for each in await pending_events(database, child.model)
    ]
    assert [each.sequence for each in events] == list(range(1, 6))
    assert [
        (each.type.removeprefix("registry.version."), each.data.lineage)
        for each in events
        if each.data.version_id == child.id
    ] == [
        ("created.v1", []),
        ("lineage.v1", changed.lineage),
        ("ready.v1", changed.lineage),
        ("lineage.v1", []),
    ]
    assert events[-1].data.state == "ready"


async def test_what_the_events_tell_brings_lineage_back(database: Database) -> None:
    base, child = await versions_of(database, 2)
    changed = await add(database, child, base)
    *_, last = await pending_events(database, child.model)
    event = ModelEvent.model_validate_json(last.body)
    again = overlay(child, event, now=utc_now(), ttl=utc_now() - utc_now())
    assert again.lineage == changed.lineage
    earlier = event.model_copy(update={"data": event.data.model_copy(update={"lineage": None})})
    link: list[Link] = [parent_link(base)]
    of_manifest = child.model_copy(update={"lineage": link})
    told = overlay(of_manifest, earlier, now=utc_now(), ttl=utc_now() - utc_now())
    assert told.lineage == link, "an event of an earlier release says nothing of it"
    await database.edges.driver.delete_many({})
    assert (await children_of(database, [base.id], limit=5))[0] == []
    assert await restore_edges(database, child.model) == 1
    assert await restore_edges(database, child.model) == 0
    assert [each.id for each in (await children_of(database, [base.id], limit=5))[0]] == [child.id]


async def test_an_edge_that_the_child_does_not_say_is_nobodys_child(database: Database) -> None:
    base, child = await versions_of(database, 2)
    stale = {"_id": f"{child.id}/{base.id}", "child_id": child.id, "parent_id": base.id}
    await database.edges.insert_one(stale)
    assert (await children_of(database, [base.id], limit=5))[0] == []
    found = await Versions(database).get(child.id)
    assert found is not None
    assert found.lineage == []


async def test_a_child_is_found_behind_many_that_others_share(database: Database) -> None:
    parents = await versions_of(database, 3)
    *sharing, last = sorted(parents, key=lambda each: each.id)
    links = [parent_link(each) for each in sharing]
    shared = [await open_version(database, draft("c", lineage=links)) for _ in range(4)]
    own = await open_version(database, draft("c", lineage=[parent_link(last)]))
    ids = [each.id for each in parents]
    found, is_cut = await children_of(database, ids, limit=5)
    assert ({each.id for each in found}, is_cut) == ({own.id, *(each.id for each in shared)}, False)
    assert (await children_of(database, ids, limit=4))[1]
