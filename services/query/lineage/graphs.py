"""A lineage graph, read from the database one generation after the other."""

from dataclasses import dataclass

from registry.schemas import Version
from registry.schemas.lineage import Direction, Lineage
from services.query.context import Context
from shared.database.lineage import children_of, read_linked
from shared.domain.access.decision import NameFilter
from shared.domain.errors import version_not_found
from shared.domain.lineage.graph import Graph
from shared.domain.lineage.links import LinkedVersion, parent_ids


@dataclass(frozen=True, slots=True)
class Read:
    """A graph, and the versions that it tells."""

    lineage: Lineage
    versions: list[LinkedVersion]


async def read_graph(
    version: Version,
    direction: Direction,
    depth: int,
    max_nodes: int,
    names: NameFilter,
    context: Context,
) -> Read:
    """Return the graph around a version, of as many generations and nodes as are asked for.

    Of versions that `names` does not have a placeholder is told, and nothing beyond it. Raises
    NotFound where the version is gone meanwhile, and DatabaseUnavailable.
    """
    root = (await read_linked(context.database, [version.id])).get(version.id)
    if root is None:
        raise version_not_found(version.model, version.number)
    graph = Graph(root, names, max_nodes)
    if direction in ("up", "both"):
        await _go_up(graph, root, depth, context)
    if direction in ("down", "both"):
        await _go_down(graph, root, depth, context)
    return Read(graph.told(root, direction, depth), list(graph.visited.values()))


async def _go_up(graph: Graph, root: LinkedVersion, depth: int, context: Context) -> None:
    generation, seen = [root], {root.id}
    for step in range(1, depth + 1):
        wanted = dict.fromkeys(each for v in generation for each in parent_ids(v.lineage))
        # Those that are told already cost no room; the others are read as far as there is any.
        new = [each for each in wanted if each not in graph.visited][: graph.room]
        known: dict[str, LinkedVersion | None] = {**graph.visited, **dict.fromkeys(new)}
        known |= await read_linked(context.database, new)
        found = graph.add_parents(generation, known, step)
        generation = [each for each in found if each.id not in seen]
        seen.update(each.id for each in generation)
        if not generation:
            return
    graph.is_truncated |= any(each.lineage for each in generation)


async def _go_down(graph: Graph, root: LinkedVersion, depth: int, context: Context) -> None:
    generation, seen = [root], {root.id}
    for step in range(1, depth + 1):
        children, is_cut = await children_of(
            context.database, [each.id for each in generation], limit=graph.room + len(seen)
        )
        graph.is_truncated |= is_cut
        found = graph.add_children(generation, children, step)
        generation = [each for each in found if each.id not in seen]
        seen.update(each.id for each in generation)
        if not generation:
            return
    below, _ = await children_of(context.database, [each.id for each in generation], limit=1)
    graph.is_truncated |= bool(below)
