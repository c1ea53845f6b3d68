"""The commands of `python -m local`."""

import os
import shlex
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

import typer

from local.commands.runner import Runner
from local.environment import read_env_file
from local.errors import LocalError, NotReadyError
from local.programs.prepare import prepare as prepare_programs
from local.programs.progress import shown

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

app = typer.Typer(
    help="Run the whole system on this machine, in containers or without.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def start(
    servers_only: Annotated[
        bool, typer.Option("--servers-only", help="Start no service of ours.")
    ] = False,
    docker: Annotated[
        bool | None,
        typer.Option("--docker/--local", help="Containers or local processes; else what works."),
    ] = None,
) -> None:
    """Start what does not run; leave alone what does."""
    with _told_errors():
        Runner().start(servers_only=servers_only, docker=docker)


@app.command()
def stop() -> None:
    """Stop everything; data stays."""
    with _told_errors():
        Runner().stop()


@app.command()
def status() -> None:
    """Show each server and service; exit code 1 when one of them is dead or none was started."""
    with _told_errors():
        raise typer.Exit(0 if Runner().status() else 1)


@app.command()
def env() -> None:
    """Print the settings for a shell: eval "$(python -m local env)"."""
    settings = read_env_file(Runner().env_file)
    if not settings:
        print("Error: nothing was started yet; run: make start", file=sys.stderr)
        raise typer.Exit(1)
    for name, value in settings.items():
        print(f"export {name}={shlex.quote(value)}")


@app.command()
def prepare() -> None:
    """Download and build what is missing, and start nothing."""
    with _told_errors(), shown() as observer:
        programs = prepare_programs(observer)
    for path in (programs.minio, programs.kafka_jars, programs.java, programs.mongo.path):
        print(path)


@app.command()
def clean() -> None:
    """Stop everything and delete .local: data, logs and credentials."""
    with _told_errors():
        Runner().clean()


@contextmanager
def _told_errors() -> Generator[None]:
    """Tell an error in one line, after the log's last lines where there is a log."""
    try:
        yield
    except LocalError as error:
        if isinstance(error, NotReadyError) and (tail := error.log_tail()):
            print(tail, file=sys.stderr)
        for line in str(error).splitlines():
            print(f"Error: {line}", file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        # At once, without waiting for downloads: files get their names only when complete.
        os._exit(INTERRUPTED)


def main() -> None:
    """Run the command line."""
    app(prog_name="python -m local")
