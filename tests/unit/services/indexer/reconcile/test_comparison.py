"""What a listing says about a model's versions, against a plain model of the same question."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.indexer.reconcile.comparison import Window
from shared.domain.records import PlacedArtifact, PlacedVersion
from shared.storage.listing import ListedObject

CASES = 3000
BUCKETS: Sequence[str] = ("a", "b")


@dataclass(frozen=True)
class Case:
    """Versions of a model, and what each bucket lists."""

    versions: Sequence[PlacedVersion]
    listed: dict[str, list[ListedObject]]


def random_artifact(rng: random.Random, number: int, place: int) -> PlacedArtifact:
    segment = rng.choice([str(number), str(number), "v1.0"])
    is_verified = rng.random() < 0.7
    return PlacedArtifact(
        key=f"m/{segment}/{number}-{place}",
        etag=rng.choice("xy") if is_verified or rng.random() < 0.3 else None,
        object_version=rng.choice(["1", "2", None]) if is_verified else None,
        is_verified=is_verified,
        location="n/1/other" if is_verified and rng.random() < 0.1 else None,
        references=rng.choice([0, 0, 1]) if is_verified else 0,
    )


def random_version(rng: random.Random, number: int) -> PlacedVersion:
    artifacts = [random_artifact(rng, number, place) for place in range(rng.choice([1, 1, 2, 3]))]
    if is_settled := rng.random() < 0.6:
        artifacts = [each for each in artifacts if each.is_verified] or [
            PlacedArtifact(f"m/{number}/0", "x", "1", is_verified=True)
        ]
    states = (
        ("ready", "ready", "missing", "rejected", "deleted", "purged")
        if is_settled
        else ("pending", "verifying")
    )
    return PlacedVersion(
        id=str(number),
        number=number,
        state="deleted" if (state := rng.choice(states)) == "purged" else state,
        is_purged=state == "purged",
        storage_group=rng.choice(BUCKETS),
        has_work=rng.random() < 0.3,
        artifacts=artifacts,
    )


def random_case(rng: random.Random) -> Case:
    numbers = sorted(rng.sample(range(1, 120), rng.randint(0, 8)))
    versions = [random_version(rng, number) for number in numbers]
    keys = [artifact.key for version in versions for artifact in version.artifacts]
    keys += [f"m/{rng.randint(1, 200)}/new", "m/v9/new", "m/x", "m/12345678901/f"]
    listed: dict[str, list[ListedObject]] = {}
    for bucket in BUCKETS:
        found: list[ListedObject] = []
        for key in sorted(set(rng.sample(keys, rng.randint(0, len(keys))))):
            for version in rng.sample(["1", "2", "3"], rng.choice([1, 1, 2])):
                is_latest = not found or found[-1].key != key
                found.append(ListedObject(key, version, 1, None, rng.choice("xy"), is_latest))
        listed[bucket] = found
    return Case(versions, listed)


def expected_untold(case: Case) -> set[tuple[str, str]]:
    """Each newest object that the records do not tell of, by the definition."""
    untold: set[tuple[str, str]] = set()
    for bucket, found in case.listed.items():
        for each in (found for found in found if found.is_latest):
            owners = [
                (version, artifact)
                for version in case.versions
                for artifact in version.artifacts
                if version.storage_group == bucket and artifact.key == each.key
            ]
            if not owners:
                untold.add((bucket, each.key))
                continue
            [(version, artifact)] = owners
            pinned = artifact.object_version
            is_kept = artifact.references > 0 and pinned in (None, each.object_version)
            if (
                version.state == "rejected"
                or (version.is_purged and not is_kept)
                or artifact.location is not None
            ):
                is_untold = not version.has_work
            elif artifact.is_verified:
                is_untold = pinned is not None and pinned != each.object_version
            else:
                is_untold = artifact.etag is None
            if is_untold:
                untold.add((bucket, each.key))
    return untold


def expected_doubtful(case: Case, buckets: set[str]) -> set[str]:
    """Versions whose state is not what is in their bucket."""
    doubtful: set[str] = set()
    for version in case.versions:
        if version.storage_group not in buckets:
            continue
        own = [each for each in version.artifacts if each.location is None]
        wanted = own if version.state in ("ready", "missing") else [a for a in own if a.references]
        is_there = all(
            any(
                found.key == artifact.key
                and found.etag == artifact.etag
                and (
                    found.object_version == artifact.object_version
                    if artifact.object_version is not None
                    else found.is_latest
                )
                for found in case.listed[version.storage_group]
            )
            for artifact in wanted
        )
        if is_there == (version.state == "missing"):
            doubtful.add(version.id)
    return doubtful


def windows_of(case: Case, rng: random.Random) -> list[Window]:
    """The versions in windows of any size, as the walk makes them."""
    count = len(case.versions)
    cuts = sorted(rng.sample(range(1, count), rng.randint(0, count - 1))) if count > 1 else []
    windows: list[Window] = []
    first = 0
    for begin, end in pairwise([0, *cuts]):
        last = case.versions[end - 1].number
        windows.append(Window(case.versions[begin:end], first, last))
        first = last + 1
    windows.append(Window(case.versions[cuts[-1] if cuts else 0 :], first, None))
    return windows


def test_listings_tell_exactly_the_untold_objects_and_the_doubtful_versions() -> None:
    rng = random.Random(21)  # noqa: S311 - no secret
    for _ in range(CASES):
        case = random_case(rng)
        buckets = set(rng.sample(BUCKETS, rng.choice([1, 2])))
        untold: list[tuple[str, str]] = []
        doubtful: list[str] = []
        windows = windows_of(case, rng)
        for window in windows:
            for bucket in sorted(buckets):
                page = case.listed[bucket]
                for begin in range(0, len(page), 2):  # a version's objects may be cut by pages
                    found = window.take(bucket, page[begin : begin + 2])
                    untold += [(bucket, each.key) for each in found]
            doubtful += [version.id for version in window.doubtful(buckets)]

        expected = {each for each in expected_untold(case) if each[0] in buckets}
        labelled = {key for _, key in untold if key.startswith("m/v1.0/")}
        if len(windows) > 1:
            # A key that names no number may be another window's: indexing looks it up.
            expected = {each for each in expected if each[1] not in labelled}
            untold = [each for each in untold if each[1] not in labelled]
        assert sorted(untold) == sorted(expected), "each once"
        assert sorted(doubtful) == sorted(expected_doubtful(case, buckets))
