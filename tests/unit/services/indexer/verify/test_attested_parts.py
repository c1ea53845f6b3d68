"""Storage's parts are kept for downloads only if they are the artifact's, to the last byte."""

from dataclasses import replace
from hashlib import sha256

import pytest

from registry.schemas import CompositeDigest
from services.indexer.verify.attested_parts import match_parts
from shared.domain.digests import composite
from shared.domain.part_digests import PartDigests
from shared.domain.records import ArtifactRecord
from shared.storage.object_parts import PartDigest
from tests.support.records import artifact

DIGESTS = [sha256(part).hexdigest() for part in (b"abc", b"de")]
STORED = [PartDigest(1, 0, 3, DIGESTS[0]), PartDigest(2, 3, 2, DIGESTS[1])]


def attested(digests: list[str] = DIGESTS) -> ArtifactRecord:
    whole = CompositeDigest(value=composite(digests), part_size_bytes=3, part_count=2)
    return artifact(kind="multipart", part_size_bytes=3, part_count=2, composite=whole)


def test_parts_that_make_the_composite_are_kept() -> None:
    assert match_parts(attested(), STORED) == PartDigests.of(3, DIGESTS)


def test_their_numbers_may_have_gaps() -> None:
    assert match_parts(attested(), [STORED[0], replace(STORED[1], number=9)]) is not None


@pytest.mark.parametrize(
    "told",
    [
        [],
        STORED[:1],
        STORED[::-1],
        [STORED[0], replace(STORED[1], start=2)],
        [STORED[0], replace(STORED[1], sha256=None)],
        [STORED[0], replace(STORED[1], sha256=DIGESTS[0])],
    ],
    ids=["none", "one lacks", "disorder", "another cut", "no digest", "another digest"],
)
def test_anything_else_is_not(told: list[PartDigest]) -> None:
    assert match_parts(attested(), told) is None


def test_without_a_composite_nothing_is_attested() -> None:
    assert match_parts(attested().model_copy(update={"composite": None}), STORED) is None
