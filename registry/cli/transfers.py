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

from registry._defaults import WAIT_SECONDS
from registry.cli.options import (
    AsJson,
    Code,
    Datasets,
    Framework,
    InnerPath,
    Label,
    Metrics,
    ModelName,
    OwnId,
    Parameters,
    Parents,
    Purpose,
    Run,
    StorageGroup,
    Tags,
    Url,
    VersionName,
    read_description,
    read_lineage,
)
from registry.cli.output import print_json, print_version
from registry.cli.progress import progress_bar

if TYPE_CHECKING:
    from registry.transfer.upload.sources import Source


def upload(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name; left out with --into.")],
    source: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="File, folder, or - for stdin.")
    ] = None,
    version: Label = None,
    path: InnerPath = None,
    description: Purpose = "",
    framework: Framework = "",
    metric: Metrics = None,
    param: Parameters = None,
    tag: Tags = None,
    parent: Parents = None,
    dataset: Datasets = None,
    run: Run = None,
    code: Code = None,
    storage_group: StorageGroup = None,
    client_id: OwnId = None,
    into: Annotated[
        str | None,
        typer.Option(metavar="UPLOAD_ID", help="Send SOURCE into an upload that is open."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for verification.")] = True,
    timeout: Annotated[float, typer.Option(help="Longest such wait, in seconds.")] = WAIT_SECONDS,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Upload a file or folder as a new version; the same command continues an interrupted one."""
    if into is not None:
        said = (version, description, framework, metric, param, tag, storage_group, client_id)
        if source is not None or any(said) or any((parent, dataset, run, code)):
            raise typer.BadParameter("--into takes SOURCE and --path: all else was said before")
        source = model
    elif source is None:
        raise typer.BadParameter("SOURCE is missing: a file, a folder, or - for stdin")
    from registry.client import ModelRegistryClient

    with (
        _opened(source) as opened,
        ModelRegistryClient(url) as client,
        progress_bar(f"upload {into or model}") as progress,
    ):
        if into is not None:
            uploaded = client.continue_upload(
                into, opened, path=path, progress=progress, wait=wait, timeout_seconds=timeout
            )
        else:
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
                **read_description(
                    *(description, framework, metric, param, tag),
                    lineage=read_lineage(parent, dataset, run, code),
                ),
            )
    (print_json if as_json else print_version)(uploaded)


def download(
    model: ModelName,
    version: VersionName = "latest",
    to: Annotated[Path, typer.Option(help="File, or folder, to download to.")] = Path(),
    url: Url = None,
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
