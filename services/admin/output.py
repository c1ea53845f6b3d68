"""What a person sees: tables and lines on stdout."""

import json
import shlex
import sys
from collections.abc import Iterable, Sequence

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from services.admin.collect import CollectReport
from services.admin.dead_letters.topic import ReplayReport
from services.admin.leftovers.open_uploads import OpenMultipartUpload
from services.admin.leftovers.strays import Leftover
from services.admin.migrate import MigrationReport
from services.admin.provision.report import ProvisionPlan, ProvisionReport
from services.admin.rebuild.report import Findings, RebuildReport
from services.admin.storage_groups.groups import GroupStatus
from services.admin.usage import Usage
from services.indexer.reconcile.report import Report
from shared.kafka.letters import Letter, WholeLetter
from shared.runtime.service_users import SERVICES

WIDE = 100_000
"""Columns of a line that no terminal shows."""


def print_json(*answers: BaseModel) -> None:
    """Print JSON, one document a line."""
    for answer in answers:
        typer.echo(answer.model_dump_json())


def print_reconciled(report: Report) -> None:
    """Print what a comparison saw and repaired."""
    _print_counts(report)
    _print_lines("error", report.errors)


def print_rebuilt(report: RebuildReport) -> None:
    """Print what a rebuilding found and did."""
    _print_counts(report)
    for name, found in report:
        if isinstance(found, Findings):
            _print_lines(name, found.examples)
    if report.reconciled is not None:
        typer.echo("compared with the bucket:")
        print_reconciled(report.reconciled)


def print_collected(report: CollectReport) -> None:
    """Print which versions were purged, or would be."""
    rows = [
        (
            *(each.model, each.number, each.deleted_at.isoformat(timespec="seconds")),
            *(_printable(each.by), each.bytes_freed),
        )
        for each in report.versions
    ]
    _print_table(rows, ("MODEL", "VERSION", "DELETED", "BY", "BYTES FREED"))
    verb = "would be purged" if report.dry_run else "purged"
    typer.echo(f"{report.purged} versions {verb}, {report.bytes_freed} bytes freed")
    _print_lines("error", report.errors)


def print_usage(found: Sequence[Usage]) -> None:
    """Print what each namespace stores and refers to."""
    columns = ("NAMESPACE", "MODELS", "VERSIONS", "LOGICAL", "STORED", "SHARED", "DELETED")
    rows = [
        (
            *(_printable(each.namespace), each.models, each.versions),
            *(each.logical_bytes, each.stored_bytes, each.shared_bytes, each.deleted_bytes),
        )
        for each in found
    ]
    _print_table(rows, columns)


def print_replayed(report: ReplayReport) -> None:
    """Print what became of dead letters that were to be replayed."""
    _print_counts(report)
    _print_lines("refused", report.refused.examples)


def print_migrated(report: MigrationReport) -> None:
    """Print which indexes a migration built, which were there, and what is left to workers."""
    _print_lines("built", report.built)
    _print_lines("there already", report.present)
    _print_counts(report)


def print_provisioned(report: ProvisionReport) -> None:
    """Print what provisioning made."""
    _print_lines("bucket", report.buckets)
    for server, users in (("MinIO", report.storage_users), ("MongoDB", report.database_users)):
        for service in SERVICES:
            told = users.get(service, "none: its secret is not set, and it needs other credentials")
            typer.echo(f"user of {service} at {server}: {told}")
    _print_lines("right in Kafka", report.kafka_rights)
    _print_lines("retired", report.retired)
    if report.missing_indexes:
        typer.echo(report.missing_indexes)


def print_plan(plan: ProvisionPlan) -> None:
    """Print the rights that each service needs, for other tools to give."""
    for service, policy in plan.policies.items():
        typer.echo(f"policy of {service} at object storage:\n{_json(policy)}")
    for service, privileges in plan.roles.items():
        typer.echo(f"privileges of {service} at MongoDB:\n{_json(privileges)}")


