"""`registry open`: the page of a model or a version, in the browser."""

import json
from typing import Annotated

import typer

from registry.cli.completion import complete_version
from registry.cli.options import AsJson, ModelName, Url
from registry.cli.printable import printable


def open_page(
    model: ModelName,
    version: Annotated[
        str | None,
        typer.Argument(
            metavar="[VERSION]",
            help="Number, label, @alias, or latest; else the model.",
            autocompletion=complete_version,
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it, or only print its address.")
    ] = True,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print the address of a model's or a version's page, and open it."""
    from registry._services import segment
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        base = client.discover().query_url.rstrip("/")
        path = f"/ui/models/{segment(client.get_model_info(model).name)}"
        if version is not None:
            path += f"/versions/{client.get_version(model, version).number}"
    page = base + path
    typer.echo(json.dumps({"url": page}) if as_json else printable(page))
    # Only what a browser shows: a registry could name an address that starts a program.
    if browser and page.startswith(("http://", "https://")):
        typer.launch(page)
