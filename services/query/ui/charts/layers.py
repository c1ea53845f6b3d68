"""A graph in layers: arrows go from each layer to later ones, and cross as little as is cheap."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

Edge = tuple[str, str]
"""From one node to another, by their ids."""
SWEEPS: Final = 4


def layered(nodes: Sequence[str], edges: Iterable[Edge]) -> list[list[str]]:
    """Return the nodes in layers, each in the order in which it is drawn.

    Every arrow leads to a later layer, but for those that close a circle.
    """
    known = set(nodes)
    kept = [(a, b) for a, b in dict.fromkeys(edges) if a in known and b in known and a != b]
    ranks = _ranks(nodes, kept)
    layers: list[list[str]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for node in nodes:
        layers[ranks[node]].append(node)
    filled = [layer for layer in layers if layer]
    before, behind = _neighbours(kept)
    for _ in range(SWEEPS):
        for fixed, moved in pairwise(filled):
            _order(moved, fixed, before)
        for fixed, moved in pairwise(reversed(filled)):
            _order(moved, fixed, behind)
    return filled


def _ranks(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Return the layer of each node: behind all that leads to it.

    What nothing leads to stands just before what follows it.
    """
    before, behind = _neighbours(edges)
    left = {node: len(before[node]) for node in nodes}
    ready = deque(node for node in nodes if not left[node])
    ranks = dict.fromkeys(nodes, 0)
    order: list[str] = []
    while ready:
        node = ready.popleft()
        order.append(node)
        for each in behind[node]:
            ranks[each] = max(ranks[each], ranks[node] + 1)
            left[each] -= 1
            if not left[each]:
                ready.append(each)
    for node in order:  # those of a circle are in no order, and stay
        if not before[node] and behind[node]:
            ranks[node] = max(ranks[node], min(ranks[each] for each in behind[node]) - 1)
    return ranks


def _neighbours(edges: Iterable[Edge]) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    before: defaultdict[str, list[str]] = defaultdict(list)
    behind: defaultdict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        before[b].append(a)
        behind[a].append(b)
    return before, behind


def _order(moved: list[str], fixed: Sequence[str], neighbours: Mapping[str, list[str]]) -> None:
    """Put each node of a layer where the middle of its neighbours in the other layer is."""
    places = {node: place / max(1, len(fixed) - 1) for place, node in enumerate(fixed)}
    own = {node: place / max(1, len(moved) - 1) for place, node in enumerate(moved)}

    def middle(node: str) -> float:
        found = [places[each] for each in neighbours.get(node, ()) if each in places]
        return sum(found) / len(found) if found else own[node]

    moved.sort(key=middle)
