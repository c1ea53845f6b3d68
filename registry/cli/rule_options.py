"""Options of `registry rules set`, and how their values are read."""

import json
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from registry.cli.options import read_pairs

MAX_FILE_BYTES = 1024 * 1024

RulesFile = Annotated[
    str | None,
    typer.Option("--file", metavar="PATH", help="Rules as JSON, or as .toml; - is stdin."),
]
Protected = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ALIAS=1|2",
        help="1: maintainers move it; 2: one proposes, another approves; repeatable.",
    ),
]
AllowedFormats = Annotated[
    list[str] | None,
    typer.Option(metavar="FORMAT", help="A format that files may have; repeatable."),
]
RequiredMetrics = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="A metric; repeatable.")
]
RequiredTags = Annotated[list[str] | None, typer.Option(metavar="NAME", help="A tag; repeatable.")]
RequiredParameters = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="A parameter; repeatable.")
]
RequiredCard = Annotated[
    bool, typer.Option("--require-model-card", help="Each version has a README.md.")
]
ImmutableLabels = Annotated[
    bool,
    typer.Option("--immutable-labels", help="A label of a ready version names no other one."),
]
KeepLast = Annotated[int | None, typer.Option(metavar="N", help="Keep the last N ready versions.")]
KeepDays = Annotated[
    int | None, typer.Option(metavar="DAYS", help="Keep versions that are younger.")
]
KeepTags = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Keep versions with this tag; repeatable."),
]


def read_file(file: str) -> dict[str, Any]:
    """Read rules from a file; raises typer.BadParameter where it is no object of JSON or TOML."""
    try:
        if file == "-":
            body = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with Path(file).open("rb") as source:
                body = source.read(MAX_FILE_BYTES + 1)
        if len(body) > MAX_FILE_BYTES:
            raise typer.BadParameter(f"--file {file} has more than {MAX_FILE_BYTES} bytes")
        text = body.decode()
        found: object = tomllib.loads(text) if file.endswith(".toml") else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise typer.BadParameter(f"--file {file} cannot be read: {error}") from None
    if not isinstance(found, dict):
        raise typer.BadParameter(f"--file {file} holds no object")
    return cast("dict[str, Any]", found)


def read_protected(values: Sequence[str] | None) -> dict[str, Any]:
    """Read `--protect alias=approvals` options; nothing where there is none."""
    if not values:
        return {}
    pairs = read_pairs("--protect", values).items()
    # What is no number is told by the rule, as any other wrong value.
    entries = [{"alias": name, "approvals": {"1": 1, "2": 2}.get(t, t)} for name, t in pairs]
    return {"protected_aliases": entries}


def read_required(
    metrics: Sequence[str] | None,
    tags: Sequence[str] | None,
    parameters: Sequence[str] | None,
    model_card: bool,
) -> dict[str, Any]:
    """Read the options of what is required; nothing where none was given."""
    if not (metrics or tags or parameters or model_card):
        return {}
    required = {
        "metrics": list(metrics or ()),
        "tags": list(tags or ()),
        "parameters": list(parameters or ()),
        "model_card": model_card,
    }
    return {"required": required}


def read_retention(
    last: int | None, days: int | None, tags: Sequence[str] | None
) -> dict[str, Any]:
    """Read the options of what is kept; nothing where none was given."""
    if last is None and days is None and not tags:
        return {}
    retention: dict[str, Any] = {
        "keep_younger_than_days": days,
        "keep_with_tags": list(tags or ()),
    }
    if last is not None:
        retention["keep_last_ready"] = last
    return {"retention": retention}
