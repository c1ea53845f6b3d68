"""Pages of downloads become files with parts, or are refused."""

import hashlib
from collections import deque
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import DigestMismatchError, ProtocolError
from registry.schemas import CompositeDigest, Download, Downloads
from registry.transfer.download.pieces import Piece, next_run
from registry.transfer.download.plan import PlannedFile, PlanReader

URL = "http://storage.test/m/1/w?X-Amz-Signature=5ec2e7"


def download(
    path: str, size: int, part_size: int | None, first: int, digests: list[str]
) -> Download:
    return Download(
        path=path,
        url=URL,
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
        size_bytes=size,
        sha256=None,
        sha256_state=None,
        composite=None,
        part_size_bytes=part_size,
        first_part=first,
        part_sha256=digests,
    )


def read(*pages: list[Download]) -> list[PlannedFile]:
    reader = PlanReader()
    for files in pages:
        reader.add(Downloads(model="m", number=1, files=files))
    return reader.files()


@given(
    sizes=st.lists(st.integers(0, 200), min_size=1, max_size=6),
    part_size=st.integers(1, 50),
    page_parts=st.integers(1, 20),
)
def test_pages_of_any_size_make_the_same_plan(
    sizes: list[int], part_size: int, page_parts: int
) -> None:
    reader, page, room = PlanReader(), list[Download](), page_parts
    wanted: list[list[bytes]] = []
    for index, size in enumerate(sizes):
        count = max(1, -(-size // part_size))
        digests = [hashlib.sha256(b"%d %d" % (index, n)).digest() for n in range(count)]
        wanted.append(digests)
        told = 0
        while told < count:
            some = digests[told : told + room]
            names = [digest.hex() for digest in some]
            page.append(download(str(index), size, part_size, told + 1, names))
            told, room = told + len(some), room - len(some)
            if room == 0:
                reader.add(Downloads(model="m", number=1, files=page))
                page, room = [], page_parts
    if page:
        reader.add(Downloads(model="m", number=1, files=page))
    files = reader.files()
    assert [file.size_bytes for file in files] == sizes
    assert [[part.sha256 for part in file.parts()] for file in files] == wanted
    for file in files:
        assert sum(part.size_bytes for part in file.parts()) == file.size_bytes
        assert all(part.size_bytes for part in file.parts()) or file.size_bytes == 0


@given(
    parts=st.integers(1, 60),
    part_size=st.integers(1, 64 * 1024**2),
    claimed=st.sets(st.integers(1, 60)),
    workers=st.integers(1, 16),
)
def test_runs_hold_each_part_once_and_in_order(
    parts: int, part_size: int, claimed: set[int], workers: int
) -> None:
    file = PlannedFile("w", parts * part_size, part_size, URL, b"\0" * 32 * parts)
    digests = dict.fromkeys(claimed, b"\x00" * 32)
    left = deque(Piece(part, digests.get(part.number)) for part in file.parts())
    seen: list[int] = []
    while left:
        run = next_run(left, workers)
        numbers = [piece.part.number for piece in run]
        assert numbers == list(range(numbers[0], numbers[0] + len(run)))
        assert len(run) == 1 or not claimed & set(numbers)
        assert len(run) == 1 or sum(piece.part.size_bytes for piece in run) <= 64 * 1024**2
        seen += numbers
    assert seen == list(range(1, parts + 1))


HEX = "ab" * 32


@pytest.mark.parametrize(
    "pages",
    [
        [[]],
        [[download("w", 20, 10, 1, [HEX])]],
        [[download("w", 20, 10, 1, [HEX] * 3)]],
        [[download("w", 20, 0, 1, [HEX])]],
        [[download("w", 20, -5, 1, [HEX])]],
        [[download("w", -1, 10, 1, [HEX])]],
        [[download("w", 20, 10, 2, [HEX])]],
        [[download("w", 20, 10, 1, [HEX])], [download("x", 20, 10, 2, [HEX])]],
        [[download("w", 20, 10, 1, [HEX])], [download("w", 20, 10, 3, [HEX])]],
        [[download("w", 20, 10, 1, [HEX, "zz" * 32])]],
        [[download("w", 20, 10, 1, [HEX, "ab"])]],
        [[download("w", 10**18, 1, 1, [HEX])]],
    ],
)
def test_what_does_not_fit_is_refused(pages: list[list[Download]]) -> None:
    with pytest.raises(ProtocolError):
        read(*pages)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://", "http://a b/", "http://a:x/", "//a/b", "http://ä/\n"]
)
def test_what_is_no_url_is_refused_and_not_told(url: str) -> None:
    file = download("w", 20, 10, 1, [HEX, HEX]).model_copy(update={"url": url + SECRET})
    with pytest.raises(ProtocolError) as caught:
        read([file])
    assert SECRET not in str(caught.value)


SECRET = "?X-Amz-Signature=5ec2e7"


def test_without_digests_of_parts_the_composite_decides_then_the_whole_sha256() -> None:
    composite = CompositeDigest(value="abc=-2", part_size_bytes=10, part_count=2)
    changes = {"sha256": HEX, "sha256_state": "claimed", "composite": composite}
    (file,) = read([download("w", 20, None, 1, []).model_copy(update=changes)])
    assert (file.part_count, file.composite, file.digests) == (2, "abc=-2", b"")
    (file,) = read([download("w", 20, None, 1, []).model_copy(update={"sha256": HEX})])
    assert (file.part_count, file.composite, file.digests.hex()) == (1, None, HEX)
    with pytest.raises(DigestMismatchError, match="no digest"):
        read([download("w", 20, None, 1, [])])


def test_a_plan_does_not_show_its_urls() -> None:
    (file,) = read([download("w", 20, 10, 1, [HEX, HEX])])
    assert "Signature" not in repr(file)
