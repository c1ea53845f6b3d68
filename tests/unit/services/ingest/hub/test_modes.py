"""Which files a client sends inside its commit."""

import base64

import pytest

from services.ingest.hub.bodies import PreuploadFile
from services.ingest.hub.modes import INLINE_CALL_BYTES, INLINE_FILE_BYTES, inline_files


def file(path: str, size: int, sample: bytes = b"text") -> PreuploadFile:
    return PreuploadFile(path=path, size=size, sample=base64.b64encode(sample).decode())


@pytest.mark.parametrize(
    ("sample", "is_inline"),
    [
        (b"text", True),
        ("größe".encode(), True),
        ("größe".encode()[:-5] + "ß".encode()[:1], True),  # a sample may end within a character
        (b"\x80\x04pickle", False),
        (b"text\0", False),
        (b"", False),
    ],
)
def test_texts_are_told_by_how_they_begin(sample: bytes, *, is_inline: bool) -> None:
    assert (inline_files([file("a", 10, sample)]) == {0}) is is_inline


@pytest.mark.parametrize("sample", ["!", "é"])
def test_a_sample_that_is_no_base64_is_no_text(sample: str) -> None:
    assert inline_files([PreuploadFile(path="a", size=10, sample=sample)]) == set()


def test_a_file_over_the_limit_goes_to_storage() -> None:
    files = [file("a", INLINE_FILE_BYTES), file("b", INLINE_FILE_BYTES + 1)]
    assert inline_files(files) == {0}


def test_the_smallest_files_have_the_room_of_a_call() -> None:
    large = INLINE_FILE_BYTES
    count = INLINE_CALL_BYTES // large
    files = [file(str(number), large) for number in range(count)] + [file("small", 1)]
    chosen = inline_files(files)
    assert count in chosen, "the small one"
    assert len(chosen) == count
    assert sum(files[index].size for index in chosen) <= INLINE_CALL_BYTES
