"""Which files may make one version together."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from registry.schemas import ModelMetadata, UploadRequest

paths = st.lists(st.sampled_from(["a", "b", "a b", "a!", "a-", "é"]), min_size=1, max_size=4)


def request_of(*files: str) -> UploadRequest:
    return UploadRequest.model_validate(
        {"model": "m", "files": [{"path": path, "size_bytes": 1} for path in files]}
    )


def can_lie_together(files: list[str]) -> bool:
    """Whether a file system could hold them: a path is a file or a folder, and there once."""
    folders = {
        "/".join(file.split("/")[:n]) for file in files for n in range(1, file.count("/") + 1)
    }
    return len(set(files)) == len(files) and not folders & set(files)


@given(st.lists(paths.map("/".join), min_size=1, max_size=6))
def test_files_are_taken_exactly_when_a_folder_could_hold_them(files: list[str]) -> None:
    if can_lie_together(files):
        assert [file.path for file in request_of(*files).files] == files
    else:
        with pytest.raises(ValidationError, match=r"distinct paths|is a file itself"):
            request_of(*files)


def test_the_path_under_a_file_is_named() -> None:
    with pytest.raises(ValidationError, match="'a/b/c' lies under a path that is a file itself"):
        request_of("a/b/c", "a-", "a/b")


class Scalar:
    """A number as NumPy has them: it can become a float."""

    def __float__(self) -> float:
        return 0.5


@pytest.mark.parametrize("value", [1, 0.5, Scalar()])
def test_a_metric_is_a_number_of_any_library(value: Any) -> None:
    metadata = ModelMetadata(name="churn", metrics={"accuracy": value})
    assert metadata.metrics["accuracy"] == float(value)


@pytest.mark.parametrize("value", [True, "0.5", b"1", None])
def test_a_metric_is_no_text_and_no_truth_value(value: Any) -> None:
    with pytest.raises(ValidationError, match=r"metrics\.accuracy"):
        ModelMetadata(name="churn", metrics={"accuracy": value})
