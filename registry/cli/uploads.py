"""`registry uploads`: what can be done to an upload that is open."""

import json
from typing import Annotated

import typer

from registry._defaults import DEFAULT_URL
from registry.cli.options import AsJson, Url

uploads = typer.Typer(help="Give up uploads that are open.")


@uploads.callback()
def _group() -> None:
    # The callback makes it a group although it has only one command.
    """Give up uploads that are open."""


@uploads.command()
def abort(
    upload_id: Annotated[str, typer.Argument(metavar="UPLOAD_ID", help="Id of the upload.")],
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Abort an upload: its version is rejected, and what was sent is removed."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        client.abort_upload(upload_id)
    answer = {"upload_id": upload_id, "state": "aborted"}
    typer.echo(json.dumps(answer) if as_json else f"aborted {upload_id}")
