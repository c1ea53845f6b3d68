"""`registry events`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.kafka_outages import told_outages
from registry.cli.options import AsJson, Url
from registry.cli.output import print_json
from registry.cli.printable import printable

if TYPE_CHECKING:
    from registry.schemas import ModelEvent
    from registry.subscription import Start


class Via(StrEnum):
    """How events come."""

    AUTO = "auto"
    KAFKA = "kafka"
    HTTP = "http"


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
    via: Annotated[
        Via,
        typer.Option(help="Where events come from; auto: Kafka, where it can be reached."),
    ] = Via.AUTO,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print model events: those there are, or with --follow those to come, one a line."""
    import anyio

    from registry.client import ModelRegistryClient
    from registry.subscription import subscribe

    begin = _read_start(start or ("now" if follow else "beginning"), model)
    with ModelRegistryClient(url) as client:
        kafka = client.discover().events.bootstrap_servers
        if model is not None and not follow:  # a model that is followed may be made later
            client.get_model_info(model)

    async def read() -> None:
        source = subscribe(url, model=model, start=begin, follow=follow, via=via.value)
        async for event in source:
            outages.over()
            (print_json if as_json else _print_event)(event)

    with told_outages(kafka) as outages:
        anyio.run(read)


def _print_event(event: "ModelEvent") -> None:
    kind = event.type.removeprefix("registry.")
    told = f"{event.time.isoformat()} {event.subject} {kind} #{event.sequence}"
    typer.echo(printable(told))


def _read_start(text: str, model: str | None) -> "Start":
    if text == "now" or text == "beginning":
        return text
    if not text.isdecimal():
        raise typer.BadParameter(f"--from takes now, beginning or a number, not {text!r}")
    if model is None:
        raise typer.BadParameter("--from with a number needs --model: each model counts its own")
    return int(text)
