"""A version's lineage as a drawing, in which time goes from the left to the right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.schemas.lineage import Lineage, LineageEdge, LineageNode
from services.query.ui.charts.layers import layered

BOX_WIDTH: Final = 180
BOX_HEIGHT: Final = 40
COLUMN: Final = 260
ROW: Final = 54
SIDE: Final = 8
MOST_ARROWS: Final = 200
"""The list below the drawing has the same."""


@dataclass(frozen=True, slots=True)
class Box:
    """A node, and where its upper left corner lies."""

    node: LineageNode
    x: int
    y: int
    title: str
    """What it is called."""
    detail: str
    """What else there is to say: a version's number and label, or what kind of thing it is."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """From what something was made to what was made from it."""

    path: str
    title: str


@dataclass(frozen=True, slots=True)
class LineageDrawing:
    """The drawing."""

    width: int
    height: int
    boxes: Sequence[Box]
    arrows: Sequence[Arrow]
    edges: Sequence[LineageEdge]
    """What is drawn."""
    left_out: int
    """Arrows that are not drawn: there are too many."""
    box_width: int = BOX_WIDTH
    box_height: int = BOX_HEIGHT


def drawing(lineage: Lineage) -> LineageDrawing | None:
    """Return the drawing of a graph; None of one without links."""
    if not lineage.edges:
        return None
    layers = layered(
        [node.id for node in lineage.nodes], [(each.parent, each.child) for each in lineage.edges]
    )
    nodes = {node.id: node for node in lineage.nodes}
    tallest = max(len(layer) for layer in layers)
    boxes: dict[str, Box] = {}
    for column, layer in enumerate(layers):
        begin = SIDE + (tallest - len(layer)) * ROW // 2
        for row, node_id in enumerate(layer):
            boxes[node_id] = _box(nodes[node_id], SIDE + column * COLUMN, begin + row * ROW)
    drawn = lineage.edges[:MOST_ARROWS]
    names = names_of(lineage)
    return LineageDrawing(
        width=2 * SIDE + (len(layers) - 1) * COLUMN + BOX_WIDTH,
        height=2 * SIDE + (tallest - 1) * ROW + BOX_HEIGHT,
        boxes=list(boxes.values()),
        arrows=[
            Arrow(
                _path(boxes[each.parent], boxes[each.child]),
                f"{names[each.child]} {each.relation} {names[each.parent]}",
            )
            for each in drawn
        ],
        edges=drawn,
        left_out=len(lineage.edges) - len(drawn),
    )


def names_of(lineage: Lineage) -> dict[str, str]:
    """Return what each node is called, by its id."""
    return {node.id: _name(node) for node in lineage.nodes}


def _name(node: LineageNode) -> str:
    if node.kind == "hidden":
        return "hidden"
    if node.model is not None and node.number is not None:
        return f"{node.model} {node.number}"
    return node.name or node.uri or node.kind


def _box(node: LineageNode, x: int, y: int) -> Box:
    if node.kind == "hidden":
        return Box(node, x, y, _name(node), "not yours to see")
    if node.model is not None and node.number is not None:
        told = [f"version {node.number}", node.label or "", node.state or ""]
        return Box(node, x, y, node.model, ", ".join(each for each in told if each))
    return Box(node, x, y, _name(node), node.kind)


def _path(parent: Box, child: Box) -> str:
    """Return a curve from the right side of one box to the left side of the other."""
    x1, y1 = parent.x + BOX_WIDTH, parent.y + BOX_HEIGHT // 2
    x2, y2 = child.x - 4, child.y + BOX_HEIGHT // 2
    middle = (x1 + x2) // 2
    return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"
