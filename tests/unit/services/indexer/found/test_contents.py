"""What becomes of the objects of a folder: every one of them is accounted for."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas.uploads import MAX_FILES
from services.indexer.found.contents import Contents, Listed, draft_of, list_all, sort_contents
from shared.domain.found_folders import FoundFolder
from shared.domain.records import VersionRecord, utc_now
from shared.storage.listing import ListedObject
from tests.support.records import artifact, version

NOW = utc_now()
FOLDER = FoundFolder("models", "churn/1/", "churn/1/a", NOW, NOW, NOW)


def listed(path: str, size: int = 5, object_version: str = "v") -> ListedObject:
    return ListedObject(f"churn/1/{path}", object_version, size, None, "etag")


def owned(path: str, **fields: Any) -> VersionRecord:
    return version(artifact(path, etag=fields.pop("etag", None)), **fields)


def sort(*objects: ListedObject, owner: VersionRecord | None = None, cut: bool = False) -> Contents:
    owners = {each.key: [(owner, each)] for each in owner.artifacts} if owner else {}
    return sort_contents(FOLDER, Listed(list(objects), is_cut=cut), owners)


def codes(found: Contents) -> dict[str, str]:
    return {stray.key: reason.code for stray, reason in found.strays}


def test_all_files_of_a_folder_make_one_version() -> None:
    found = sort(listed("a"), listed("deep/b", 7))
    draft = draft_of(FOLDER, found.files, NOW)
    assert [(each.path, each.key) for each in draft.artifacts] == [
        ("a", "churn/1/a"),
        ("deep/b", "churn/1/deep/b"),
    ]
    assert (draft.size_bytes, draft.state, draft.label) == (12, "verifying", None)
    assert all(each.etag == "etag" and each.object_version == "v" for each in draft.artifacts)


def test_an_empty_file_and_a_bad_path_are_reported_and_block_nothing() -> None:
    found = sort(listed("_SUCCESS", 0), listed("../x"), listed("a"))
    assert codes(found) == {
        "churn/1/_SUCCESS": "empty_object",
        "churn/1/../x": "outside_key_rule",
    }
    assert [each.key for each in found.files] == ["churn/1/a"]


def test_what_came_after_the_adoption_is_reported() -> None:
    before = owned("a", source="object", etag="e")
    found = sort(listed("a"), listed("b"), owner=before)
    assert (found.adopted, found.files) == (before, [])
    assert codes(found) == {"churn/1/b": "came_after_adoption"}


def test_what_an_upload_declares_goes_to_it() -> None:
    found = sort(listed("a"), listed("b"), owner=owned("a"))
    assert [each.key for each in found.declared] == ["churn/1/a"]
    assert [each.key for each in found.files] == ["churn/1/b"]


def test_a_version_of_another_bucket_owns_nothing_here() -> None:
    found = sort(listed("a"), owner=owned("a", storage_group="other", source="object"))
    assert [each.key for each in found.files] == ["churn/1/a"], "the unique index will decide"


def test_too_many_files_are_told_of_the_folder() -> None:
    found = sort(listed("a"), cut=True)
    assert (found.files, codes(found)) == ([], {"churn/1/": "too_many_files"})


@pytest.mark.parametrize(
    ("files", "empty", "is_cut"),
    [(MAX_FILES, 1, False), (MAX_FILES + 1, 0, True), (1, 2 * MAX_FILES, True)],
)
async def test_a_listing_is_read_up_to_where_it_is_too_much(
    files: int, empty: int, is_cut: bool
) -> None:
    async def pages() -> AsyncIterator[list[ListedObject]]:
        yield [listed("", 0), *(listed(f"e{n}", 0) for n in range(empty))]
        yield [listed(f"f{n}") for n in range(files)]

    found = await list_all(pages())
    assert found.is_cut == is_cut
    assert len(found.objects) <= 2 * MAX_FILES
    if not is_cut:
        assert len(found.objects) == files + empty


names = st.sampled_from(["a", "b", "c", "..", "d/e", "d//e"])


@given(
    st.dictionaries(names, st.integers(0, 3), max_size=6),
    st.none() | st.tuples(st.sampled_from(["upload", "object"]), st.sampled_from(["a", "c"])),
    st.booleans(),
)
def test_no_object_is_lost(
    sizes: dict[str, int], owner: tuple[str, str] | None, is_cut: bool
) -> None:
    record = owned(owner[1], source=owner[0], etag="e") if owner else None
    found = sort(*(listed(path, size) for path, size in sizes.items()), owner=record, cut=is_cut)
    accounted = {each.key for each in (*found.files, *found.declared)}
    accounted |= {stray.key for stray, _ in found.strays}
    accounted |= {each.key for each in record.artifacts} if record else set()
    for path in sizes:
        key = f"churn/1/{path}"
        assert key in accounted or "churn/1/" in accounted
