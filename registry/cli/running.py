"""Running a command line: one process, one command, one line for each error."""

from collections.abc import Sequence

import typer

from registry.cli.exit_codes import ExitCode, exit_code
from registry.cli.printable import printable


def run_app(app: typer.Typer, name: str, arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; an error becomes one line on stderr.

    `name` is what the line begins with; without `arguments` those of the process are taken.
    """
    try:
        # Not standalone: typer's own error boxes have several lines and statuses of their own.
        ended = app(arguments, prog_name=name, standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        typer.echo(f"{name}: error: {_one_line(error)}", err=True)
        return exit_code(error)
    if ended == ExitCode.INTERRUPTED:
        typer.echo(f"{name}: error: interrupted", err=True)
    return ended if isinstance(ended, int) else ExitCode.OK


def _one_line(error: BaseException) -> str:
    text = error.format_message() if isinstance(error, typer.TyperException) else str(error)
    told = "; ".join([text or type(error).__name__, *getattr(error, "__notes__", ())])
    return printable(" ".join(told.split()))
