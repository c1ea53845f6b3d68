"""`registry lineage`, `registry link` and `registry unlink`."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.options import (
    AsJson,
    Code,
    Datasets,
    ModelName,
    Parents,
    Run,
    Url,
    VersionName,
    read_lineage,
)
from registry.cli.output import print_json, print_table
from registry.cli.printable import printable, printable_json

if TYPE_CHECKING:
    from registry.schemas.lineage import Direction, Lineage, LineageNode
    from registry.schemas.links import Link, VersionLinks


class GraphFormat(StrEnum):
    """How a graph is written."""

    TABLE = "table"
    JSON = "json"
    MERMAID = "mermaid"
    DOT = "dot"
    OPENLINEAGE = "openlineage"


LinkedVersion = Annotated[str, typer.Argument(metavar="VERSION", help="Number or label.")]


def lineage(
    model: ModelName,
    version: VersionName = "latest",
    up: Annotated[bool, typer.Option("--up", help="What it was made from: the default.")] = False,
    down: Annotated[bool, typer.Option("--down", help="What was made from it.")] = False,
    depth: Annotated[int, typer.Option("--depth", metavar="N", min=1, help="Generations.")] = 5,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Nodes.")] = 200,
    as_format: Annotated[
        GraphFormat, typer.Option("--format", help="How it is written.")
    ] = GraphFormat.TABLE,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show what a version was made from, and with --down what was made from it."""
    from registry.client import ModelRegistryClient

    direction: Direction = "both" if up and down else "down" if down else "up"
    with ModelRegistryClient(url) as client:
        if as_format in (GraphFormat.MERMAID, GraphFormat.DOT, GraphFormat.OPENLINEAGE):
            drawn = client.draw_lineage(
                model,
                version,
                format=as_format.value,
                direction=direction,
                depth=depth,
                limit=limit,
            )
            _print_drawn(drawn, is_json=as_format is GraphFormat.OPENLINEAGE)
            return
        found = client.lineage(model, version, direction=direction, depth=depth, limit=limit)
    if as_json or as_format is GraphFormat.JSON:
        print_json(found)
    else:
        _print_graph(found)


def link(
    model: ModelName,
    version: LinkedVersion,
    parent: Parents = None,
    dataset: Datasets = None,
    run: Run = None,
    code: Code = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Say what a version was made from."""
    told = read_lineage(parent, dataset, run, code)
    if told is None:
        raise typer.BadParameter("nothing is said: --parent, --dataset, --run or --code")
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.add_lineage(model, version, **told)
    (print_json if as_json else _print_links)(found)


def unlink(
    model: ModelName,
    version: LinkedVersion,
    link_id: Annotated[str, typer.Argument(metavar="LINK", help="As `registry link` tells it.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Remove a link of a version; prints those that are left."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        found = client.remove_lineage(model, version, link_id)
    (print_json if as_json else _print_links)(found)


def _print_drawn(drawn: str, *, is_json: bool) -> None:
    if is_json:
        typer.echo(printable_json(drawn))
        return
    for line in drawn.splitlines():
        typer.echo(printable(line))


def _print_graph(found: "Lineage") -> None:
    nodes = {node.id: node for node in found.nodes}
    print_table(
        ("CHILD", "RELATION", "PARENT"),
        [
            (_name(nodes[edge.child]), edge.relation, _name(nodes[edge.parent]))
            for edge in found.edges
        ],
    )
    if found.is_truncated:
        typer.echo("there is more: --depth and --limit ask for it")


def _print_links(found: "VersionLinks") -> None:
    print_table(
        ("LINK", "RELATION", "WHAT", "BY"),
        [(each.id, each.relation, _told(each), each.by) for each in found.links],
    )


def _name(node: "LineageNode") -> str:
    if node.kind == "version":
        return f"{node.model}@{node.number}"
    return _joined([node.name, node.uri, node.revision]) or node.kind


def _told(link: "Link") -> str:
    if link.kind == "version":
        return f"{link.model}@{link.number}"
    return _joined([link.name, link.uri, link.revision]) or link.kind


def _joined(texts: "Sequence[str | None]") -> str:
    return " ".join(text for text in texts if text)
