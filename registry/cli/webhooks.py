"""`registry webhooks`: addresses that are told of events, and what was delivered to each."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from registry.cli.options import AsJson, Url, read_pairs
from registry.cli.output import print_fields, print_json, print_list, time_text
from registry.cli.printable import printable
from registry.cli.webhook_deliveries import WebhookId, short_type

if TYPE_CHECKING:
    from registry.schemas import Webhook
    from registry.schemas.webhooks import WebhookMode

webhooks = typer.Typer(help="Have addresses told of events, and see what was delivered.")

ForModel = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="PATTERN", help="Models, as risk.*; repeatable; else all."),
]
ForType = Annotated[
    list[str] | None,
    typer.Option("--type", metavar="TYPE", help="Events, as version.ready; repeatable; else all."),
]
ForAlias = Annotated[
    list[str] | None,
    typer.Option("--alias", metavar="ALIAS", help="Only what is about this alias; repeatable."),
]
ForTag = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="NAME=TEXT", help="Only of versions so tagged; repeatable."),
]
Mode = Annotated[
    str, typer.Option("--mode", metavar="MODE", help="CloudEvents: structured or binary.")
]


@webhooks.command()
def create(
    address: Annotated[str, typer.Argument(metavar="URL", help="Where events are sent.")],
    model: ForModel = None,
    kind: ForType = None,
    alias: ForAlias = None,
    tag: ForTag = None,
    mode: Mode = "structured",
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="What it is for.")
    ] = "",
    owner: Annotated[
        str | None,
        typer.Option("--owner", metavar="token:ID", help="Whose grants count; else your own."),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Have an address told of events, and print the secret that signs: this once."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        made = client.webhooks.create(
            address,
            models=model or ["*"],
            types=kind or (),
            aliases=alias or (),
            tags=read_pairs("--tag", tag or ()),
            mode=_mode(mode),
            description=description,
            owner=owner,
        )
    if as_json:
        print_json(made)
        return
    print_fields([("id", made.id), ("secret", made.secret)])
    typer.echo("registry: keep the secret now, it is shown this once", err=True)


@webhooks.command("list")
def list_webhooks(url: Url = None, as_json: AsJson = False) -> None:
    """List your webhooks, the newest first; with --json one document a line."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        print_list(
            client.webhooks.list(),
            ("ID", "STATE", "MODELS", "TYPES", "ALIASES", "OWNER", "URL"),
            lambda w: (
                *(w.id, w.state, " ".join(w.models), " ".join(map(short_type, w.types)) or "all"),
                *(" ".join(w.aliases), w.owner, w.url),
            ),
            as_json=as_json,
        )


@webhooks.command()
def show(webhook: WebhookId, url: Url = None, as_json: AsJson = False) -> None:
    """Show a webhook, and since when its receiver fails."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.webhooks.get(webhook)
    (print_json if as_json else _print)(found)


@webhooks.command()
def change(
    webhook: WebhookId,
    address: Annotated[
        str | None, typer.Option("--to", metavar="URL", help="Where events are sent from now on.")
    ] = None,
    model: ForModel = None,
    kind: ForType = None,
    alias: ForAlias = None,
    tag: ForTag = None,
    mode: Annotated[
        str | None, typer.Option("--mode", metavar="MODE", help="structured or binary.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Change where a webhook leads, or what it is told; what is not named stays."""
    from registry.client import ModelRegistryClient

    fields: dict[str, Any] = {
        "url": address,
        "models": model,
        "types": kind,
        "aliases": alias,
        "tags": read_pairs("--tag", tag) if tag else None,
        "mode": mode,
    }
    with ModelRegistryClient(url) as client:
        found = client.webhooks.change(webhook, **fields)
    (print_json if as_json else _print)(found)


@webhooks.command()
def pause(webhook: WebhookId, url: Url = None, as_json: AsJson = False) -> None:
    """Send nothing for a while; events are kept."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.webhooks.pause(webhook)
    (print_json if as_json else _print)(found)


@webhooks.command()
def resume(webhook: WebhookId, url: Url = None, as_json: AsJson = False) -> None:
    """Send again what was kept, and what comes; also where it was disabled."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.webhooks.resume(webhook)
    (print_json if as_json else _print)(found)


@webhooks.command()
def rotate(
    webhook: WebhookId,
    overlap: Annotated[
        int,
        typer.Option(metavar="SECONDS", min=0, help="How long the old secret signs as well."),
    ] = 24 * 3600,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make a new secret and print it: this once."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        made = client.webhooks.rotate(webhook, overlap_seconds=overlap)
    if as_json:
        print_json(made)
        return
    until = time_text(made.previous_until) if made.previous_until else None
    print_fields([("secret", made.secret), ("old one until", until)])


@webhooks.command()
def delete(webhook: WebhookId, url: Url = None, as_json: AsJson = False) -> None:
    """Send nothing more, and forget the webhook."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        client.webhooks.delete(webhook)
    told = {"id": webhook, "state": "deleted"}
    typer.echo(json.dumps(told) if as_json else f"deleted {printable(webhook)}")


def _print(found: "Webhook") -> None:
    print_fields(
        [
            ("webhook", found.id),
            ("state", f"{found.state} {found.reason}".rstrip()),
            ("url", found.url),
            *(("model", each) for each in found.models),
            *(("type", each) for each in found.types),
            *(("alias", each) for each in found.aliases),
            *(("tag", f"{name}={text}") for name, text in found.tags.items()),
            ("mode", found.mode),
            ("description", found.description),
            ("owner", found.owner),
            ("made by", found.made_by),
            ("created", time_text(found.created_at)),
            ("failing since", time_text(found.failing_since) if found.failing_since else None),
        ]
    )


def _mode(text: str) -> "WebhookMode":
    if text not in ("structured", "binary"):
        raise typer.BadParameter(f"--mode takes structured or binary, not {text!r}")
    return text
