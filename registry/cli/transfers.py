"""`registry upload` and `registry download`."""

import json
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry._defaults import DEFAULT_URL, WAIT_SECONDS
from registry.cli.options import (
    AsJson,
    ModelName,
    Url,
    VersionName,
    read_metrics,
    read_pairs,
    read_parameters,
)
from registry.cli.output import print_json, print_version, progress_bar

if TYPE_CHECKING:
    from registry.transfer.upload.sources import Source


def upload(
    model: ModelName,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="File, folder, or - for stdin.")],
    version: Annotated[str | None, typer.Option(help="Label, or a free number.")] = None,
    path: Annotated[str | None, typer.Option(help="Name inside the version.")] = None,
    description: Annotated[str, typer.Option(help="What the model is for.")] = "",
    framework: Annotated[str, typer.Option(help="Library that made it.")] = "",
    metric: Annotated[
        list[str] | None, typer.Option(metavar="NAME=NUMBER", help="A metric; repeatable.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter; repeatable.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="NAME=TEXT", help="A tag; repeatable.")
    ] = None,
    storage_group: Annotated[str | None, typer.Option(help="Bucket to store it in.")] = None,
    client_id: Annotated[str | None, typer.Option("--id", help="Your own identifier.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait for verification.")] = True,
    timeout: Annotated[float, typer.Option(help="Longest such wait, in seconds.")] = WAIT_SECONDS,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Upload a file or folder as a new version; the same command continues an interrupted one."""
    from registry.client import ModelRegistryClient

    with (
        _opened(source) as opened,
        ModelRegistryClient(url) as client,
        progress_bar(f"upload {model}") as progress,
    ):
        uploaded = client.upload(
            model,
            opened,
            version=version,
            path=path,
            storage_group=storage_group,
            client_id=client_id,
            progress=progress,
            wait=wait,
            timeout_seconds=timeout,
            description=description,
            framework=framework,
            metrics=read_metrics(metric or ()),
            parameters=read_parameters(param or ()),
            tags=read_pairs("--tag", tag or ()),
        )
    (print_json if as_json else print_version)(uploaded)


def download(
    model: ModelName,
    version: VersionName = "latest",
    to: Annotated[Path, typer.Option(help="File, or folder, to download to.")] = Path(),
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Download a version, verified; the same command continues an interrupted one."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client, progress_bar(f"download {model}") as progress:
        found = client.download(model, version, to=to, progress=progress)
    typer.echo(json.dumps({"path": str(found)}) if as_json else str(found))


@contextmanager
def _opened(source: str) -> "Generator[Source]":
    if source != "-":
        yield source
        return
    # stdin is read in the main thread, where Ctrl-C ends a read that waits for input.
    with tempfile.TemporaryFile() as spooled:
        shutil.copyfileobj(sys.stdin.buffer, spooled, 1 << 20)
        spooled.seek(0)
        yield spooled
