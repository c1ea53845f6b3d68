"""`registry events`."""

from typing import Annotated

import anyio
import typer

from registry.cli.options import DEFAULT_URL, AsJson, Url
from registry.cli.output import print_json
from registry.subscribe import Start, subscribe


def events(
    model: Annotated[str | None, typer.Option(help="Only this model's events.")] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="now|beginning|NUMBER",
            help="Where to begin; a sequence number that was seen needs --model.",
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as events happen.")] = False,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Print model events: those there are, or with --follow those to come, one a line."""
    begin = _read_start(start or ("now" if follow else "beginning"), model)

    async def read() -> None:
        async for event in subscribe(url, model=model, start=begin, follow=follow):
            if as_json:
                print_json(event)
            else:
                kind = event.type.removeprefix("registry.")
                typer.echo(f"{event.time.isoformat()} {event.subject} {kind} #{event.sequence}")

    anyio.run(read)


def _read_start(text: str, model: str | None) -> Start:
    if text == "now" or text == "beginning":
        return text
    if not text.isdecimal():
        raise typer.BadParameter(f"--from takes now, beginning or a number, not {text!r}")
    if model is None:
        raise typer.BadParameter("--from with a number needs --model: each model counts its own")
    return int(text)
