"""How notebooks show answers: small tables, in which everything that others wrote is escaped.

Loaded when something is shown, and not before.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from registry.schemas.shown import moment_text, size_text, text_of

if TYPE_CHECKING:
    from registry.schemas.comparison import Comparison
    from registry.schemas.versions import Model, Version, VersionSummary

MAX_ROWS = 200
"""Of one list; a notebook keeps what it shows."""
MAX_CHARACTERS = 500
"""Of one cell."""


def show_model(model: "Model") -> str:
    """Return what is told of a model."""
    rows: list[tuple[object, object]] = [
        ("latest", model.latest_number),
        ("versions", model.version_count),
        ("description", model.description),
        *_named("tag", model.tags),
    ]
    return _caption(f"model {model.name}") + _table((), rows)


def show_version(version: "Version | VersionSummary") -> str:
    """Return what is told of a version, and its files where they are known: as its page does."""
    label = f" ({version.label})" if version.label else ""
    rows: list[tuple[object, object]] = [
        ("state", version.state),
        ("aliases", ", ".join(version.aliases)),
        ("size", size_text(version.size_bytes)),
        *_moments(version),
        ("description", version.description),
        *_acts(version),
        *((f"finding {each.code}", each.detail) for each in version.reasons),
        ("finding", version.failure and f"{version.failure.code} {version.failure.detail}"),
        ("framework", version.framework),
        *_named("metric", version.metrics),
        *_named("parameter", getattr(version, "parameters", {})),
        *_named("tag", version.tags),
        *_named("property", getattr(version, "properties", {})),
    ]
    shown = _caption(f"{version.model} version {version.number}{label}") + _table((), rows)
    files = getattr(version, "artifacts", None)
    if files:
        columns = ("file", "size", "format", "check", "SHA-256")
        shown += _table(
            columns, [(f.path, size_text(f.size_bytes), f.format, f.state, f.sha256) for f in files]
        )
    return shown


def _moments(version: "Version | VersionSummary") -> Iterable[tuple[object, object]]:
    for name, at in (
        ("created", version.created_at),
        ("ready", version.ready_at),
        ("archived", version.archived_at),
    ):
        yield name, f"{moment_text(at)} UTC" if at else None


def _acts(version: "Version | VersionSummary") -> Iterable[tuple[object, object]]:
    for name, act in (("held", version.hold), ("deleted", version.deletion)):
        yield name, f"by {act.by} at {moment_text(act.at)} UTC: {act.reason}" if act else None


def show_comparison(found: "Comparison") -> str:
    """Return what differs between versions."""
    numbers = [str(each.number) for each in found.versions]
    shown = _caption(f"{found.model}: versions {', '.join(numbers)}")
    lists: tuple[tuple[str, list[Sequence[object]]], ...] = (
        ("metadata", [(r.status, r.name, *r.values) for r in found.metadata if r.status != "same"]),
        (
            "files",
            [
                (r.status, r.path, *(size_text(v.size_bytes) if v else None for v in r.values))
                for r in found.files
                if r.status != "same"
            ],
        ),
        (
            "tensors",
            [
                (r.status, r.name, *(f"{v.dtype} {v.shape}" if v else None for v in r.values))
                for r in found.tensors
                if r.status != "same"
            ],
        ),
    )
    for title, rows in lists:
        if rows:
            shown += _table((title, "name", *numbers), rows)
    return shown


def _named(kind: str, values: Mapping[str, object]) -> list[tuple[object, object]]:
    return [(f"{kind} {name}", text_of(value)) for name, value in values.items()]


def _caption(text: str) -> str:
    return f"<p><b>{_cell(text)}</b></p>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    told = [row for row in rows if columns or row[1] not in (None, "")]
    head = "".join(f"<th>{_cell(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>"
        for row in told[:MAX_ROWS]
    )
    more = len(told) - MAX_ROWS
    rest = f"<p>{more} rows more</p>" if more > 0 else ""
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>{rest}"


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return escape(text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…")
