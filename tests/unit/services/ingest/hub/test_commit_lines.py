"""The lines of a commit: read as they stand, or refused by line and rule."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.hub.commit_lines import MAX_LINES, read_commit
from shared.domain.commits import Added, Deleted
from shared.domain.errors import InvalidRequest
from tests.support.api import sha256_of

HEADER = {"key": "header", "value": {"summary": "say", "description": "more"}}


def body(*lines: Any) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


def line(key: str, **value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


def test_each_kind_of_line_is_read() -> None:
    content = base64.b64encode(b"bytes").decode()
    parent = "0" * 40
    commit = read_commit(
        body(
            line("header", summary="say", parentCommit=parent),
            line("file", path="a.txt", content=content, encoding="base64"),
            line("file", path="b.txt", content="text", encoding="utf-8"),
            line("lfsFile", path="c.bin", algo="sha256", oid="a" * 64, size=7),
            line("lfsFile", path="d.bin", algo="sha256", oid="b" * 64),
            line("deletedFile", path="e"),
            line("deletedFolder", path="f/g/"),
        )
    )
    assert (commit.summary, commit.description, commit.parent) == ("say", "", parent)
    assert commit.operations == (
        Added("a.txt", sha256_of(b"bytes"), 5, b"bytes"),
        Added("b.txt", sha256_of(b"text"), 4, b"text"),
        Added("c.bin", "a" * 64, 7),
        Added("d.bin", "b" * 64, None),
        Deleted("e"),
        Deleted("f/g", is_folder=True),
    )


WRONG: list[tuple[list[Any], str]] = [
    ([line("deletedFile", path="a")], "a line whose key is 'header'"),
    ([HEADER], "must change something"),
    ([HEADER, HEADER], "line 2 must not be a second header"),
    ([HEADER, line("submodule", path="a")], "line 2.key 'submodule' is not supported"),
    ([HEADER, 1], "line 2 must be a JSON object"),
    ([HEADER, {"key": "file", "value": []}], 'line 2 must be an object with "key" and "value"'),
    ([HEADER, line("file", path="../a", content="")], "line 2.value.path"),
    ([HEADER, line("file", path="a", content="é")], "line 2.value.content must be base64"),
    (
        [HEADER, line("file", path="a", content="\ud800", encoding="utf-8")],
        "line 2.value.content must be utf-8",
    ),
    ([line("header", summary="a\0b"), line("deletedFile", path="a")], "line 1.value.summary"),
    ([HEADER, line("file", path="a", content="!")], "line 2.value.content must be base64"),
    ([HEADER, line("lfsFile", path="a", oid="A" * 64)], "line 2.value.oid"),
    ([HEADER, line("lfsFile", path="a", oid="a" * 64, size=0)], "line 2.value.size"),
    ([line("header", parentCommit="main")], "line 1.value.parentCommit"),
    ([HEADER] + [line("deletedFile", path="a")] * MAX_LINES, "must have at most"),
]


@pytest.mark.parametrize(("lines", "told"), WRONG)
def test_what_is_no_commit_is_refused_by_its_line(lines: list[Any], told: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_commit(body(*lines))
    assert told in caught.value.detail


@given(st.binary(max_size=200) | st.lists(st.binary(max_size=40)).map(b"\n".join))
def test_any_bytes_are_read_or_refused(given_bytes: bytes) -> None:
    with suppress(InvalidRequest):
        read_commit(given_bytes)


_TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)  # half a surrogate pair, too


@given(
    st.sampled_from(["header", "file", "lfsFile", "deletedFile", "deletedFolder"]),
    st.dictionaries(
        st.sampled_from(["path", "content", "encoding", "oid", "size", "summary", "parentCommit"]),
        _TEXTS | st.sampled_from(["utf-8", "base64", "a.txt"]) | st.integers() | st.none(),
    ),
)
def test_any_members_of_a_line_are_read_or_refused(key: str, value: dict[str, Any]) -> None:
    with suppress(InvalidRequest):
        read_commit(body(HEADER, line(key, **value)))
