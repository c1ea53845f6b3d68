"""`registry audit`: who changed what, and what was refused."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.options import AsJson, Url
from registry.cli.output import print_json, time_text
from registry.cli.printable import printable

if TYPE_CHECKING:
    from registry.schemas.access import AuditEntry

_AGO = re.compile(r"([0-9]{1,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_ROW = "{:<25}{:<16}{:<18}{:<28}{:<18}{}"
TIME = "a time such as 2026-11-28 or 2026-11-28T09:30:00Z, or how long ago: 30m, 24h, 7d"

Since = Annotated[str | None, typer.Option(metavar="TIME", help=f"From then on: {TIME}.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Before then.")]


def audit(
    model: Annotated[str | None, typer.Option(help="Only about this model.")] = None,
    principal: Annotated[str | None, typer.Option(help="Only of this principal.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action.")] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only about this, such as version:ID.")
    ] = None,
    outcome: Annotated[str | None, typer.Option(help="Only with this outcome.")] = None,
    since: Since = None,
    until: Until = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List changes and refusals, newest first; with --json one document a line."""
    begin, end = read_moment("--since", since), read_moment("--until", until)
    from registry.client import ModelRegistryClient

    if not as_json:
        columns = ("TIME", "OUTCOME", "ACTION", "PRINCIPAL", "FROM", "ABOUT")
        typer.echo(_ROW.format(*columns))
    with ModelRegistryClient(url) as client:
        # Each as it comes: there may be many.
        for entry in client.audit(
            model=model,
            principal=principal,
            action=action,
            subject=subject,
            outcome=outcome,
            since=begin,
            until=end,
        ):
            if as_json:
                print_json(entry)
            else:
                typer.echo(_line(entry))


def read_moment(option: str, text: str | None, now: datetime | None = None) -> datetime | None:
    """Read a time, which is UTC unless it says otherwise, or how long ago it was.

    Raises typer.BadParameter for any other text.
    """
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return (now or datetime.now(UTC)) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} takes {TIME}; not {text!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _line(entry: "AuditEntry") -> str:
    outcome = entry.outcome if entry.count == 1 else f"{entry.outcome} ({entry.count})"
    about = " ".join(filter(None, (entry.model, entry.subject)))
    texts = (time_text(entry.at), outcome, entry.action, entry.principal, entry.address, about)
    # No column runs into the next one.
    return _ROW.format(*(f"{printable(text)} " for text in texts)).rstrip()
