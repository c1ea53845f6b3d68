"""Lineage as boxes and arrows."""

from registry.schemas.lineage import Lineage, LineageEdge, LineageNode
from services.query.ui.charts.lineage import BOX_WIDTH, MOST_ARROWS, drawing, names_of

ROOT = LineageNode(id="m@2", kind="version", depth=0, model="m", number=2, state="ready")


def lineage(*nodes: LineageNode, edges: list[tuple[str, str]]) -> Lineage:
    links = [LineageEdge(child=c, parent=p, relation="derived") for p, c in edges]
    return Lineage(
        model="m", number=2, direction="both", depth=5, nodes=[ROOT, *nodes], edges=links
    )


def test_time_goes_from_the_left_to_the_right() -> None:
    before = LineageNode(id="a@1", kind="version", depth=1, model="a", number=1, state="ready")
    behind = LineageNode(id="b@1", kind="version", depth=1, model="b", number=1, state="ready")
    found = drawing(lineage(behind, before, edges=[("a@1", "m@2"), ("m@2", "b@1")]))
    assert found is not None
    places = {each.node.id: each.x for each in found.boxes}
    assert places["a@1"] < places["m@2"] < places["b@1"]
    assert all(each.x + BOX_WIDTH <= found.width for each in found.boxes)
    assert len(found.arrows) == 2


def test_what_may_not_be_seen_is_named_by_nothing() -> None:
    hidden = LineageNode(id="hidden-1", kind="hidden", depth=1)
    found = drawing(lineage(hidden, edges=[("hidden-1", "m@2")]))
    assert found is not None
    box = next(each for each in found.boxes if each.node.kind == "hidden")
    assert (box.title, box.detail) == ("hidden", "not yours to see")


def test_without_links_there_is_no_drawing_and_arrows_have_a_bound() -> None:
    assert drawing(lineage(edges=[])) is None
    nodes = [LineageNode(id=f"d{at}", kind="dataset", depth=1, name=f"{at}") for at in range(400)]
    found = drawing(lineage(*nodes, edges=[(node.id, "m@2") for node in nodes]))
    assert found is not None
    assert (len(found.arrows), found.left_out) == (MOST_ARROWS, 400 - MOST_ARROWS)
    assert len(found.edges) == MOST_ARROWS, "the list has the same"


def test_nodes_are_named_by_what_they_are_and_not_by_their_ids() -> None:
    data = LineageNode(id="dataset-1", kind="dataset", depth=1, uri="s3://warehouse/june")
    hidden = LineageNode(id="hidden-1", kind="hidden", depth=1)
    found = lineage(data, hidden, edges=[("dataset-1", "m@2")])
    assert names_of(found) == {
        "m@2": "m 2",
        "dataset-1": "s3://warehouse/june",
        "hidden-1": "hidden",
    }
    drawn = drawing(found)
    assert drawn is not None
    assert [each.title for each in drawn.arrows] == ["m 2 derived s3://warehouse/june"]
