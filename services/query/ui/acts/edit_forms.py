"""Forms that edit what is said of a model or of a version: pure, without any I/O.

Each field is sent with what it was when the form was made. What differs is what somebody changed:
the patch has that and nothing else, so that it can be shown over what others changed meanwhile.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import JsonValue

from registry.schemas.names import check_entries
from shared.domain.edits import merge_patch
from shared.domain.errors import InvalidRequest, checked
from shared.domain.strict_json import parse_object

MODEL_FIELDS = ("description", "tags")
VERSION_FIELDS = (*MODEL_FIELDS, "framework", "metrics", "parameters", "properties")
TEXTS = ("description", "framework")
ROWS = ("tags", "metrics")
DOCUMENTS = ("parameters", "properties")
MOST_ROWS = 200
"""Entries of one group that a form shows; others stay as they are."""
MOST_FIELDS = 2_000
_SPARE_ROWS = 3
Patch = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """An entry with a name, as it was and as it is filled in."""

    name: str = ""
    value: str = ""
    old_name: str = ""
    old_value: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A text, as it was and as it is filled in."""

    value: str
    old: str


@dataclass(frozen=True, slots=True)
class EditForm:
    """What is filled in."""

    texts: Mapping[str, Text]
    """Texts, and documents as JSON, by the name of their field."""
    rows: Mapping[str, Sequence[Row]]


def form_of(said: Mapping[str, Any], fields: Sequence[str]) -> EditForm:
    """Return a form with what is said now."""
    texts = {name: _text(str(said[name])) for name in TEXTS if name in fields}
    texts |= {name: _text(_written(said[name])) for name in DOCUMENTS if name in fields}
    rows = {name: _rows(said[name]) for name in ROWS if name in fields}
    return EditForm(texts, rows)


def form_over(said: Mapping[str, Any], patch: Patch, fields: Sequence[str]) -> EditForm:
    """Return a form with what somebody changed, over what is said now."""
    now, changed = form_of(said, fields), form_of(_patched(said, patch), fields)
    texts = {name: replace(changed.texts[name], old=text.old) for name, text in now.texts.items()}
    rows = {name: _rows_over(said[name], patch.get(name, {})) for name in now.rows}
    return EditForm(texts, rows)


def form_sent(form: Mapping[str, str], fields: Sequence[str]) -> EditForm:
    """Return a form as it was sent."""
    texts = {
        name: Text(_lines(form.get(name, "")), _lines(form.get(f"{name}.was", "")))
        for name in (*TEXTS, *DOCUMENTS)
        if name in fields
    }
    rows = {name: _rows_sent(form, name) for name in ROWS if name in fields}
    return EditForm(texts, rows)


def patch_of(form: EditForm) -> Patch:
    """Return what somebody changed, as a merge patch; raises InvalidRequest."""
    patch: Patch = {}
    for name, text in form.texts.items():
        if text.value == text.old:
            continue
        if name in DOCUMENTS:
            # As ingest does; also since a name that is no Unicode can be shown on no page.
            new = checked(name, check_entries, _read(name, text.value))
            change = difference(_read(name, text.old), new, name)
            if change:
                patch[name] = change
        else:
            patch[name] = text.value
    for name, rows in form.rows.items():
        if change := _rows_patch(name, rows):
            patch[name] = change
    return patch


def difference(old: JsonValue, new: JsonValue, place: str) -> Any:
    """Return the merge patch that makes one JSON value of another; raises InvalidRequest.

    Such a patch has no way to write a null (RFC 7396).
    """
    if not isinstance(old, dict) or not isinstance(new, dict):
        _require_no_null(new, place)
        return new
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        if name in old and old[name] == value and type(old[name]) is type(value):
            continue
        below = f"{place}.{name}"
        patch[name] = difference(old.get(name), value, below)
        if isinstance(value, dict) and isinstance(old.get(name), dict) and not patch[name]:
            del patch[name]
    return patch


def _require_no_null(value: JsonValue, place: str) -> None:
    if value is None:
        raise InvalidRequest(place, "cannot become null by an edit: remove it instead")
    if isinstance(value, dict):
        for name, each in value.items():
            _require_no_null(each, f"{place}.{name}")


def _rows_patch(field: str, rows: Sequence[Row]) -> dict[str, Any]:
    removed: dict[str, Any] = {
        row.old_name: None for row in rows if row.old_name and row.name != row.old_name
    }
    named: dict[str, Any] = {}
    for row in rows:
        if not row.name:
            if row.value and row.value != row.old_value:
                raise InvalidRequest(field, "must have a name for each value")
            continue
        if row.name in named:
            raise InvalidRequest(f"{field}.{row.name}", "must stand once")
        named[row.name] = row
    changed = {
        name: _value(field, row)
        for name, row in named.items()
        if name != row.old_name or row.value != row.old_value
    }
    return {**removed, **changed}


def _value(field: str, row: Row) -> str | float:
    if field != "metrics":
        return row.value
    try:
        number = float(row.value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidRequest(f"metrics.{row.name}", "must be a finite number")
    return number


def _read(field: str, text: str) -> dict[str, Any]:
    try:
        return parse_object(text.strip() or "{}")
    except ValueError as error:
        raise InvalidRequest(field, str(error)) from None


def _patched(said: Mapping[str, Any], patch: Patch) -> Mapping[str, Any]:
    merged = merge_patch(dict(said), patch)
    assert isinstance(merged, dict)  # noqa: S101 - a patch of fields leaves fields
    return merged


def _rows_over(said: Mapping[str, Any], patch: Mapping[str, Any]) -> Sequence[Row]:
    rows = [
        replace(row, name="" if patch.get(row.name, "") is None else row.name)
        for row in _rows(said)
        if row.name
    ]
    rows = [
        replace(row, value=_shown(patch[row.name])) if patch.get(row.name) is not None else row
        for row in rows
    ]
    known = {row.old_name for row in rows}
    new = [
        Row(name, _shown(value))
        for name, value in patch.items()
        if value is not None and name not in known
    ]
    return [*rows, *new, *([Row()] * _SPARE_ROWS)]


def _rows(entries: Mapping[str, Any]) -> Sequence[Row]:
    shown = [(name, _shown(value)) for name, value in list(entries.items())[:MOST_ROWS]]
    rows = [Row(name, value, name, value) for name, value in shown]
    return [*rows, *([Row()] * _SPARE_ROWS)]


def _rows_sent(form: Mapping[str, str], field: str) -> Sequence[Row]:
    rows: list[Row] = []
    while (name := form.get(f"{field}.{len(rows)}.name")) is not None:
        at = f"{field}.{len(rows)}"
        values = (form.get(f"{at}.{part}", "") for part in ("value", "name.was", "value.was"))
        rows.append(Row(name, *map(_lines, values)))
    return rows


def _text(value: str) -> Text:
    told = _lines(value)
    return Text(told, told)


def _written(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) if value else ""


def _shown(value: object) -> str:
    return _lines(value) if isinstance(value, str) else repr(value)


def _lines(text: str) -> str:
    """Return a text with line ends as browsers do not send them."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
