"""Which versions leave the cache, against a plain model of it; and those that are in use stay."""

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import registry
from registry.cache import Cache, pins
from registry.cache.entries import CachedFile, Entry
from registry.cache.eviction import Holding, choose
from registry.cache.layout import sha256_of

BLOBS = {"a": 10, "b": 20, "c": 40, "d": 80}

holdings = st.lists(
    st.builds(
        Holding,
        key=st.uuids().map(str),
        used_at=st.integers(0, 5).map(float),
        is_used=st.booleans(),
        blobs=st.frozensets(st.sampled_from("abcdx")),
        own_bytes=st.sampled_from([0, 0, 7]),
    ),
    max_size=6,
)


def size_of(kept: list[Holding]) -> int:
    names = {name for each in kept for name in each.blobs if name in BLOBS}
    return sum(BLOBS[name] for name in names) + sum(each.own_bytes for each in kept)


@given(holdings, st.integers(0, 200))
def test_what_leaves_was_used_least_lately_frees_room_and_is_no_more_than_needed(
    found: list[Holding], limit: int
) -> None:
    keys, left = choose(found, BLOBS, limit)
    gone = [each for each in found if each.key in keys]
    kept = [each for each in found if each.key not in keys]
    assert left == size_of(kept)
    assert not any(each.is_used for each in gone)
    if left > limit:  # whatever is left is used, or shares all its bytes with what is
        used = [each for each in kept if each.is_used]
        assert left == size_of(used)
    for each in gone:
        assert size_of([*kept, each]) > size_of(kept), "it left for nothing"
        later = [other for other in gone if (other.used_at, other.key) >= (each.used_at, each.key)]
        assert size_of([*kept, *later]) > limit, "those before it were enough"


def entry(name: str, files: dict[str, tuple[str, int]]) -> Entry:
    return Entry(
        key=name,
        registry="http://registry.test",
        model="m",
        number=int(name[1:]),
        version_id=name,
        files=[CachedFile(path=p, size_bytes=n, sha256=s) for p, (s, n) in files.items()],
        folder=f"versions/{name}",
        fetched_at=datetime.now(UTC),
    )


@pytest.fixture
def put(cache: Cache, tmp_path: Path) -> Callable[[str, list[bytes]], Entry]:
    """Put a version with these files into the cache, as a fetch does; it is in use then."""

    def call(name: str, contents: list[bytes]) -> Entry:
        arrived: dict[str, Path] = {}
        files: dict[str, tuple[str, int]] = {}
        for number, data in enumerate(contents):
            place = tmp_path / f"{name}-{number}"
            place.write_bytes(data)
            arrived[str(number)] = place
            files[str(number)] = (sha256_of(place), len(data))
        made = entry(name, files)
        begun = cache.begin(made)
        if isinstance(begun, Entry):
            assert cache.place(begun, arrived) == []
        return made

    return call


def test_a_random_life_holds_what_a_plain_model_of_it_holds(
    cache: Cache, put: Callable[[str, list[bytes]], Entry]
) -> None:
    """Fetches, releases and prunes at random; the model is a list in order of use."""
    chance = random.Random(38)  # noqa: S311 - no secret
    cache.limit_bytes = 1000
    contents = {
        f"v{n}": [bytes([chance.randrange(8)]) * 50 * k for k in (1, 2, chance.randrange(3, 6))]
        for n in range(12)
    }
    order: list[str] = []  # what is there, least lately used first
    used: dict[str, int] = {}

    def size(names: list[str]) -> int:
        return sum(len(data) for data in {data for name in names for data in contents[name]})

    def evict(limit: int, also: list[str]) -> None:
        gone: list[str] = []
        for name in order:
            if size([*(each for each in order if each not in gone), *also]) <= limit:
                break
            if not used.get(name) and name not in also:
                gone.append(name)
        kept = [each for each in order if each not in gone]
        for name in gone:
            if size([*kept, *also, name]) > size([*kept, *also]):
                order.remove(name)

    for step in range(300):
        name = chance.choice(sorted(contents))
        match chance.randrange(5):
            case 0 if used:
                name = chance.choice(sorted(used))
                cache.release(name)
                used[name] -= 1
                if not used[name]:
                    del used[name]
            case 1:
                limit = chance.randrange(1000)
                cache.prune(limit)
                evict(limit, [])
            case _:
                pinned = [*used, *([] if name in order else [name])]
                if name not in order and size(pinned) > 1000:
                    with pytest.raises(registry.CacheFullError, match="release what is not needed"):
                        put(name, contents[name])
                    continue
                put(name, contents[name])
                if name in order:
                    order.remove(name)
                else:
                    evict(1000, [name])
                order.append(name)
                used[name] = used.get(name, 0) + 1
                # Times of files are coarser than steps: say in which order they came.
                for at, each in enumerate(order):
                    moment = step * 1000 + at

                    os.utime(cache.layout.entry(each), (moment, moment))
        there = {each.number for each in cache.versions()}
        assert there == {int(each[1:]) for each in order}, f"step {step}"
        assert {e.number for e in cache.versions() if e.in_use} == {int(n[1:]) for n in used}
        assert sum(path.stat().st_size for path in cache.layout.blobs()) == size(order) <= 1000
        for each in order:
            folder = cache.folder / "versions" / each
            assert [(folder / str(n)).read_bytes() for n in range(3)] == contents[each]


def test_what_a_process_that_ended_used_leaves(
    cache: Cache, put: Callable[[str, list[bytes]], Entry]
) -> None:
    put("v1", [b"x" * 100])
    assert cache.prune(0).removed == []
    assert [each.in_use for each in cache.versions()] == [True]
    pins.forget_all(cache.layout.pins)
    assert [each.number for each in cache.prune(0).removed] == [1]
    assert cache.versions() == []
    assert list(cache.layout.blobs()) == []


def test_a_fetch_that_waits_for_room_has_it_before_it_begins(
    cache: Cache, put: Callable[[str, list[bytes]], Entry]
) -> None:
    cache.limit_bytes = 150
    begun = cache.begin(entry("v1", {"f": ("0" * 64, 100)}))
    assert isinstance(begun, Entry)
    with pytest.raises(registry.CacheFullError, match=r"needs 100 bytes more .* 100 are in use"):
        put("v2", [b"y" * 100])
    cache.release("v1")
    put("v2", [b"y" * 100])
    assert [each.number for each in cache.versions()] == [2], "nothing came of the first"
