"""What a commit changes of a version's files, held against a plain reading of its operations."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.commits import Added, Commit, Deleted, Operation, files_after
from shared.domain.errors import NotFound

PATHS = ("a", "b", "folder/a", "folder/b", "folder/deep/a", "folders")
added = st.builds(Added, st.sampled_from(PATHS), st.sampled_from("xyz"), st.just(1))
deleted = st.builds(Deleted, st.sampled_from((*PATHS, "folder", "")), st.booleans())
operations = st.lists(added | deleted, max_size=6)
befores = st.dictionaries(st.sampled_from(PATHS), st.sampled_from("pq"), max_size=4)


def expected(before: dict[str, str], done: Sequence[Operation]) -> dict[str, str] | None:
    """Contents by path, or None where something is deleted that is not there."""
    files = dict(before)
    for each in done:
        if isinstance(each, Added):
            files[each.path] = each.sha256
        elif each.is_folder:
            kept = {
                path: content
                for path, content in files.items()
                if each.path and not path.startswith(each.path + "/")
            }
            if kept == files:
                return None
            files = kept
        elif files.pop(each.path, None) is None:
            return None
    return files


@given(befores, operations)
def test_operations_are_done_one_after_the_other(
    before: dict[str, str], done: list[Operation]
) -> None:
    wanted = expected(before, done)
    if wanted is None:
        with pytest.raises(NotFound, match="doesn't exist"):
            files_after(before, done)
        return
    found = files_after(before, done)
    contents = {
        path: each.sha256 if isinstance(each, Added) else each for path, each in found.items()
    }
    assert contents == wanted


def test_a_commit_is_known_again_by_what_it_changes() -> None:
    commit = Commit("say", "more", None, (Added("a", "x", 1, b"1"), Deleted("b")))
    assert commit.digest == replace(commit).digest
    others = [
        replace(commit, summary="says"),
        replace(commit, description=""),
        replace(commit, parent="0" * 40),
        replace(commit, operations=(Added("a", "y", 1), Deleted("b"))),
        replace(commit, operations=(Deleted("b"), Added("a", "x", 1))),
        replace(commit, operations=(Added("a", "x", 1), Deleted("b", is_folder=True))),
        replace(commit, operations=(Added("a", "x", 1),)),
        Commit("say\0more", "", None, commit.operations),
    ]
    assert len({commit.digest, *(each.digest for each in others)}) == 1 + len(others)
