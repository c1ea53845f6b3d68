"""The command `registry`: one process, one command, one line for each error.

A command imports what it needs when it runs, so that `--help` and a wrong option load neither the
client nor the schemas.
"""

import sys
from collections.abc import Sequence

import typer

from registry.cli.admin import admin
from registry.cli.aliases import alias
from registry.cli.audit import audit
from registry.cli.cache import cache, fetch
from registry.cli.compare import compare
from registry.cli.completion import completion, prepare_completion
from registry.cli.doctor import doctor
from registry.cli.edits import annotate, edits, tag
from registry.cli.events import events
from registry.cli.follow import follow
from registry.cli.importing import export, importing
from registry.cli.lifecycle import archive, copy, delete, hold, restore
from registry.cli.lineage import lineage, link, unlink
from registry.cli.lookups import list_models, show, versions
from registry.cli.pages import open_page
from registry.cli.profiles import config, login, logout
from registry.cli.proposals import add_proposals
from registry.cli.rules import rules
from registry.cli.running import run_app
from registry.cli.search import search
from registry.cli.tokens import token, whoami
from registry.cli.transfers import download, upload
from registry.cli.uploads import uploads
from registry.cli.webhook_deliveries import add_deliveries
from registry.cli.webhooks import webhooks

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="registry",
    help="Upload, find, download and follow model versions.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich takes longer to load than all the rest of it
)
app.command()(upload)
app.command()(download)
app.command()(fetch)
app.command()(follow)
app.command()(show)
app.command("list")(list_models)
app.command()(versions)
app.command()(search)
app.command()(compare)
app.command()(lineage)
app.command()(link)
app.command()(unlink)
app.command()(events)
app.command()(audit)
app.command()(tag)
app.command()(annotate)
app.command()(edits)
add_proposals(alias)
app.add_typer(alias, name="alias")
app.add_typer(rules, name="rules")
app.command()(copy)
app.command()(archive)
app.command()(hold)
app.command()(delete)
app.command()(restore)
app.add_typer(cache, name="cache")
app.add_typer(uploads, name="uploads")
add_deliveries(webhooks)
app.add_typer(webhooks, name="webhooks")
app.add_typer(importing, name="import")
app.command()(export)
app.command()(login)
app.command()(logout)
app.command()(whoami)
app.command()(doctor)
app.command()(completion)
app.command("open")(open_page)
app.add_typer(config, name="config")
app.add_typer(token, name="token")
app.command(
    hidden=True,  # it only says where those commands are
    # All that follows `admin`, --help too, belongs to the commands of the services.
    add_help_option=False,
    context_settings={
        "allow_interspersed_args": False,
        "ignore_unknown_options": True,
    },
)(admin)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; an error becomes one line on stderr."""
    prepare_completion()
    return run_app(app, "registry", arguments)


def main() -> None:
    """Run the command with the process's arguments and exit."""
    # Importing httpx also imports httpx's command line, with rich, pygments and click: a third of
    # the time that `registry show` takes to start. httpx does without where the import fails.
    sys.modules.setdefault("httpx._main", None)  # pyright: ignore[reportArgumentType]
    sys.exit(run())
