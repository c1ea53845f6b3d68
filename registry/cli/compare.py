"""`registry compare`: versions side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.options import AsJson, ModelName, Url
from registry.cli.output import print_json, print_table, tensors_text

if TYPE_CHECKING:
    from registry.schemas.comparison import ComparedFile, ComparedTensor, Comparison, Likenesses


def compare(
    model: ModelName,
    versions: Annotated[
        list[str],
        typer.Argument(metavar="VERSION VERSION...", help="Two to ten: number, label, @alias."),
    ],
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="Rows of each list.")
    ] = 500,
    show_all: Annotated[
        bool, typer.Option("--all", help="Print the rows that are the same in all, too.")
    ] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Compare versions: metadata, files and tensors; what differs comes first."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.compare(model, versions, limit=limit)
    if as_json:
        print_json(found)
    else:
        _print(found, show_all=show_all)


def _print(found: "Comparison", *, show_all: bool) -> None:
    numbers = [str(each.number) for each in found.versions]
    versions = [
        ("label", [each.label for each in found.versions]),
        ("state", [each.state for each in found.versions]),
        ("bytes", [each.size_bytes for each in found.versions]),
        ("tensors", [tensors_text(each.tensors) for each in found.versions]),
        ("not read", [each.unread.detail if each.unread else None for each in found.versions]),
    ]
    print_table(
        (found.model, *numbers),
        [(title, *values) for title, values in versions if any(values)],
    )
    _print_rows(
        "metadata",
        numbers,
        found.metadata_counts,
        [
            (row.status, row.name, [_value(each) for each in row.values])
            for row in found.metadata
            if row.name not in ("state", "size_bytes")  # which stand above
        ],
        show_all=show_all,
    )
    _print_rows(
        "files",
        numbers,
        found.file_counts,
        [(row.status, row.path, [_file(each) for each in row.values]) for row in found.files],
        show_all=show_all,
    )
    _print_rows(
        "tensors",
        numbers,
        found.tensor_counts,
        [
            (_status(row.status, row.differs), row.name, [_tensor(each) for each in row.values])
            for row in found.tensors
        ],
        show_all=show_all,
    )
    if found.left_out:
        typer.echo(f"\n{found.left_out} rows more; --limit asks for them")


def _print_rows(
    title: str,
    numbers: Sequence[str],
    counts: "Likenesses",
    rows: Sequence[tuple[str, str, Sequence[object]]],
    *,
    show_all: bool,
) -> None:
    """Print one list under a line with its counts."""
    told = [f"{count} {name}" for name, count in counts.model_dump().items() if count]
    if not told:
        return
    typer.echo(f"\n{title}: {', '.join(told)}")
    chosen = [row for row in rows if show_all or row[0] != "same"]
    if chosen:
        print_table(
            ("STATUS", "NAME", *numbers),
            [(status, name, *values) for status, name, values in chosen],
        )


def _status(status: str, differs: Sequence[str]) -> str:
    return f"{status} ({', '.join(differs)})" if differs else status


def _value(value: object) -> object:
    import json

    return value if value is None or isinstance(value, str) else json.dumps(value)


def _file(file: "ComparedFile | None") -> str | None:
    if file is None:
        return None
    known = f" {file.sha256[:12]}" if file.sha256 else ""
    return f"{file.size_bytes} bytes{known}"


def _tensor(tensor: "ComparedTensor | None") -> str | None:
    return None if tensor is None else f"{tensor.dtype} {tensor.shape}"
