"""What a form changes: the patch has what somebody filled in, and nothing of what others said."""

from typing import Any

import pytest

from services.query.ui.acts.edit_forms import (
    VERSION_FIELDS,
    EditForm,
    form_of,
    form_over,
    form_sent,
    patch_of,
)
from shared.domain.errors import InvalidRequest

SAID: dict[str, Any] = {
    "description": "who leaves\r\nby month",
    "framework": "sklearn",
    "tags": {"team": "risk", "a = b": "<b>", "lines": "one\r\ntwo"},
    "metrics": {"auc": 0.1 + 0.2, "loss": 1e-9},
    "parameters": {"depth": 6, "schedule": {"warmup": 100, "kind": "cos"}, "none": None},
    "properties": {},
}


def sent(form: EditForm, **changes: str) -> EditForm:
    """The form as a browser sends it: with CRLF, and with the given fields filled in."""
    fields: dict[str, str] = {}
    for name, text in form.texts.items():
        fields |= {name: text.value, f"{name}.was": text.old}
    for name, rows in form.rows.items():
        for at, row in enumerate(rows):
            fields |= {f"{name}.{at}.name": row.name, f"{name}.{at}.value": row.value}
            fields |= {
                f"{name}.{at}.name.was": row.old_name,
                f"{name}.{at}.value.was": row.old_value,
            }
    told = {name: value.replace("\n", "\r\n") for name, value in {**fields, **changes}.items()}
    return form_sent(told, VERSION_FIELDS)


def test_a_form_that_is_sent_as_it_came_changes_nothing() -> None:
    assert patch_of(sent(form_of(SAID, VERSION_FIELDS))) == {}


@pytest.mark.parametrize(
    ("changes", "patch"),
    [
        ({"description": "all"}, {"description": "all"}),
        ({"framework": ""}, {"framework": ""}),
        ({"tags.0.value": "fraud"}, {"tags": {"team": "fraud"}}),
        ({"tags.0.name": ""}, {"tags": {"team": None}}),
        ({"tags.0.name": "owner"}, {"tags": {"team": None, "owner": "risk"}}),
        ({"tags.3.name": "new", "tags.3.value": "x"}, {"tags": {"new": "x"}}),
        ({"metrics.1.value": "2"}, {"metrics": {"loss": 2.0}}),
        ({"properties": '{"a": [1]}'}, {"properties": {"a": [1]}}),
        (
            {"parameters": '{"schedule": {"warmup": 5}, "none": null}'},
            {"parameters": {"depth": None, "schedule": {"warmup": 5, "kind": None}}},
        ),
    ],
)
def test_a_patch_has_what_was_filled_in_and_nothing_else(
    changes: dict[str, str], patch: dict[str, Any]
) -> None:
    assert patch_of(sent(form_of(SAID, VERSION_FIELDS), **changes)) == patch


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"metrics.0.value": "much"}, "metrics.auc"),
        ({"metrics.0.value": "inf"}, "metrics.auc"),
        ({"tags.2.name": "team", "tags.2.value": "x"}, "tags.team"),
        ({"tags.3.value": "x"}, "tags"),
        ({"parameters": "{"}, "parameters"),
        ({"parameters": "[]"}, "parameters"),
        ({"parameters": '{"a": 1, "a": 2}'}, "parameters"),
        ({"parameters": '{"a": NaN}'}, "parameters"),
        ({"parameters": "[" * 100_000}, "parameters"),
        ({"parameters": '{"depth": null}'}, "parameters.depth"),
        ({"parameters": '{"\\ud800": null}'}, "parameters"),
        ({"parameters": '{"a": {"\\udfff": null}}'}, "parameters"),
        ({"parameters": '{"a": "\\ud800"}'}, "parameters"),
        ({"parameters": '{"a":' * 500 + "1" + "}" * 500}, "parameters"),
    ],
)
def test_a_wrong_value_is_named(changes: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        patch_of(sent(form_of(SAID, VERSION_FIELDS), **changes))
    refused.value.detail.encode()  # so that a page can tell it
    assert refused.value.members["errors"][0]["field"] == field  # pyright: ignore[reportIndexIssue, reportUnknownMemberType]


def test_what_somebody_changed_is_shown_over_what_others_say_meanwhile() -> None:
    mine: dict[str, Any] = {"tags": {"team": "fraud", "a = b": None, "new": "x"}, "framework": "x"}
    now = {**SAID, "description": "said by another", "tags": {**SAID["tags"], "theirs": "y"}}
    form = form_over(now, mine, VERSION_FIELDS)
    assert form.texts["description"].value == "said by another"
    assert patch_of(sent(form)) == mine
