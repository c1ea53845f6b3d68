"""Options that several commands share, and how their values are read."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pydantic import JsonValue

Url = Annotated[str, typer.Option("--url", envvar="REGISTRY_URL", help="Address of the registry.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="Name of the model.")]
VersionName = Annotated[str, typer.Argument(metavar="[VERSION]", help="Number, label, or latest.")]


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


def read_parameters(values: Sequence[str]) -> "dict[str, JsonValue]":
    """Read `--param name=value` options: JSON where the value is JSON, text otherwise."""
    return {name: _json_or_text(text) for name, text in read_pairs("--param", values).items()}


def _json_or_text(text: str) -> "JsonValue":
    try:
        return json.loads(text)
    except ValueError:
        return text
