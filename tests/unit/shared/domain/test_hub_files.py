"""Files and folders as clients of Hugging Face see them."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas import Artifact
from shared.domain.hub_files import TreeEntry, hub_file, tree_of

parts = st.sampled_from(["a", "b", "a b", "ab", "ä", "."])
folders = st.lists(parts, max_size=3).map("/".join)
paths = st.lists(parts, min_size=1, max_size=4).map("/".join)

# The example of git-lfs's docs/spec.md, and what `git hash-object` says of it.
SHA256 = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
POINTER_ID = "60c8d8ab2adcf57a391163a7eeb0cdb8bf348e44"


def artifact(**fields: object) -> Artifact:
    told = {"path": "m.bin", "key": "m/1/m.bin", "size_bytes": 12345, "state": "verified"}
    return Artifact.model_validate({**told, **fields})


def expected_tree(files: set[str], folder: str, *, is_recursive: bool) -> set[tuple[str, str]]:
    """Every file and folder there is, kept where the folder is above it."""
    root = PurePosixPath(folder or ".")
    everything = {("file", PurePosixPath(each)) for each in files}
    everything |= {("directory", above) for _, each in everything for above in each.parents}
    return {
        (kind, str(path))
        for kind, path in everything
        if (root in path.parents if is_recursive else path.parent == root) and path != root
    }


@given(st.sets(paths, max_size=6), folders, st.booleans())
def test_a_folder_has_what_lies_below_it(files: set[str], folder: str, is_recursive: bool) -> None:
    # "." is no part of a file's path; nor is one file the folder of another.
    files = {each for each in files if "." not in each.split("/")}
    files = {each for each in files if not any(other.startswith(f"{each}/") for other in files)}
    if "." in folder.split("/"):
        folder = ""
    found = tree_of(sorted(files), folder, is_recursive=is_recursive)
    assert {(each.kind, each.path) for each in found} == expected_tree(
        files, folder, is_recursive=is_recursive
    )
    assert [each.path for each in found] == sorted(each.path for each in found)


def test_a_folder_is_not_one_whose_name_begins_alike() -> None:
    files = ["a/x", "ab/y"]
    assert tree_of(files, "a", is_recursive=True) == [TreeEntry("file", "a/x")]


def test_a_verified_file_is_what_git_makes_of_its_pointer() -> None:
    found = hub_file(artifact(sha256=SHA256, sha256_state="verified"))
    assert (found.sha256, found.entity_tag, found.blob_id) == (SHA256, SHA256, POINTER_ID)
    assert found.pointer_bytes == 130


@pytest.mark.parametrize("state", [None, "claimed"])
def test_a_digest_that_nobody_verified_is_not_told(state: str | None) -> None:
    found = hub_file(artifact(sha256=SHA256, sha256_state=state, etag="e"))
    assert found.sha256 is None
    assert len(found.entity_tag) == 40
    assert found.entity_tag == found.blob_id


def test_other_bytes_have_another_identity() -> None:
    first = hub_file(artifact(etag="e", object_version="1"))
    changes = ({"etag": "f"}, {"object_version": "2"}, {"location": "m/2/m.bin"})
    for change in changes:
        other = hub_file(artifact(**{"etag": "e", "object_version": "1", **change}))
        assert other.entity_tag != first.entity_tag, change
    assert hub_file(artifact(etag="e", object_version="1")) == first
