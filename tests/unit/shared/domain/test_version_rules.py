"""What rules demand of versions: of an upload when it is opened, of a file once it is verified."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.schemas import Rules, UploadRequest
from shared.domain.errors import RuleBroken
from shared.domain.formats import FORMATS, UNKNOWN, possible_formats
from shared.domain.rules import NO_RULES, Effective
from shared.domain.version_rules import against_format, lacks, require_allowed, reused_label
from shared.formats.table import (
    BY_EXTENSION,
    GGUF,
    HDF5,
    ONNX,
    PICKLE,
    ZIP,
    Format,
)
from shared.formats.table import SAFETENSORS as TABLE_SAFETENSORS
from tests.support.records import artifact, version

TOLD_BY: list[tuple[Format, set[str]]] = [
    (TABLE_SAFETENSORS, {"safetensors"}),
    (GGUF, {"gguf"}),
    (ONNX, {"onnx"}),
    (ZIP, {"zip", "npz", "keras", "pytorch-zip"}),
    (HDF5, {"hdf5"}),
    (PICKLE, {"pickle"}),
]
"""What each check of the table can find a file to be."""


def applied(**said: Any) -> Effective:
    return Effective(Rules.model_validate(said), dict.fromkeys(said, "risk.*"))


def request(*paths: str, **fields: Any) -> UploadRequest:
    files = [{"path": path, "size_bytes": 1} for path in paths or ("m.onnx",)]
    return UploadRequest.model_validate({"model": "risk.churn", "files": files, **fields})


def broken(rules: Effective, asked: UploadRequest) -> list[dict[str, str]]:
    with pytest.raises(RuleBroken) as caught:
        require_allowed(rules, asked)
    assert (caught.value.status, caught.value.code) == (422, "rule_broken")
    errors: Any = caught.value.members["errors"]
    return errors


def test_the_formats_of_a_name_are_those_that_its_checks_find() -> None:
    for extension, checks in BY_EXTENSION.items():
        found = {name for format_, names in TOLD_BY if format_ in checks for name in names}
        assert possible_formats(f"folder.x/m{extension.upper()}") == found, extension
    anything = {"zip", "npz", "keras", "pytorch-zip", "gguf", "hdf5", "pickle", UNKNOWN}
    for path in ("README.md", "config", "a.onnx/weights", ".hidden"):
        assert possible_formats(path) == anything, path
    assert {name for _, names in TOLD_BY for name in names} | {UNKNOWN} == FORMATS


def test_each_thing_that_is_required_and_not_said_is_named_with_its_rule() -> None:
    rules = applied(
        required={
            "metrics": ["auc", "f1"],
            "tags": ["team"],
            "parameters": ["lr"],
            "model_card": True,
        }
    )
    errors = broken(rules, request(metrics={"f1": 0.0}, parameters={"other": None}))
    assert [each["field"] for each in errors] == [
        "metrics.auc",
        "tags.team",
        "parameters.lr",
        "files",
    ]
    assert errors[0]["rule"] == "is required by the rule required.metrics of 'risk.*'"
    assert errors[3]["rule"] == (
        "must have a model card README.md by the rule required.model_card of 'risk.*'"
    )
    complete = {"metrics": {"auc": 1, "f1": 0}, "tags": {"team": ""}, "parameters": {"lr": None}}
    require_allowed(rules, request("m.onnx", "README.md", **complete))
    require_allowed(NO_RULES, request())


def test_a_found_version_lacks_all_that_is_said_and_may_have_its_card() -> None:
    rules = applied(required={"metrics": ["auc"], "model_card": True})
    found = version(artifact("m.onnx"), source="object")
    assert [each.code for each in lacks(rules, found)] == [
        "rule_required_metrics",
        "rule_required_model_card",
    ]
    only_card = applied(required={"model_card": True})
    assert lacks(only_card, version(artifact("m.onnx"), artifact("README.md"))) == []


def test_a_file_whose_name_allows_no_allowed_format_is_refused_before_it_is_sent() -> None:
    rules = applied(allowed_formats=["safetensors", "hdf5"])
    [error] = broken(rules, request("m.safetensors", "m.pkl", "m.keras", "README.md", "m.h5"))
    assert error["field"] == "files.1.path"
    assert error["rule"] == (
        "can have none of the formats that are allowed (safetensors, hdf5)"
        " by the rule allowed_formats of 'risk.*'"
    )


@given(
    st.sampled_from(["m.pt", "m.bin", "README.md", "sub/README.md", "m.keras"]),
    st.sets(st.sampled_from(sorted(FORMATS)), min_size=1),
    st.data(),
)
def test_a_file_passes_where_the_format_that_was_found_is_allowed(
    path: str, allowed: set[str], data: st.DataObject
) -> None:
    rules = applied(allowed_formats=sorted(allowed))
    found = data.draw(st.sampled_from(sorted(possible_formats(path))))
    reason = against_format(rules, version(), artifact(path, format=found))
    passes = found in allowed or (path == "README.md" and found == UNKNOWN)
    assert (reason is None) == passes
    if reason is not None:
        assert (reason.code, reason.path) == ("rule_allowed_formats", path)
        assert f"is {found}" in reason.detail
    else:
        require_allowed(rules, request(path))  # what passes at the end is not refused before
    assert against_format(NO_RULES, version(), artifact(path, format=found)) is None


def test_a_label_is_kept_where_the_rule_says_so() -> None:
    for rules in (NO_RULES, applied(immutable_labels=False)):
        assert reused_label(rules, "risk.churn", "1.0") is None
    conflict = reused_label(applied(immutable_labels=True), "risk.churn", "1.0")
    assert conflict is not None
    assert conflict.members == {"field": "version", "rules": ["immutable_labels"]}
