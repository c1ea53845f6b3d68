"""Keys of MLflow as names of entries here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas.mlflow import empty_files, entry_name, key_of, own_tags
from registry.schemas.names import check_entries

KEYS = st.text(st.sampled_from("ab.$%25E4 é/"), min_size=1, max_size=20)


@given(KEYS)
def test_every_key_is_kept_under_a_name_that_is_allowed_and_stands_for_it(key: str) -> None:
    name = entry_name(key)
    check_entries({name: ""})
    assert key_of(name) == key


@given(st.sets(KEYS))
def test_two_keys_never_share_a_name(keys: set[str]) -> None:
    assert len({entry_name(key) for key in keys}) == len(keys)


@pytest.mark.parametrize("key", ["stage", "50%", "val/loss", "a b"])
def test_a_key_that_may_stand_here_is_kept_as_it_is(key: str) -> None:
    assert entry_name(key) == key


def test_empty_files_are_told_as_far_as_they_are_paths() -> None:
    listed = {"mlflow_empty_files": ["a/b.py", "../c", "/d", 3, None, ""]}
    assert list(empty_files(listed)) == ["a/b.py"]  # pyright: ignore[reportArgumentType] - anybody may say so
    assert list(empty_files({"mlflow_empty_files": "a"})) == []


@pytest.mark.parametrize(
    "address",
    ["https://user:secret@host/model", "https://host/m?X-Amz-Signature=secret", "s3://a:secret@b/"],
)
def test_a_source_that_may_hold_a_secret_is_not_kept(address: str) -> None:
    assert own_tags(run_id="r", run_link=None, source=address, model_id=None) == {
        "mlflow_run_id": "r"
    }


def test_addresses_are_kept_up_to_a_bound() -> None:
    link = "https://host/?o=1#mlflow/runs/r"
    told = own_tags(run_id=None, run_link=link, source="s3://bucket/" + "m" * 2000, model_id=None)
    assert told["mlflow_run_link"] == link
    assert len(told["mlflow_source"]) == 1024
    told = own_tags(run_id=None, run_link="https://a:secret@host/", source=None, model_id=None)
    assert told == {}
