"""`python -m services.admin search`: has each running query check its copy, or make it anew."""

from typing import Annotated

import typer
from pydantic import AwareDatetime, BaseModel

from services.admin import output
from services.admin.composition import run_with_context
from services.indexer.context import Context
from shared.database import catalog

app = typer.Typer(help="The copies of the records that queries search in.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


class SearchRequest(BaseModel):
    """What query services were asked for, and when."""

    request: catalog.Request
    at: AwareDatetime


@app.command()
def check(as_json: AsJson = False) -> None:
    """Have every query read all versions again now, and mend what its copy lacks."""
    _ask("check", as_json)


@app.command()
def rebuild(as_json: AsJson = False) -> None:
    """Have every query make its copy anew; search answers 503 meanwhile."""
    _ask("rebuild", as_json)


def _ask(what: catalog.Request, as_json: bool) -> None:
    async def use(context: Context) -> SearchRequest:
        return SearchRequest(request=what, at=await catalog.request(context.database, what))

    asked = run_with_context(use)
    (output.print_json if as_json else _print)(asked)


def _print(asked: SearchRequest) -> None:
    typer.echo(f"{asked.request} asked for; how it goes is told by each query at /health/search")
