"""Graphs in layers, whatever graph it is."""

from hypothesis import given
from hypothesis import strategies as st

from services.query.ui.charts.layers import layered

names = st.sampled_from([f"n{at}" for at in range(12)])


def ranks(layers: list[list[str]]) -> dict[str, int]:
    return {node: at for at, layer in enumerate(layers) for node in layer}


@given(st.lists(names, unique=True), st.lists(st.tuples(names, names), max_size=60))
def test_each_node_is_drawn_once_whatever_leads_where(
    nodes: list[str], edges: list[tuple[str, str]]
) -> None:
    found = [node for layer in layered(nodes, edges) for node in layer]
    assert sorted(found) == sorted(nodes)


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=60))
def test_arrows_without_circles_lead_to_later_layers(pairs: list[tuple[int, int]]) -> None:
    nodes = [f"n{at}" for at in range(12)]
    edges = [(f"n{a}", f"n{b}") for a, b in pairs if a < b]
    found = ranks(layered(nodes, edges))
    assert all(found[a] < found[b] for a, b in edges)


def test_what_begins_late_stands_beside_what_follows_it() -> None:
    edges = [("a", "b"), ("b", "c"), ("c", "d"), ("data", "d")]
    assert ranks(layered(["a", "b", "c", "d", "data"], edges))["data"] == 2


def test_arrows_do_not_cross_where_they_need_not() -> None:
    found = layered(["a", "b", "x", "y"], [("a", "y"), ("b", "x")])
    assert found in ([["a", "b"], ["y", "x"]], [["b", "a"], ["x", "y"]])


def test_of_nothing_nothing_is_drawn() -> None:
    assert layered([], []) == []
