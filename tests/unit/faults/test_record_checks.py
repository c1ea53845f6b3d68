"""The checker of the fault suite sees a folder that is not one version with all its files."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.records import VersionRecord
from tests.faults.harness.ledger import Ledger
from tests.faults.harness.record_checks import record_violations
from tests.support.records import SHA256, artifact, version

folders = st.dictionaries(
    st.sampled_from(["churn/1/", "churn/2/", "churn/v1/", "other/1/"]),
    st.sets(st.sampled_from(["a", "b", "deep/c", "d"]), min_size=1),
    min_size=1,
)


def made_of(number: int, keys: Sequence[str]) -> VersionRecord:
    """A ready version of these objects."""
    facts = {"state": "verified", "sha256": SHA256, "sha256_state": "verified"}
    facts |= {"format": "binary", "object_version": "v"}
    files = [artifact(key.split("/", 2)[2], key=key, kind="object", **facts) for key in keys]
    return version(*files, id=str(number), number=number, source="object", state="ready")


def keys_of(files: dict[str, set[str]]) -> list[list[str]]:
    return [sorted(f"{folder}{name}" for name in names) for folder, names in files.items()]


def violations(versions: Sequence[VersionRecord], files: dict[str, set[str]]) -> list[str]:
    ledger = Ledger(objects={key: SHA256 for keys in keys_of(files) for key in keys})
    return record_violations(versions, ledger)


@given(folders)
def test_folders_that_are_one_version_each_are_right(files: dict[str, set[str]]) -> None:
    versions = [made_of(number, keys) for number, keys in enumerate(keys_of(files), 1)]
    assert violations(versions, files) == []


@given(folders)
def test_a_version_of_the_first_file_alone_is_found(files: dict[str, set[str]]) -> None:
    versions = [made_of(number, keys[:1]) for number, keys in enumerate(keys_of(files), 1)]
    found = violations(versions, files)
    for folder, names in files.items():
        told = f"folder {folder} is 1 versions, not one with all its {len(names)} files"
        assert any(told in each for each in found) == (len(names) > 1)


def test_a_folder_that_is_two_versions_is_found_although_no_file_is_lost() -> None:
    versions = [made_of(1, ["churn/v1/a"]), made_of(2, ["churn/v1/b"])]
    [found] = violations(versions, {"churn/v1/": {"a", "b"}})
    assert found.startswith("folder churn/v1/ is 2 versions")


def test_a_folder_of_which_there_is_no_version_is_found() -> None:
    found = violations([], {"churn/1/": {"a"}})
    assert any("folder churn/1/ is 0 versions" in each for each in found)
