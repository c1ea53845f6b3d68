"""`registry webhooks deliveries`, `replay` and `test`: what was sent, and what is sent again."""

from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.audit import TIME, read_moment
from registry.cli.options import AsJson, Url
from registry.cli.output import print_json, print_list, time_text
from registry.cli.printable import printable

if TYPE_CHECKING:
    from registry.schemas import WebhookDelivery
    from registry.schemas.webhooks import DeliveryState

WebhookId = Annotated[str, typer.Argument(metavar="ID", help="Id of the webhook.")]


def add_deliveries(webhooks: typer.Typer) -> None:
    """Add the commands to those of webhooks."""
    webhooks.command()(deliveries)
    webhooks.command()(replay)
    webhooks.command("test")(send_test)


def deliveries(
    webhook: WebhookId,
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", help="Only waiting, delivered, failed or withheld."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List what was delivered, the newest first; with --json one document a line."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        print_list(
            client.webhooks.deliveries(webhook, state=_state(state), model=model),
            ("TIME", "STATE", "TRIES", "ANSWER", "MS", "MODEL", "SEQUENCE", "TYPE", "EVENT"),
            lambda d: (
                *(time_text(d.recorded_at), d.state, d.attempt_count, *_last(d)),
                *(d.model, d.sequence if d.model else None, short_type(d.type), d.event_id),
            ),
            as_json=as_json,
        )


def replay(
    webhook: WebhookId,
    event_id: Annotated[
        str | None, typer.Argument(metavar="[EVENT]", help="Id of the event of one delivery.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help=f"What was recorded from then on: {TIME}.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before then.")] = None,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    from_sequence: Annotated[
        int | None, typer.Option("--from", metavar="N", min=0, help="From this number of it on.")
    ] = None,
    to_sequence: Annotated[
        int | None, typer.Option("--to", metavar="N", min=0, help="Up to this one.")
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only what was given up or withheld.")
    ] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Have deliveries made again: one, those of a time, or those of a model's numbers."""
    begin, end = read_moment("--since", since), read_moment("--until", until)
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        asked = client.webhooks.replay(
            webhook,
            event_id,
            since=begin,
            until=end,
            model=model,
            from_sequence=from_sequence,
            to_sequence=to_sequence,
            failed_only=failed,
        )
    if as_json:
        print_json(asked)
        return
    rest = f"; for the rest: --since {asked.rest_from.isoformat()}" if asked.rest_from else ""
    typer.echo(f"{asked.count} sent again{rest}")


def send_test(webhook: WebhookId, url: Url = None, as_json: AsJson = False) -> None:
    """Have an event sent that tells of nothing; `deliveries` says what became of it."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        sent = client.webhooks.test(webhook)
    if as_json:
        print_json(sent)
    else:
        typer.echo(f"sending {printable(sent.event_id)}; see: registry webhooks deliveries")


def short_type(kind: str) -> str:
    """Return an event's type without what all of them have."""
    return kind.removeprefix("registry.").removesuffix(".v1")


def _last(delivery: "WebhookDelivery") -> tuple[object, object]:
    if not delivery.attempts:
        return None, None
    last = delivery.attempts[-1]
    return last.status or last.error, last.milliseconds


def _state(text: str | None) -> "DeliveryState | None":
    if text not in (None, "waiting", "delivered", "failed", "withheld"):
        raise typer.BadParameter(
            f"--state takes waiting, delivered, failed or withheld, not {text!r}"
        )
    return text
