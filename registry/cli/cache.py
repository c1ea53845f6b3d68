"""`registry cache` and `registry fetch`: versions on this machine, shared by all programs."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.completion import complete_ref
from registry.cli.exit_codes import ExitCode
from registry.cli.options import AsJson, Url
from registry.cli.output import print_json, print_list, time_text
from registry.cli.progress import progress_bar

if TYPE_CHECKING:
    from registry.cache import Cache, Damage
    from registry.cache.verification import Damaged

cache = typer.Typer(help="See, check and prune the versions that this machine keeps.")


def fetch(
    ref: Annotated[
        str,
        typer.Argument(
            metavar="REF",
            help="MODEL, MODEL@ALIAS or MODEL:VERSION, as in load().",
            autocompletion=complete_ref,
        ),
    ],
    files: Annotated[
        list[str] | None,
        typer.Option("--file", metavar="PATTERN", help="Only such files; repeatable."),
    ] = None,
    offline: Annotated[
        bool | None, typer.Option("--offline/--online", help="Ask nobody; else REGISTRY_OFFLINE.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Have a version in the cache, verified, and print the folder with its files."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client, progress_bar(f"fetch {ref}") as progress:
        found = client.fetch(ref, files=files, offline=offline, progress=progress)
    typer.echo(json.dumps({"path": str(found)}) if as_json else str(found))


@cache.command("ls")
def list_versions(as_json: AsJson = False) -> None:
    """List what the cache has, what was used last first; with --json one document a line."""
    from registry.cache import Cache

    print_list(
        Cache().versions(),
        ("MODEL", "VERSION", "LABEL", "FILES", "BYTES", "STATE", "USED", "REGISTRY", "FOLDER"),
        lambda v: (
            *(v.model, v.number, v.label, ",".join(v.patterns) or v.files, v.size_bytes),
            "in use" if v.in_use else v.state,
            *(time_text(v.used_at), v.registry, v.folder),
        ),
        as_json=as_json,
    )


@cache.command()
def verify(
    mend: Annotated[bool, typer.Option("--mend", help="Fetch again what is damaged.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Change nothing, only tell.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read all files, and remove the versions that have one that is not what was verified."""
    from registry.cache import Cache
    from registry.cache.verification import find_damages

    if mend and keep:
        raise typer.BadParameter("--mend and --keep exclude each other")
    of = Cache()
    with progress_bar("verify") as progress:
        found = find_damages(of, progress)
    damages = [each.told for each in found]
    if mend and found:
        damages = _mend(of, found)
    elif not keep:
        of.set_aside(found, drop=True)
    print_list(
        damages,
        ("MODEL", "VERSION", "PATH", "PROBLEM", "MENDED", "REGISTRY"),
        lambda d: (d.model, d.number, d.path, d.problem, "yes" if d.mended else "", d.registry),
        as_json=as_json,
    )
    if any(not damage.mended for damage in damages):
        raise typer.Exit(ExitCode.DIGEST_MISMATCH)


@cache.command()
def prune(
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="BYTES", help="Leave so much, such as 10GiB or 0."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Remove what was not used for the longest time; what running programs use stays."""
    from registry.cache import Cache
    from registry.cache.settings import read_size

    pruned = Cache().prune(None if size is None else read_size(size, "--size"))
    if as_json:
        print_json(pruned)
        return
    for each in pruned.removed:
        typer.echo(f"removed {each.model} {each.number}: {each.size_bytes} bytes")
    typer.echo(f"freed {pruned.freed_bytes} bytes, {pruned.size_bytes} are left")


def _mend(of: "Cache", found: "list[Damaged]") -> "list[Damage]":
    """Fetch what is damaged again, from the registry that it came from."""
    from registry.client import ModelRegistryClient
    from registry.errors import RegistryError

    of.set_aside(found, drop=False)
    mended: dict[str, bool] = {}
    for entry in {each.entry.key: each.entry for each in found}.values():
        try:
            with (
                ModelRegistryClient(entry.registry) as client,
                progress_bar(f"fetch {entry.name}") as progress,
            ):
                client.fetch(
                    entry.model,
                    entry.number,
                    files=entry.patterns,
                    cache=of,
                    offline=False,
                    progress=progress,
                )
            mended[entry.key] = True
        except RegistryError as error:
            typer.echo(f"cannot mend {entry.name}: {error}", err=True)
            mended[entry.key] = False
    return [each.told.model_copy(update={"mended": mended[each.entry.key]}) for each in found]
