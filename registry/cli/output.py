"""What a person sees on stdout: tables, fields, and JSON for programs."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

import typer

from registry.cli.printable import printable, printable_json

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import BaseModel

    from registry.schemas import Artifact, Identity, Model, TensorSummary, Version

Item = TypeVar("Item", bound="BaseModel")
WIDE = 100_000
"""Width in columns where the output goes to no terminal: no line is cut."""


def print_json(answer: "BaseModel") -> None:
    """Print one JSON document on one line."""
    typer.echo(printable_json(answer.model_dump_json()))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a plain table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*("" if value is None else printable(str(value)) for value in row))
    # Without a terminal a program reads the lines, and rich would cut them at 80 columns.
    width = None if sys.stdout.isatty() else WIDE
    Console(width=width, markup=False).print(table)


def print_list(
    found: Iterable[Item],
    columns: Sequence[str],
    row: Callable[[Item], Sequence[object]],
    *,
    as_json: bool,
) -> None:
    """Print what a list has: one JSON document a line, each as it comes, or a table."""
    if as_json:
        for each in found:
            print_json(each)
    else:
        print_table(columns, map(row, found))


def time_text(at: "datetime") -> str:
    """Return a time in UTC to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def print_fields(rows: Iterable[tuple[str, object]]) -> None:
    """Print titles and values, one a line; nothing for a value that is not there.

    Further lines of a value stand below its first one, so that none passes for a title.
    """
    for title, value in rows:
        if value not in (None, ""):
            lines = [printable(line) for line in str(value).split("\n")]
            typer.echo(f"{title + ':':<15}" + f"\n{'':<15}".join(lines))


def print_version(version: "Version", model: "Model | None" = None) -> None:
    """Print what is known about a version, and what is said of its model where that is given."""
    rows: list[tuple[str, object]] = [
        ("model", version.model),
        *_said(model, "about", "about tag"),
        ("version", version.number if version.label is None else _numbered(version)),
        ("alias", ", ".join(version.aliases)),
        ("state", version.state),
        ("archived", time_text(version.archived_at) if version.archived_at else None),
        ("held", _held(version)),
        ("deleted", _deleted(version)),
        ("id", version.id),
        ("client id", version.client_id),
        ("created", version.created_at.isoformat(timespec="seconds")),
        ("storage group", version.storage_group),
        ("framework", version.framework),
        ("description", version.description),
    ]
    rows += [("reason", f"{reason.code}: {reason.detail}") for reason in version.reasons]
    for title, entries in (
        ("metric", version.metrics),
        ("parameter", version.parameters),
        ("tag", version.tags),
    ):
        rows += [(title, f"{name}={value}") for name, value in entries.items()]
    rows += [("revision", version.revision if version.revision > 1 else None)]
    rows += [("tensors", tensors_text(_summary_of(version.artifacts)))]
    rows += [
        ("file", f"{file.path} ({file.size_bytes} bytes, {_digest(file)}){_stored(file)}")
        for file in version.artifacts
    ]
    print_fields(rows)


def print_model(model: "Model") -> None:
    """Print what is known about a model."""
    print_fields(
        [
            ("model", model.name),
            *_said(model, "description", "tag"),
            ("latest", model.latest_number),
            ("versions", model.version_count),
            ("revision", model.revision),
        ]
    )


def print_identity(identity: "Identity") -> None:
    """Print who somebody is, and what they may."""
    expires = identity.expires_at
    print_fields(
        [
            ("principal", identity.principal),
            ("name", identity.name),
            *(("grant", grant) for grant in identity.grants),
            ("expires", expires.isoformat(timespec="seconds") if expires else None),
        ]
    )


def _said(model: "Model | None", description: str, tag: str) -> list[tuple[str, object]]:
    if model is None:
        return []
    tags = ((tag, f"{name}={value}") for name, value in model.tags.items())
    return [(description, model.description), *tags]


def tensors_text(summary: "TensorSummary | None") -> str | None:
    """Return what tensors add up to, such as `291, 8030261248 parameters, BF16`."""
    if summary is None:
        return None
    told = [str(summary.count)]
    if summary.parameters is not None:
        told.append(f"{summary.parameters} parameters")
    if summary.size_bytes is not None:
        told.append(f"{summary.size_bytes} bytes")
    only = len(summary.dtypes) == 1
    kinds = sorted(summary.dtypes.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join([*told, *(name if only else f"{count} {name}" for name, count in kinds)])


def _summary_of(files: "Sequence[Artifact]") -> "TensorSummary | None":
    """Add up the tensors of a version's files; None where nothing is known of any."""
    from registry.schemas import TensorSummary

    return TensorSummary.sum_of(file.tensors for file in files if file.tensors is not None)


def _numbered(version: "Version") -> str:
    return f"{version.number} ({version.label})"


def _stored(file: "Artifact") -> str:
    """Say where the bytes lie that are another version's as well."""
    return f", stored under {file.location}" if file.location else ""


def _held(version: "Version") -> str | None:
    if version.hold is None:
        return None
    return f"by {version.hold.by}, {time_text(version.hold.at)} {version.hold.reason}".rstrip()


def _deleted(version: "Version") -> str | None:
    if version.deletion is None:
        return None
    found = version.deletion
    if found.purged_at is not None:
        until = f"its files are gone since {time_text(found.purged_at)}"
    else:
        until = f"can be restored until {time_text(found.purge_due_at)}"
    return f"by {found.by}, {time_text(found.at)}, {until} {found.reason}".rstrip()


def _digest(file: "Artifact") -> str:
    """Return the SHA-256, or until it is known what storage knows: its composite digest."""
    if file.sha256 is not None:
        return file.sha256
    return "pending" if file.composite is None else f"pending, composite {file.composite.value}"
