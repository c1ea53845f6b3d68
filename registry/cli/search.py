"""`registry search`: versions and models by what is known of them."""

from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from registry.cli.options import AsJson, Url
from registry.cli.output import print_list, time_text


class Kind(StrEnum):
    """What is searched."""

    VERSIONS = "versions"
    MODELS = "models"


def search(
    filter: Annotated[
        str,
        typer.Argument(
            metavar="[FILTER]", help="Such as 'metrics.auc > 0.9 AND alias = production'."
        ),
    ] = "",
    order_by: Annotated[
        list[str] | None,
        typer.Option("--order-by", metavar="KEY", help="Such as 'metrics.auc desc'; repeatable."),
    ] = None,
    kind: Annotated[Kind, typer.Option("--kind", help="What to search.")] = Kind.VERSIONS,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="Print at most so many.")
    ] = 100,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Search versions or models; with --json one document a line."""
    from registry.client import ModelRegistryClient

    order = order_by or ()
    with ModelRegistryClient(url) as client:
        if kind is Kind.MODELS:
            print_list(
                islice(client.search(filter, order_by=order, kind="models"), limit),
                ("MODEL", "LATEST", "VERSIONS", "CREATED"),
                lambda m: (m.name, m.latest_number, m.version_count, time_text(m.created_at)),
                as_json=as_json,
            )
            return
        print_list(
            islice(client.search(filter, order_by=order), limit),
            ("MODEL", "NUMBER", "LABEL", "STATE", "ALIASES", "METRICS", "CREATED"),
            lambda v: (
                *(v.model, v.number, v.label, v.state, ", ".join(v.aliases)),
                ", ".join(f"{name}={value:g}" for name, value in v.metrics.items()),
                time_text(v.created_at),
            ),
            as_json=as_json,
        )
