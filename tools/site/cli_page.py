"""Reference of the command lines, from the help that they print themselves."""

import html
import re
from collections.abc import Iterator, Sequence

import typer
from typer.core import TyperGroup
from typer.main import get_command

from registry.cli import app as client
from services.admin.cli import app as operators

_READ_AS_MARKUP = re.compile(r"`[^`]+`|[\\`*_\[\]{}|<>&]")

Row = tuple[str, str]
"""An argument or option with its type, and its help with default, range and variable."""


def cli_page() -> str:
    """Return the page of all commands: how each is used, its arguments and its options."""
    found = [*commands(client, "registry"), *commands(operators, "python -m services.admin")]
    return "\n".join(
        (
            "# The command, option by option",
            "",
            "What `--help` of each command tells; every command takes `--help`."
            " [What they do](../cli.md). What the commands of `registry` print with `--json`,"
            " as JSON schemas: [cli.schema.json](../api/cli.schema.json).",
            "",
            "| command | | `--json` |",
            "|---|---|---|",
            *(_line(each) for each in found),
            "",
            *(line for each in found for line in _section(each)),
        )
    )


def commands(app: typer.Typer, name: str) -> Iterator[typer.Context]:
    """Return a program and every command and group in it, but for hidden ones, as if called."""
    command = get_command(app)
    yield from _with_those_below(typer.Context(command, info_name=name))


def _with_those_below(context: typer.Context) -> Iterator[typer.Context]:
    yield context
    group = context.command
    if isinstance(group, TyperGroup):
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if command is not None and not command.hidden:
                below = typer.Context(command, info_name=name, parent=context)
                yield from _with_those_below(below)


def _rows(of: typer.Context, kind: str) -> list[Row]:
    parameters = of.command.get_params(of)
    told = (each.get_help_record(of) for each in parameters if each.param_type_name == kind)
    return [record for record in told if record is not None]


def _takes_json(of: typer.Context) -> bool:
    return any("--json" in each.opts for each in of.command.get_params(of))


def _line(of: typer.Context) -> str:
    json = "yes" if _takes_json(of) else ""
    link = f"[`{of.command_path}`](#{_anchor(of)})"
    return f"| {link} | {_prose(of.command.help or '')} | {json} |"


def _section(of: typer.Context) -> Iterator[str]:
    level = "##" if of.parent is None else "###"
    usage = " ".join((of.command_path, *of.command.collect_usage_pieces(of)))
    yield from (f"{level} `{of.command_path}` {{ #{_anchor(of)} }}", "")
    yield from (_prose(of.command.help or ""), "")
    yield from ("```text", usage, "```", "")
    yield from _table("argument", _rows(of, "argument"))
    yield from _table("option", _rows(of, "option"))


def _table(kind: str, rows: Sequence[Row]) -> Iterator[str]:
    if rows:
        yield from (f"| {kind} | |", "|---|---|")
        yield from (f"| `{name}` | {_prose(told)} |" for name, told in rows)
        yield ""


def _anchor(of: typer.Context) -> str:
    return re.sub(r"[^a-z0-9]+", "-", of.command_path)


def _prose(text: str) -> str:
    """Return a text in one line, of which nothing but code between backquotes is markup."""

    def escaped(found: re.Match[str]) -> str:
        if len(found[0]) > 1:
            return found[0]
        return html.escape(found[0]) if found[0] in "<>&" else "\\" + found[0]

    return _READ_AS_MARKUP.sub(escaped, " ".join(text.split()))
