"""`registry tag`, `registry annotate` and `registry edits`: what is said, and who changed it."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from registry.cli.options import (
    AsJson,
    Metrics,
    ModelName,
    NamedVersion,
    Parameters,
    Reason,
    Tags,
    Url,
    read_metrics,
    read_pairs,
    read_parameters,
)
from registry.cli.output import print_json, print_list, print_model, print_version, time_text

if TYPE_CHECKING:
    from registry._edit_calls import ModelChanges, VersionChanges
    from registry.schemas import Edit

Value = TypeVar("Value")
MaybeVersion = Annotated[
    str | None,
    typer.Argument(metavar="[VERSION]", help="Number, label, @alias, or latest; else the model."),
]
IfRevision = Annotated[
    int | None,
    typer.Option("--if-revision", metavar="N", min=1, help="Only where it is at this revision."),
]
NewDescription = Annotated[
    str | None, typer.Option("--description", help="What it is for; empty: removes it.")
]
NewFramework = Annotated[str | None, typer.Option("--framework", help="Library that made it.")]
Properties = Annotated[
    list[str] | None,
    typer.Option("--property", metavar="NAME=VALUE", help="A property; repeatable."),
]
RemovedTags = Annotated[
    list[str] | None, typer.Option("--remove-tag", metavar="NAME", help="Repeatable.")
]
RemovedMetrics = Annotated[
    list[str] | None, typer.Option("--remove-metric", metavar="NAME", help="Repeatable.")
]
RemovedParameters = Annotated[
    list[str] | None, typer.Option("--remove-param", metavar="NAME", help="Repeatable.")
]
RemovedProperties = Annotated[
    list[str] | None, typer.Option("--remove-property", metavar="NAME", help="Repeatable.")
]


def tag(
    model: ModelName,
    version: NamedVersion,
    tags: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=TEXT]...", help="Tags to set.")
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", metavar="NAME", help="A tag to remove; repeatable."),
    ] = None,
    if_revision: IfRevision = None,
    reason: Reason = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Set and remove tags of a version; others stay as they are."""
    given = read_pairs("a tag", tags or ())
    changes = _entries("--remove", given, remove)
    if changes is None:
        raise typer.BadParameter("give tags as NAME=TEXT, or --remove NAME")
    _edit_version(model, version, {"tags": changes}, if_revision, reason, url, as_json=as_json)


def annotate(
    model: ModelName,
    version: MaybeVersion = None,
    description: NewDescription = None,
    framework: NewFramework = None,
    metric: Metrics = None,
    param: Parameters = None,
    tag: Tags = None,
    prop: Properties = None,
    remove_metric: RemovedMetrics = None,
    remove_param: RemovedParameters = None,
    remove_tag: RemovedTags = None,
    remove_property: RemovedProperties = None,
    if_revision: IfRevision = None,
    reason: Reason = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Change what is said of a version, or without one of the model; the rest stays as it is."""
    properties = read_parameters("--property", prop or ())
    parameters = read_parameters("--param", param or ())
    of_model: ModelChanges = {}
    if description is not None:
        of_model["description"] = description
    if tags := _entries("--remove-tag", read_pairs("--tag", tag or ()), remove_tag):
        of_model["tags"] = tags
    changes: VersionChanges = {**of_model}
    if framework is not None:
        changes["framework"] = framework
    if metrics := _entries("--remove-metric", read_metrics(metric or ()), remove_metric):
        changes["metrics"] = metrics
    if entries := _entries("--remove-param", parameters, remove_param):
        changes["parameters"] = entries
    if entries := _entries("--remove-property", properties, remove_property):
        changes["properties"] = entries
    if not changes:
        raise typer.BadParameter("give at least one thing to change, such as --description")
    if version is not None:
        _edit_version(model, version, changes, if_revision, reason, url, as_json=as_json)
    elif len(changes) > len(of_model):
        raise typer.BadParameter("a model has a description and tags alone: name a version as well")
    else:
        _edit_model(model, of_model, if_revision, reason, url, as_json=as_json)


def edits(
    model: ModelName, version: MaybeVersion = None, url: Url = None, as_json: AsJson = False
) -> None:
    """List the edits of a version, or without one of the model; with --json one a line."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = (
            client.model_edits(model) if version is None else client.version_edits(model, version)
        )
        columns = ("REVISION", "TIME", "BY", "BEFORE", "AFTER", "REASON")
        print_list(found, columns, _row, as_json=as_json)


def _row(edit: "Edit") -> Sequence[object]:
    values = (json.dumps(each, ensure_ascii=False) for each in (edit.before, edit.after))
    return (edit.revision, time_text(edit.at), edit.by, *values, edit.reason)


def _edit_version(
    model: str,
    version: str,
    changes: "VersionChanges",
    if_revision: int | None,
    reason: str,
    url: str | None,
    *,
    as_json: bool,
) -> None:
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.update_version(
            model, version, if_revision=if_revision, reason=reason, **changes
        )
    (print_json if as_json else print_version)(found)


def _edit_model(
    model: str,
    changes: "ModelChanges",
    if_revision: int | None,
    reason: str,
    url: str | None,
    *,
    as_json: bool,
) -> None:
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.update_model(model, if_revision=if_revision, reason=reason, **changes)
    (print_json if as_json else print_model)(found)


def _entries(
    option: str, given: Mapping[str, Value], removed: Sequence[str] | None
) -> "dict[str, Value | None] | None":
    """Return entries to be set, and to be removed; None where there are none.

    Raises typer.BadParameter where a name is to be both.
    """
    for name in removed or ():
        if name in given:
            raise typer.BadParameter(f"{option} {name}: it is to be set as well")
    return {**given, **dict.fromkeys(removed or ())} or None
