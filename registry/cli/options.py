"""Options that several commands share, and how their values are read."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from registry.cli.completion import complete_model, complete_version

if TYPE_CHECKING:
    from pydantic import JsonValue

    from registry._upload_calls import Description

Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="Address of the registry, else REGISTRY_URL."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
ModelName = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="Name of the model.", autocompletion=complete_model),
]
VersionName = Annotated[
    str,
    typer.Argument(
        metavar="[VERSION]",
        help="Number, label, @alias, or latest.",
        autocompletion=complete_version,
    ),
]

NamedVersion = Annotated[
    str,
    typer.Argument(
        metavar="VERSION",
        help="Number, label, @alias, or latest.",
        autocompletion=complete_version,
    ),
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the history.")]

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
Parents = Annotated[
    list[str] | None,
    typer.Option(
        "--parent",
        metavar="[RELATION=]PARENT",
        help="MODEL@NUMBER, MODEL@ALIAS or a URI, such as fine_tuned=base@3; repeatable.",
    ),
]
Datasets = Annotated[
    list[str] | None,
    typer.Option(
        "--dataset",
        metavar="[RELATION=]URI",
        help="A data set, such as trained_on=s3://data/churn; repeatable.",
    ),
]
Run = Annotated[
    str | None, typer.Option("--run", metavar="RUN", help="URI or id of the run that made it.")
]
Code = Annotated[
    str | None,
    typer.Option("--code", metavar="URI[@REVISION]", help="Repository and revision."),
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


class ToldLineage(TypedDict, total=False):
    """What was said of a version's lineage, as the client takes it."""

    parents: "list[str | dict[str, str]]"
    datasets: "list[str | dict[str, str]]"
    run: str
    code: str


def read_lineage(
    parent: Sequence[str] | None, dataset: Sequence[str] | None, run: str | None, code: str | None
) -> ToldLineage | None:
    """Read the options that say what a version was made from; None where there are none."""
    told: ToldLineage = {}
    if parent:
        told["parents"] = [_related(each) for each in parent]
    if dataset:
        told["datasets"] = [_related(each) for each in dataset]
    if run:
        told["run"] = run
    if code:
        told["code"] = code
    return told or None


def _related(text: str) -> "str | dict[str, str]":
    """Read `[RELATION=]WHAT`; a URI may have the sign in it, behind its colon."""
    relation, sign, what = text.partition("=")
    if not sign or ":" in relation or "@" in relation:
        return text
    model, at, version = what.partition("@")
    if not at or ":" in model:
        return {"uri": what, "relation": relation}
    named = version if version.isdecimal() else f"@{version}"
    return {"model": model, "version": named, "relation": relation}


def read_description(
    description: str,
    framework: str,
    metric: Sequence[str] | None,
    param: Sequence[str] | None,
    tag: Sequence[str] | None,
    lineage: ToldLineage | None = None,
) -> "Description":
    """Read the options that describe a version."""
    told: Description = {
        "description": description,
        "framework": framework,
        "metrics": read_metrics(metric or ()),
        "parameters": read_parameters("--param", param or ()),
        "tags": read_pairs("--tag", tag or ()),
    }
    if lineage is not None:
        told["lineage"] = lineage
    return told


def _json_or_text(text: str) -> "JsonValue":
    try:
        return json.loads(text)
    except ValueError:
        return text
