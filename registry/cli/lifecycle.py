"""`registry archive`, `delete`, `restore`, `hold` and `copy`: what becomes of a version."""

from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.options import AsJson, ModelName, NamedVersion, Url
from registry.cli.output import print_json, time_text
from registry.cli.printable import printable

if TYPE_CHECKING:
    from registry.schemas import Version

FixedName = Annotated[
    str, typer.Argument(metavar="VERSION", help="Number or label, which never move.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for all to see.")]


def archive(
    model: ModelName,
    version: FixedName,
    undo: Annotated[bool, typer.Option("--undo", help="Take it out of the archive.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Put a version away: it is neither latest nor an alias's, and downloads as before."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        change = client.unarchive_version if undo else client.archive_version
        _print(change(model, version), "taken out of the archive" if undo else "archived", as_json)


def hold(
    model: ModelName,
    version: FixedName,
    release: Annotated[bool, typer.Option("--release", help="End the hold.")] = False,
    reason: Reason = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Have nothing of a version removed until it is released."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        if release:
            _print(client.release_version(model, version), "released", as_json)
        else:
            _print(client.hold_version(model, version, reason=reason), "held", as_json)


def delete(
    model: ModelName,
    version: FixedName,
    reason: Reason = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Delete a version; it can be restored until its files are removed."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.delete_version(model, version, reason=reason)
    until = found.deletion.purge_due_at if found.deletion else None
    _print(found, f"deleted, can be restored until {time_text(until)}" if until else "", as_json)
    if found.children or found.more_children:
        others = ["others"] if found.more_children else []
        made = ", ".join(printable(name) for name in [*found.children, *others])
        typer.echo(f"warning: made from it, and still there: {made}", err=True)


def restore(model: ModelName, version: FixedName, url: Url = None, as_json: AsJson = False) -> None:
    """Make a deleted version what it was before."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.restore_version(model, version)
    _print(found, f"restored: it is {found.state}", as_json)


def copy(
    model: ModelName,
    version: NamedVersion,
    to_model: Annotated[str, typer.Argument(metavar="TO_MODEL", help="Model to copy it to.")],
    to_version: Annotated[
        str | None, typer.Option("--version", help="Label of the copy, or a free number.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make a version of another model with the same files; no byte is moved."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.copy_version(model, version, to_model, to_version=to_version)
    _print(found, f"copied from {model} {version}", as_json)


def _print(found: "Version", what: str, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{found.model} version {found.number}: {what}")
