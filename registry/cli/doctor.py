"""`registry doctor`: what is wrong, and how to mend it."""

from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.exit_codes import ExitCode
from registry.cli.options import AsJson, Url
from registry.cli.output import print_json, print_table

if TYPE_CHECKING:
    from registry.doctor import Diagnosis


def doctor(
    query_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="REGISTRY_QUERY_URL",
            help="Where query is, should ingest not tell it; on this machine port 8001.",
        ),
    ] = None,
    indexer_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="REGISTRY_INDEXER_URL",
            help="Where the indexer tells its readiness; on this machine port 8002.",
        ),
    ] = None,
    notifier_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="REGISTRY_NOTIFIER_URL",
            help="Where the notifier tells its readiness; on this machine port 8003.",
        ),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Look at all parts of a registry that can be reached from here, within 15 seconds."""
    import anyio

    from registry.doctor import examine
    from registry.doctor.examining import Named

    found = anyio.run(examine, url, Named(query_url, indexer_url, notifier_url))
    (print_json if as_json else _print)(found)
    if found.state == "failure":
        raise typer.Exit(ExitCode.UNAVAILABLE)


def _print(found: "Diagnosis") -> None:
    print_table(
        ("PART", "STATE", "FOUND", "TO MEND IT"),
        ((each.name, each.state, each.found, each.remedy) for each in found.findings),
    )
