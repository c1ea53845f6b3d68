"""What an edit makes of what is said: merge patches by the RFC's own examples, and the way back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from registry.schemas import ModelDescription, ModelPatch, VersionPatch
from registry.schemas.metadata import MAX_METADATA_BYTES, RequestedMetadata
from shared.domain.edits import (
    EditRecord,
    WantedEdit,
    apply_entries,
    apply_patch,
    changed_entries,
    is_same,
    merge_patch,
    metadata_of,
    require_editable,
)
from shared.domain.errors import (
    Conflict,
    InvalidRequest,
    PreconditionFailed,
)
from shared.domain.events import MAX_EVENT_BYTES, edit_event
from shared.domain.records import utc_now
from tests.support.records import version

RFC_7396 = [
    # Appendix A: original, patch, result.
    ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'),
    ('{"a":"b"}', '{"a":null}', "{}"),
    ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'),
    ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
    ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'),
    ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
    ('["a","b"]', '["c","d"]', '["c","d"]'),
    ('{"a":"b"}', '["c"]', '["c"]'),
    ('{"a":"foo"}', "null", "null"),
    ('{"a":"foo"}', '"bar"', '"bar"'),
    ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'),
    ("[1,2]", '{"a":"b","c":null}', '{"a":"b"}'),
    ("{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'),
]
SAID: dict[str, JsonValue] = {
    "description": "old",
    "framework": "",
    "metrics": {"auc": 0.9},
    "parameters": {"depth": 3, "seed": None, "optimizer": {"name": "adam", "lr": 0.1}},
    "tags": {"team": "risk", "stage": "new"},
    "properties": {},
}
scalars = st.sampled_from([None, True, False, 0, 1, 0.0, 1.0, "", "a"])
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=6,
)
entries = st.dictionaries(st.sampled_from("abc"), values, max_size=3)
said = st.fixed_dictionaries(
    {"parameters": entries, "properties": entries, "description": st.text("ab", max_size=1)}
)


def edited(patch: dict[str, Any]) -> dict[str, JsonValue]:
    result = apply_patch(SAID, patch, RequestedMetadata)
    assert result is not None
    return result.fields


@pytest.mark.parametrize(("original", "patch", "result"), RFC_7396)
def test_a_merge_patch_does_what_the_rfc_says(original: str, patch: str, result: str) -> None:
    target = json.loads(original)
    assert merge_patch(target, json.loads(patch)) == json.loads(result)
    assert target == json.loads(original), "what was there is left as it was"


@given(said, said)
def test_what_an_edit_changed_leads_from_one_to_the_other_and_back(
    one: dict[str, JsonValue], other: dict[str, JsonValue]
) -> None:
    before, after = changed_entries(one, other)
    assert is_same(apply_entries(one, before, after), other)
    assert is_same(apply_entries(other, after, before), one)


@given(said)
def test_what_did_not_change_is_told_by_nothing(one: dict[str, JsonValue]) -> None:
    assert changed_entries(one, json.loads(json.dumps(one))) == ({}, {})


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (1, 1.0), (0, False), ({"a": [1]}, {"a": [True]})]
)
def test_what_json_writes_otherwise_is_another_value(one: JsonValue, other: JsonValue) -> None:
    assert one == other, "as far as Python is concerned"
    assert not is_same(one, other)
    assert changed_entries({"p": {"x": one}}, {"p": {"x": other}}) == (
        {"p": {"x": one}},
        {"p": {"x": other}},
    )


def test_only_what_is_named_changes_and_null_removes() -> None:
    found = edited(
        {
            "tags": {"stage": None, "owner": "ann"},
            "metrics": {"f1": 1},
            "parameters": {"optimizer": {"lr": 0.2}},
        }
    )
    assert found == {
        **SAID,
        "tags": {"team": "risk", "owner": "ann"},
        "metrics": {"auc": 0.9, "f1": 1.0},
        "parameters": {"depth": 3, "seed": None, "optimizer": {"name": "adam", "lr": 0.2}},
    }
    assert edited({"description": None, "tags": None}) == {**SAID, "description": "", "tags": {}}


def test_an_edit_tells_the_entries_that_it_changed_and_no_others() -> None:
    patch: dict[str, Any] = {"tags": {"stage": None, "team": "risk"}, "parameters": {"seed": 3}}
    result = apply_patch(SAID, patch, RequestedMetadata)
    assert result is not None
    assert result.before == {"tags": {"stage": "new"}, "parameters": {"seed": None}}
    assert result.after == {"parameters": {"seed": 3}}


@pytest.mark.parametrize("patch", [{}, {"tags": {"team": "risk", "gone": None}}, {"metrics": {}}])
def test_an_edit_that_changes_nothing_is_none(patch: dict[str, Any]) -> None:
    assert apply_patch(SAID, patch, RequestedMetadata) is None


@pytest.mark.parametrize(
    ("patch", "field", "rule"),
    [
        ({"tags": {f"t{n}": "" for n in range(999)}}, "tags", "at most 1000 entries"),
        ({"properties": {"p": "ä" * (MAX_METADATA_BYTES // 2)}}, "body", "262144 bytes"),
        ({"description": "x" * 16_385}, "description", "at most 16384 characters"),
        ({"parameters": {"n": 2**63}}, "parameters", "64 bits"),
    ],
)
def test_what_is_said_afterwards_is_checked_as_a_whole(
    patch: dict[str, Any], field: str, rule: str
) -> None:
    with pytest.raises(InvalidRequest, match=rule) as refused:
        apply_patch(SAID, patch, RequestedMetadata)
    assert refused.value.members["errors"] == [
        {"field": field, "rule": refused.value.detail.removeprefix(f"{field} ")}
    ]


def test_a_models_words_have_their_own_bound() -> None:
    said: dict[str, JsonValue] = {"description": "", "tags": {}}
    with pytest.raises(InvalidRequest, match="at most 65536 bytes"):
        apply_patch(said, {"tags": {f"t{n}": "x" * 1000 for n in range(66)}}, ModelDescription)


@pytest.mark.parametrize(
    "field", ["state", "label", "number", "id", "artifacts", "sha256", "aliases", "anything"]
)
def test_what_was_found_cannot_be_edited_and_is_refused_by_its_name(field: str) -> None:
    for patch in (VersionPatch, ModelPatch):
        with pytest.raises(ValueError, match=rf"{field}\n.*cannot be edited"):
            patch.model_validate({field: "x", "description": "y"})


def test_a_patch_has_what_was_given_and_nothing_else() -> None:
    given: dict[str, Any] = {"description": None, "tags": {"a": None}, "parameters": {"b": {}}}
    patch = VersionPatch.model_validate(given)
    assert patch.model_dump() == given
    assert json.loads(patch.model_dump_json()) == given


@pytest.mark.parametrize("state", ["pending", "verifying", "ready", "missing"])
def test_a_version_is_edited_in_every_state_that_it_may_leave(state: str) -> None:
    require_editable(version(state=state))


@pytest.mark.parametrize("state", ["rejected", "deleted"])
def test_a_version_that_is_nothing_any_more_is_not_edited(state: str) -> None:
    with pytest.raises(Conflict, match=f"is {state}") as refused:
        require_editable(version(state=state))
    assert refused.value.code == "version_not_editable"


def test_another_revision_than_the_one_asked_for_is_refused_with_the_newest() -> None:
    WantedEdit(patch={}, by="a").require_revision("it", 5)
    WantedEdit(patch={}, by="a", if_revision=5).require_revision("it", 5)
    with pytest.raises(PreconditionFailed, match="it is at revision 5") as refused:
        WantedEdit(patch={}, by="a", if_revision=4).require_revision("it", 5)
    assert refused.value.members == {"revision": 5}


def record(**fields: Any) -> EditRecord:
    made: dict[str, Any] = {
        "model": "churn",
        "number": 1,
        "version_id": "v",
        "revision": 2,
        "at": utc_now(),
        "by": "somebody",
        "before": {},
        "after": {},
        "sequence": 7,
    }
    return EditRecord.model_validate(made | fields)


@pytest.mark.parametrize(
    ("count", "path", "details"), [(1000, "p" * 600, {}), (150, "p", {"tensors": "t" * 2000})]
)
def test_the_largest_edit_of_a_version_with_many_files_fits_into_an_event(
    count: int, path: str, details: dict[str, str]
) -> None:
    files = [
        {"path": f"{path}/{n}", "key": f"{path}/{n}", "size_bytes": 5, "kind": "put"}
        | {"details": details}
        for n in range(count)
    ]
    edit = record(before={"description": "ä" * 160_000}, after={"description": "ö" * 160_000})
    event = edit_event(edit, version(artifacts=files, sequence=7))
    assert event.data.artifacts == []
    assert event.data.edit is not None
    assert event.data.edit.after == edit.after
    assert len(event.model_dump_json().encode()) <= MAX_EVENT_BYTES


def test_an_edit_of_a_model_is_told_with_its_newest_version_and_as_none_of_it() -> None:
    newest = version(sequence=4)
    event = edit_event(record(number=None, version_id=None, after={"description": "x"}), newest)
    assert (event.type, event.subject) == ("registry.model.edited.v1", "churn")
    assert (event.sequence, event.id, event.data.number) == (7, "v-7", 1)
    assert event.data.edit is None
    assert event.data.model_edit is not None
    assert event.data.model_edit.after == {"description": "x"}


def test_what_can_be_edited_is_what_a_user_says() -> None:
    assert metadata_of(version()).keys() == SAID.keys()
