"""Options that several commands share, and how their values are read."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pydantic import JsonValue

    from registry._upload_calls import Description

Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="Address of the registry, else REGISTRY_URL."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="Name of the model.")]
VersionName = Annotated[
    str, typer.Argument(metavar="[VERSION]", help="Number, label, @alias, or latest.")
]

# What is said of a version when its upload is opened.
Label = Annotated[str | None, typer.Option("--version", help="Label, or a free number.")]
InnerPath = Annotated[str | None, typer.Option("--path", help="Name inside the version.")]
Purpose = Annotated[str, typer.Option("--description", help="What the model is for.")]
Framework = Annotated[str, typer.Option("--framework", help="Library that made it.")]
Metrics = Annotated[
    list[str] | None,
    typer.Option("--metric", metavar="NAME=NUMBER", help="A metric; repeatable."),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="A parameter; repeatable."),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="NAME=TEXT", help="A tag; repeatable.")
]
StorageGroup = Annotated[str | None, typer.Option("--storage-group", help="Bucket to store it in.")]
OwnId = Annotated[str | None, typer.Option("--id", help="Your own identifier.")]


def read_pairs(option: str, values: Sequence[str]) -> dict[str, str]:
    """Read `name=value` options; raises typer.BadParameter for any other form."""
    pairs: dict[str, str] = {}
    for value in values:
        name, sign, text = value.partition("=")
        if not sign or not name:
            raise typer.BadParameter(f"{option} takes name=value, not {value!r}")
        pairs[name] = text
    return pairs


def read_metrics(values: Sequence[str]) -> dict[str, float]:
    """Read `--metric name=number` options."""
    try:
        return {name: float(text) for name, text in read_pairs("--metric", values).items()}
    except ValueError as error:
        raise typer.BadParameter(f"--metric takes name=number: {error}") from None


def read_parameters(option: str, values: Sequence[str]) -> "dict[str, JsonValue]":
    """Read `name=value` options: JSON where the value is JSON, text otherwise."""
    return {name: _json_or_text(text) for name, text in read_pairs(option, values).items()}


def read_description(
    description: str,
    framework: str,
    metric: Sequence[str] | None,
    param: Sequence[str] | None,
    tag: Sequence[str] | None,
) -> "Description":
    """Read the options that describe a version."""
    return {
        "description": description,
        "framework": framework,
        "metrics": read_metrics(metric or ()),
        "parameters": read_parameters("--param", param or ()),
        "tags": read_pairs("--tag", tag or ()),
    }


def _json_or_text(text: str) -> "JsonValue":
    try:
        return json.loads(text)
    except ValueError:
        return text
