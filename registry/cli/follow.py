"""`registry follow`: keeps a folder at the version that an alias names."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.completion import complete_ref
from registry.cli.options import AsJson, Url
from registry.cli.output import print_json
from registry.cli.printable import printable
from registry.cli.progress import progress_bar

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from registry.following.follower import Followed, Follower
    from registry.transfer.progress import Progress


def follow(
    ref: Annotated[
        str,
        typer.Argument(
            metavar="REF",
            help="MODEL@ALIAS, or MODEL for its latest version.",
            autocompletion=complete_ref,
        ),
    ],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A link that leads to its files.")],
    command: Annotated[
        str | None,
        typer.Option("--command", metavar="COMMAND", help="Run after each move; no shell."),
    ] = None,
    command_timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="Longest that it may take.")
    ] = 300.0,
    poll: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="Looks where no event comes.")
    ] = 30.0,
    keep: Annotated[
        int, typer.Option(metavar="N", min=0, max=100, help="Earlier versions that stay.")
    ] = 1,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Let a link lead to the version that an alias names, and move it when the alias moves."""
    import os

    import anyio

    from registry._refs import parse_ref
    from registry.aio import AsyncModelRegistryClient
    from registry.following.follower import Follower, Options
    from registry.following.target import Target

    told = print_json if as_json else _print
    options = Options(
        _words(command), command_seconds=command_timeout, poll_seconds=poll, keep=keep
    )
    named, target = parse_ref(ref), Target(path)
    if named.path:
        raise typer.BadParameter("REF names a file: a whole version is followed")
    lock = target.begin()

    async def run() -> None:
        async with AsyncModelRegistryClient(url) as client:
            follower = Follower(client, named, target, options, told, _complain, _watch)
            if not once:
                await _until_stopped(follower, url)
                return
            followed = await follower.settle()
            if not followed.moved:
                told(followed)

    try:
        anyio.run(run)
    finally:
        os.close(lock)


async def _until_stopped(follower: "Follower", url: str | None) -> None:
    """Follow until SIGTERM: the first process of a container would not hear of it by itself."""
    import signal

    import anyio

    async with anyio.create_task_group() as group:
        group.start_soon(follower.run, url)
        with anyio.open_signal_receiver(signal.SIGTERM) as signals:
            async for _ in signals:
                group.cancel_scope.cancel()
                return


def _words(command: str | None) -> list[str]:
    try:
        return shlex.split(command or "")
    except ValueError as error:
        raise typer.BadParameter(f"--command: {error}") from None


def _print(followed: "Followed") -> None:
    typer.echo(printable(f"{followed.path}: {followed.model} version {followed.number}"))


def _watch(title: str) -> "AbstractContextManager[Progress | None]":
    # Most looks find what is there already: a bar for those would but flicker.
    return progress_bar(title, at_once=False)


def _complain(text: str) -> None:
    typer.echo(f"registry: warning: {printable(' '.join(text.split()))}", err=True)
