"""`registry import` and `registry export`: models from elsewhere, and to folders."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.exit_codes import ExitCode
from registry.cli.options import AsJson, ModelName, Url, read_pairs
from registry.cli.progress import progress_bar, running_count

if TYPE_CHECKING:
    from registry.importing.report import ImportReport
    from registry.schemas import Version

importing = typer.Typer(help="Bring models in from elsewhere; the same command goes on or repeats.")

Source = Annotated[
    str,
    typer.Option(
        "--source", metavar="NAME", help="What the source is called, if its address may change."
    ),
]
Rename = Annotated[
    list[str] | None,
    typer.Option("--rename", metavar="OLD=NEW", help="Name of a model here; repeatable."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")]
AtOnce = Annotated[
    int, typer.Option("--at-once", min=1, max=32, help="Versions that travel at the same time.")
]
Temporary = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="Where files lie while they travel."),
]


@importing.command("mlflow")
def import_mlflow(
    tracking_uri: Annotated[
        str, typer.Option("--tracking-uri", metavar="URI", help="Address of the MLflow server.")
    ],
    registry_uri: Annotated[
        str | None,
        typer.Option("--registry-uri", metavar="URI", help="That of its registry, if another."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME", help="One model, instead of all; repeatable."),
    ] = None,
    source: Source = "",
    local_artifacts: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of this machine in which its files may be."),
    ] = None,
    rename: Rename = None,
    dry_run: DryRun = False,
    at_once: AtOnce = 4,
    folder: Temporary = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Bring models, versions, tags, aliases, metrics and files in from an MLflow server."""
    import asyncio

    from registry.importing.runs import MlflowOptions, Options, import_from_mlflow

    mlflow = MlflowOptions(
        tracking_uri, registry_uri or tracking_uri, model or (), source, local_artifacts
    )
    renamed = read_pairs("--rename", rename or ())
    with running_count("import") as watch:
        options = Options(url, renamed, at_once, dry_run, folder, watch)
        report = asyncio.run(import_from_mlflow(options, mlflow))
    return _print_report(report, as_json=as_json)


@importing.command("dir")
def import_dir(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Folder with MODEL/VERSION/files.")],
    source: Source = "",
    rename: Rename = None,
    dry_run: DryRun = False,
    at_once: AtOnce = 4,
    folder: Temporary = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Bring models in from a folder, as `registry export` lays it out."""
    import asyncio

    from registry.importing.runs import Options, import_from_folder

    renamed = read_pairs("--rename", rename or ())
    with running_count("import") as watch:
        options = Options(url, renamed, at_once, dry_run, folder, watch)
        report = asyncio.run(import_from_folder(options, path, source))
    return _print_report(report, as_json=as_json)


@importing.command("s3")
def import_s3(
    address: Annotated[
        str, typer.Argument(metavar="s3://BUCKET/PREFIX", help="Where MODEL/VERSION/files are.")
    ],
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint-url", metavar="URL", help="Of a storage other than AWS."),
    ] = None,
    source: Source = "",
    rename: Rename = None,
    dry_run: DryRun = False,
    at_once: AtOnce = 4,
    folder: Temporary = None,
    url: Url = None,
    as_json: AsJson = False,
) -> int:
    """Bring models in from a bucket, laid out as `registry export` does it; needs boto3."""
    import asyncio

    from registry.importing.runs import Options, import_from_bucket

    renamed = read_pairs("--rename", rename or ())
    with running_count("import") as watch:
        options = Options(url, renamed, at_once, dry_run, folder, watch)
        report = asyncio.run(import_from_bucket(options, address, endpoint, source))
    return _print_report(report, as_json=as_json)


def export(
    model: ModelName,
    path: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write to.")],
    version: Annotated[
        str | None,
        typer.Option("--version", help="Number, label, @alias or latest; else all that are ready."),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Write a model's versions to DIR/MODEL/NUMBER, verified; what is there stays."""
    import asyncio

    from registry.importing.runs import export_to_folder

    def tell(found: "Version", is_new: bool) -> None:
        answer = {"model": found.model, "number": found.number, "written": is_new}
        done = "written" if is_new else "there already"
        text = json.dumps(answer) if as_json else f"{found.model} version {found.number}: {done}"
        typer.echo(text)

    with progress_bar(f"export {model}") as progress:
        asyncio.run(export_to_folder(url, model, version, path, tell, progress))


def _print_report(report: "ImportReport", *, as_json: bool) -> int:
    """Print what was done, and what was not; returns the exit status."""
    from registry.cli.output import print_fields, print_json, print_table

    if as_json:
        print_json(report)
    else:
        told = report.model_dump(exclude={"problems", "dry_run"})
        print_fields([(name.replace("_", " "), str(value)) for name, value in told.items()])
        rows = [
            (each.kind, each.model, each.version or each.alias, each.reason)
            for each in report.problems
        ]
        if rows:
            print_table(("", "MODEL", "VERSION", "REASON"), rows)
    if report.failed:
        return ExitCode.UNAVAILABLE
    return ExitCode.REFUSED if report.refused else ExitCode.OK
