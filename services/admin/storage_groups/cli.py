"""The commands about storage groups."""

from typing import Annotated

import typer

from services.admin import output
from services.admin.composition import run_as_operator
from services.admin.operator import Operator
from services.admin.storage_groups import groups
from services.admin.storage_groups.groups import GroupStatus

Bucket = Annotated[str, typer.Argument(help="Name of the bucket.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

app = typer.Typer(help="Buckets that the registry keeps versions in.")


@app.command("list")
def list_groups(as_json: AsJson = False) -> None:
    """List storage groups, and what their buckets lack; with --json one document a line."""

    async def use(operator: Operator) -> list[GroupStatus]:
        return await groups.list_groups(operator)

    found = run_as_operator(use)
    if as_json:
        output.print_json(*found)
    else:
        output.print_groups(found)


@app.command()
def add(bucket: Bucket, as_json: AsJson = False) -> None:
    """Attach a bucket, or make it: what lies in it becomes versions, which users can read."""

    async def use(operator: Operator) -> GroupStatus:
        return await groups.add_group(bucket, operator)

    added = run_as_operator(use)
    if as_json:
        output.print_json(added)
    else:
        output.print_groups([added])


@app.command()
def remove(bucket: Bucket) -> None:
    """Let a storage group go that no version lies in; its bucket stays."""

    async def use(operator: Operator) -> None:
        await groups.remove_group(bucket, operator)

    run_as_operator(use)
    typer.echo(f"{bucket} is no storage group any more; the bucket and its objects stay")