def print_groups(found: Iterable[GroupStatus]) -> None:
    """Print one storage group a line."""
    columns = ("BUCKET", "STATE", "SINCE", "BY SETTINGS", "LACKING")
    rows = [
        (
            *(each.bucket, each.state, each.created_at.isoformat(timespec="seconds")),
            *(each.is_named, ", ".join(each.lacking)),
        )
        for each in found
    ]
    _print_table(rows, columns)


def print_letters(letters: Iterable[Letter]) -> None:
    """Print one letter a line."""
    columns = ("PARTITION", "OFFSET", "BURIED", "TOPIC", "BYTES", "REPLAYED", "REASON")
    rows = [
        (
            *(letter.partition, letter.offset, letter.buried_at.isoformat(timespec="seconds")),
            *(letter.original_topic, _bytes(letter)),
            letter.replayed_at.isoformat(timespec="seconds") if letter.replayed_at else None,
            " ".join(letter.reason.split()),
        )
        for letter in letters
    ]
    _print_table(rows, columns)


def print_letter(letter: WholeLetter) -> None:
    """Print everything that is known of a letter."""
    _print_table(
        [
            ("place", f"{letter.partition} {letter.offset}"),
            ("buried", letter.buried_at.isoformat()),
            ("replayed", letter.replayed_at.isoformat() if letter.replayed_at else None),
            ("reason", letter.reason),
            ("topic", letter.original_topic),
            ("partition", letter.original_partition),
            ("offset", letter.original_offset),
            ("key", letter.key),
            ("bytes", _bytes(letter)),
            *((f"header {name}", text) for name, text in letter.headers.items()),
        ]
    )
    for title, text in (("traceback", letter.traceback), ("value", letter.value)):
        typer.echo(f"{title}:\n{text.rstrip()}")


def print_strays(found: Sequence[Leftover], *, more: bool) -> None:
    """Print one stray or waiting folder a line, and how to go on where more may follow."""
    columns = ("LAST SEEN", "CODE", "BUCKET", "KEY", "BYTES", "VERSION", "DETAIL")
    rows = [
        (
            *(each.last_seen_at.isoformat(timespec="seconds"), each.code, each.bucket),
            *(_printable(each.key), each.size_bytes, each.object_version),
            _printable(each.detail),
        )
        for each in found
    ]
    _print_table(rows, columns)
    if more:
        typer.echo(f"more may follow: --after {shlex.quote(_printable(found[-1].id))}")


def print_open_uploads(found: Iterable[OpenMultipartUpload]) -> None:
    """Print one open multipart upload a line."""
    columns = ("INITIATED", "BUCKET", "KEY", "MULTIPART ID", "UPLOAD", "SESSION")
    rows = [
        (
            *(each.initiated_at.isoformat(timespec="seconds"), each.bucket, _printable(each.key)),
            *(each.multipart_id, each.upload_id, each.session_state),
        )
        for each in found
    ]
    _print_table(rows, columns)


def _json(document: object) -> str:
    return json.dumps(document, indent=2)


def _printable(text: str) -> str:
    """Return the text with what would move a terminal's cursor written out."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _bytes(letter: Letter) -> str:
    return f"{letter.value_bytes}{' (cut)' if letter.truncated else ''}"


def _print_counts(report: BaseModel) -> None:
    counts = {
        name: value.count if isinstance(value, Findings) else value
        for name, value in report
        if isinstance(value, (int, Findings))
    }
    _print_table([(name.replace("_", " "), value) for name, value in counts.items()])


def _print_lines(title: str, lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(f"{title}: {line}")


def _print_table(rows: Iterable[Sequence[object]], columns: Sequence[str] = ()) -> None:
    table = Table(
        *columns, box=None, pad_edge=False, header_style="bold", show_header=bool(columns)
    )
    for row in rows:
        # Not markup: a reason may hold brackets.
        table.add_row(*(_plain(value) for value in row))
    # Not on a terminal a line is for a program: rich would cut it at 80 columns.
    width = None if sys.stdout.isatty() else WIDE
    Console(width=width, markup=False, highlight=False).print(table)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
