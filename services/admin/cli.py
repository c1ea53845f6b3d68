"""The operators' commands, for where the services and their settings are."""

from typing import Annotated

import typer

from services.admin import output
from services.admin.collect import CollectReport
from services.admin.collect import collect as collect_what_is_due
from services.admin.composition import run_with_context
from services.admin.dead_letters import topic as dead_letters
from services.admin.dead_letters.sender import open_sender
from services.admin.leftovers.open_uploads import OpenMultipartUpload, list_open_uploads
from services.admin.leftovers.strays import Leftover, list_leftovers
from services.admin.migrate import MigrationReport
from services.admin.migrate import migrate as build_what_is_missing
from services.admin.provision.cli import provision_servers
from services.admin.rebuild.rebuild import rebuild
from services.admin.rebuild.report import RebuildReport
from services.admin.search.cli import app as search
from services.admin.storage_groups.cli import app as storage_groups
from services.admin.usage import usage as usage_of_namespaces
from services.indexer.context import Context
from services.indexer.reconcile.report import Report
from services.indexer.reconcile.round import reconcile as compare
from shared.kafka.letters import Letter, WholeLetter
from shared.kafka.topic_reader import open_reader

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would be done; change nothing.")]
Partition = Annotated[int, typer.Argument(min=0, help="Partition of the dead-letter topic.")]
Bucket = Annotated[str | None, typer.Option(help="Only what lies in this bucket.")]
Offset = Annotated[int, typer.Argument(min=0, help="Offset in that partition.")]

app = typer.Typer(
    name="admin",
    help="Repair and rebuild; runs where the services are installed, with their settings.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
letters = typer.Typer(help="Messages and work that could not be handled.")
app.add_typer(letters, name="dead-letters")
strays = typer.Typer(help="Objects that belong to no version, and folders that wait for theirs.")
app.add_typer(strays, name="strays")
uploads = typer.Typer(help="Multipart uploads that were neither completed nor aborted.")
app.add_typer(uploads, name="uploads")
app.add_typer(storage_groups, name="storage-groups")
app.add_typer(search, name="search")
app.command("provision")(provision_servers)


@app.command()
def reconcile(dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Compare buckets and records both ways now, and repair what differs."""

    async def use(context: Context) -> Report:
        return await compare(context, dry_run=dry_run)

    report = run_with_context(use)
    (output.print_json if as_json else output.print_reconciled)(report)


@app.command()
def replay(
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Read every model event there is; required.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Rebuild the records from the event topic, the manifests and the buckets."""
    if not from_beginning:
        raise typer.BadParameter("replay takes --from-beginning: there is no other start")

    async def use(context: Context) -> RebuildReport:
        async with open_reader(context.settings) as reader:
            return await rebuild(context, reader=reader, dry_run=dry_run)

    report = run_with_context(use)
    (output.print_json if as_json else output.print_rebuilt)(report)


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Build the indexes that the database lacks, and have missing part digests completed."""

    async def use(context: Context) -> MigrationReport:
        return await build_what_is_missing(context)

    report = run_with_context(use)
    (output.print_json if as_json else output.print_migrated)(report)


@app.command()
def collect(dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Remove now the files of deleted versions whose time is over; workers do so by themselves."""

    async def use(context: Context) -> CollectReport:
        return await collect_what_is_due(context, dry_run=dry_run)

    report = run_with_context(use)
    (output.print_json if as_json else output.print_collected)(report)


@app.command()
def usage(as_json: AsJson = False) -> None:
    """Tell what each namespace stores and refers to; with --json one document a line."""
    found = run_with_context(usage_of_namespaces)
    if as_json:
        output.print_json(*found)
    else:
        output.print_usage(found)


@letters.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most letters to list.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the newest dead letters, the newest last; with --json one document a line."""

    async def use(context: Context) -> list[Letter]:
        async with open_reader(context.settings) as reader:
            return await dead_letters.list_letters(limit, reader=reader, context=context)

    found = run_with_context(use)
    if as_json:
        output.print_json(*found)
    else:
        output.print_letters(found)


@letters.command()
def show(partition: Partition, offset: Offset, as_json: AsJson = False) -> None:
    """Show one dead letter: the message, where it came from, and why it is here."""

    async def use(context: Context) -> WholeLetter:
        async with open_reader(context.settings) as reader:
            return await dead_letters.find_letter(partition, offset, reader=reader, context=context)

    found = run_with_context(use)
    (output.print_json if as_json else output.print_letter)(found)


@letters.command("replay")
def replay_letters(
    partition: Annotated[
        int | None, typer.Argument(min=0, help="Partition of the dead-letter topic.")
    ] = None,
    offset: Annotated[int | None, typer.Argument(min=0, help="Offset in that partition.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Replay all that were not replayed before.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send a dead letter's message to the topic that it came from, or every letter's."""
    place = _place(partition, offset, every=every)

    async def use(context: Context) -> dead_letters.ReplayReport:
        settings = context.settings
        async with open_reader(settings) as reader, open_sender(settings) as send:
            if place is None:
                return await dead_letters.replay_letters(reader=reader, send=send, context=context)
            return await dead_letters.replay_letter(
                *place, reader=reader, send=send, context=context
            )

    report = run_with_context(use)
    (output.print_json if as_json else output.print_replayed)(report)


@strays.command("list")
def list_strays(
    bucket: Bucket = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most entries to list.")] = 50,
    after: Annotated[str, typer.Option(help="Go on after the entry with this id.")] = "",
    as_json: AsJson = False,
) -> None:
    """List strays with their reasons, and folders that wait; with --json one document a line."""

    async def use(context: Context) -> list[Leftover]:
        return await list_leftovers(context, bucket=bucket, after=after, limit=limit)

    found = run_with_context(use)
    if as_json:
        output.print_json(*found)
    else:
        output.print_strays(found, more=len(found) == limit)


@uploads.command("list")
def list_uploads(
    bucket: Bucket = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most uploads to list.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List open multipart uploads with their sessions; with --json one document a line."""

    async def use(context: Context) -> list[OpenMultipartUpload]:
        return await list_open_uploads(context, bucket=bucket, limit=limit)

    found = run_with_context(use)
    if as_json:
        output.print_json(*found)
    else:
        output.print_open_uploads(found)


def _place(partition: int | None, offset: int | None, *, every: bool) -> tuple[int, int] | None:
    """Return partition and offset, None for all letters; raises typer.BadParameter."""
    if every and partition is None:
        return None
    if every or partition is None or offset is None:
        raise typer.BadParameter("replay takes PARTITION and OFFSET, or --all")
    return partition, offset
