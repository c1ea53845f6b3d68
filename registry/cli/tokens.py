"""`registry token` and `registry whoami`."""

import json
from typing import Annotated

import typer

from registry.cli.options import AsJson, Url
from registry.cli.output import print_identity, print_json, print_list
from registry.cli.printable import printable

token = typer.Typer(help="Make, list and revoke tokens.")


@token.command()
def create(
    name: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")],
    grant: Annotated[
        list[str],
        typer.Option(metavar="ROLE:PATTERN", help="What it may do, as writer:risk.*; repeatable."),
    ],
    expires: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How long it counts: 30d, 12h, 90s; else for good."),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it: this once, and never again."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        made = client.tokens.create(name, grant, expires=expires)
    if as_json:
        print_json(made)
        return
    typer.echo(printable(made.token))
    until = "it is revoked" if made.expires_at is None else f"{made.expires_at:%Y-%m-%d %H:%M} UTC"
    typer.echo(
        f"registry: token {printable(made.id)} counts until {until}. Keep it now, it is shown this"
        " once: as REGISTRY_TOKEN, or by `registry login`",
        err=True,
    )


@token.command("list")
def list_tokens(url: Url = None, as_json: AsJson = False) -> None:
    """List the tokens that you made, the newest first; with --json one document a line."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        print_list(
            client.tokens.list(),
            ("ID", "NAME", "GRANTS", "CREATED", "EXPIRES", "LAST USED", ""),
            lambda each: (
                *(each.id, each.name, " ".join(each.grants), each.created_at.date()),
                each.expires_at.date() if each.expires_at else None,
                each.last_used_at.date() if each.last_used_at else None,
                "revoked" if each.revoked_at else None,
            ),
            as_json=as_json,
        )


@token.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the token.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Let a token count no more; everywhere within 10 seconds."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        client.tokens.revoke(token_id)
    typer.echo(
        json.dumps({"id": token_id, "state": "revoked"}) if as_json else f"revoked {token_id}"
    )


def whoami(url: Url = None, as_json: AsJson = False) -> None:
    """Show who the registry takes you for, and what you may."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.whoami()
    if as_json:
        print_json(found)
    else:
        print_identity(found)
