"""`registry alias`: names that point at one version each, and remember where they pointed."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.completion import complete_alias
from registry.cli.options import AsJson, ModelName, Reason, Url
from registry.cli.output import print_fields, print_json, print_list, time_text

if TYPE_CHECKING:
    from registry.schemas import Alias

alias = typer.Typer(help="Point names such as production at versions, and see where they pointed.")

AliasName = Annotated[
    str,
    typer.Argument(
        metavar="ALIAS", help="Name, such as production.", autocompletion=complete_alias
    ),
]
IfRevision = Annotated[
    int | None,
    typer.Option(
        "--if-revision",
        metavar="N",
        min=0,
        help="Only where the alias is at this revision; 0: only where it is not there.",
    ),
]


@alias.command("set")
@alias.command("move")
def set_alias(
    model: ModelName,
    name: AliasName,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Number or label; ready.")],
    if_revision: IfRevision = None,
    reason: Reason = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Let an alias point at a ready version."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        moved = client.set_alias(model, name, version, if_revision=if_revision, reason=reason)
    (print_json if as_json else _print)(moved)


@alias.command()
def rollback(
    model: ModelName,
    name: AliasName,
    to_revision: Annotated[
        int | None,
        typer.Option("--to", metavar="N", min=1, help="The revision to go back to."),
    ] = None,
    if_revision: IfRevision = None,
    reason: Reason = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Let an alias point again where it pointed before its last move."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        moved = client.rollback_alias(
            model, name, to_revision=to_revision, if_revision=if_revision, reason=reason
        )
    (print_json if as_json else _print)(moved)


@alias.command()
def remove(
    model: ModelName,
    name: AliasName,
    if_revision: IfRevision = None,
    reason: Reason = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Remove an alias; its history stays."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        client.remove_alias(model, name, if_revision=if_revision, reason=reason)
    told = {"model": model, "alias": name, "state": "removed"}
    typer.echo(json.dumps(told) if as_json else f"removed {model}@{name}")


@alias.command()
def show(
    model: ModelName,
    name: AliasName,
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at",
            metavar="TIME",
            formats=["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"],
            help="Where it pointed then, such as 2026-11-01T00:00:00Z; else now.",
        ),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show where an alias points, or pointed."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.get_alias(model, name, at=at)
    (print_json if as_json else _print)(found)


@alias.command("list")
def list_aliases(model: ModelName, url: Url = None, as_json: AsJson = False) -> None:
    """List the aliases of a model; with --json one document a line."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        print_list(
            client.list_aliases(model),
            ("ALIAS", "VERSION", "LABEL", "REVISION", "SINCE", "BY"),
            lambda a: (a.alias, a.number, a.label, a.revision, time_text(a.at), a.by),
            as_json=as_json,
        )


@alias.command()
def history(model: ModelName, name: AliasName, url: Url = None, as_json: AsJson = False) -> None:
    """List the moves of an alias, the newest first; with --json one document a line."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        print_list(
            client.alias_history(model, name),
            ("REVISION", "TIME", "BY", "PROPOSED BY", "FROM", "TO", "REASON"),
            lambda m: (
                *(m.revision, time_text(m.at), m.by, m.proposed_by),
                *(m.from_number, m.to_number or "removed", m.reason),
            ),
            as_json=as_json,
        )


def _print(found: "Alias") -> None:
    print_fields(
        [
            ("alias", f"{found.model}@{found.alias}"),
            ("version", f"{found.number} ({found.label})" if found.label else found.number),
            ("revision", found.revision),
            ("since", time_text(found.at)),
            ("by", found.by),
            ("proposed by", found.proposed_by),
            ("reason", found.reason),
        ]
    )
