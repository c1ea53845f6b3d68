"""`registry uploads`: uploads that are open, to be handed over or given up."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

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
    read_description,
    read_lineage,
    read_pairs,
)
from registry.cli.printable import printable

if TYPE_CHECKING:
    from registry.schemas import UploadSession

uploads = typer.Typer(help="Open an upload for somebody else to send, or give one up.")


@uploads.command("open")
def open_upload(
    model: ModelName,
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="File or folder that will be sent."),
    ] = None,
    declare: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH=BYTES", help="A file that is elsewhere; repeatable."),
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
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Open an upload, and print the id and the token by which somebody else sends its bytes."""
    sizes = _read_sizes(declare or ())
    if (source is None) == (not sizes):
        raise typer.BadParameter("either SOURCE or --declare says which files will be sent")
    from registry._credentials import find_credentials, registry_url
    from registry.client import ModelRegistryClient

    credentials = find_credentials(registry_url(url))
    with ModelRegistryClient(url) as client:
        session = client.declare_upload(
            model,
            source if source is not None else sizes,
            version=version,
            path=path,
            storage_group=storage_group,
            client_id=client_id,
            **read_description(
                *(description, framework, metric, param, tag),
                lineage=read_lineage(parent, dataset, run, code),
            ),
        )
    _print_handed_over(session, credentials.url, sorted(credentials.origins), as_json=as_json)


@uploads.command()
def abort(
    upload_id: Annotated[str, typer.Argument(metavar="UPLOAD_ID", help="Id of the upload.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Abort an upload: its version is rejected, and what was sent is removed."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        client.abort_upload(upload_id)
    answer = {"upload_id": upload_id, "state": "aborted"}
    typer.echo(json.dumps(answer) if as_json else f"aborted {upload_id}")


def _read_sizes(values: Sequence[str]) -> dict[str, int]:
    """Read `--declare PATH=BYTES` options."""
    try:
        return {path: int(size) for path, size in read_pairs("--declare", values).items()}
    except ValueError:
        raise typer.BadParameter("--declare takes PATH=BYTES, a size as a whole number") from None


def _print_handed_over(
    session: "UploadSession", url: str, origins: list[str], *, as_json: bool
) -> None:
    """Print what a job needs to send the bytes; the plan and its signed URLs are asked for then."""
    expires = session.expires_at.isoformat(timespec="seconds")
    if as_json:
        answer = {
            "upload_id": session.upload_id,
            "token": session.token,
            "url": url,
            "origins": origins,
            "model": session.model,
            "number": session.number,
            "version_id": session.version_id,
            "expires_at": expires,
        }
        typer.echo(json.dumps(answer))
        return
    # A line each, whatever the registry answers: programs read them.
    typer.echo(f"REGISTRY_URL={url}")
    typer.echo(f"REGISTRY_ORIGINS={','.join(origins)}")
    typer.echo(f"REGISTRY_TOKEN={printable(session.token or '')}")
    told = (
        f"registry: {session.model} version {session.number} takes bytes until {expires}; where"
        f" these are set: registry upload --into {session.upload_id} SOURCE"
    )
    typer.echo(printable(told), err=True)
