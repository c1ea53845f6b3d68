"""A graph has what its reader may see, in bounds, and no word in it is taken for code."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from registry.schemas.lineage import MAX_EDGES, Lineage, LineageEdge
from registry.schemas.links import Link
from shared.domain.access.decision import EVERY_NAME, NameFilter
from shared.domain.lineage.drawings import dot, mermaid
from shared.domain.lineage.graph import Graph
from shared.domain.lineage.links import LinkedVersion
from shared.domain.lineage.openlineage import openlineage_events

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def version_id(model: str, number: int) -> str:
    return UUID(int=hash((model, number)) % 2**128).hex


def linked(model: str, number: int, *links: Link) -> LinkedVersion:
    return LinkedVersion(
        id=version_id(model, number),
        model=model,
        number=number,
        state="ready",
        created_at=NOW,
        lineage=list(links),
    )


def to(parent: LinkedVersion, relation: Any = "derived") -> Link:
    return Link(
        id="0" * 16,
        kind="version",
        relation=relation,
        version_id=parent.id,
        model=parent.model,
        number=parent.number,
        at=NOW,
        by="me",
    )


def outside(kind: Any, uri: str, **fields: Any) -> Link:
    relations = {"dataset": "trained_on", "run": "produced_by", "code": "built_from"}
    relation: Any = relations.get(kind, "derived")
    return Link(id="0" * 16, kind=kind, relation=relation, uri=uri, at=NOW, by="me", **fields)


BASE = linked("base", 1)
CHILD = linked("churn", 4, to(BASE, "quantised"), outside("dataset", "s3://data/churn", name="x"))


def grown(names: NameFilter = EVERY_NAME, max_nodes: int = 10) -> Graph:
    graph = Graph(CHILD, names, max_nodes)
    graph.add_parents([CHILD], {BASE.id: BASE}, 1)
    return graph


def test_parents_and_what_is_outside_are_nodes_beside_the_version() -> None:
    told = grown().told(CHILD, "up", 1)
    assert [(node.id, node.kind, node.depth) for node in told.nodes] == [
        ("churn@4", "version", 0),
        ("base@1", "version", 1),
        ("dataset-1", "dataset", 1),
    ]
    assert [(edge.child, edge.parent, edge.relation) for edge in told.edges] == [
        ("churn@4", "base@1", "quantised"),
        ("churn@4", "dataset-1", "trained_on"),
    ]
    assert not told.is_truncated


def test_a_hidden_version_is_one_placeholder_and_nothing_is_told_beyond_it() -> None:
    secret = linked("secret", 9, to(linked("public", 1)))
    other = linked("churn", 5, to(secret, "merged"), to(secret, "distilled"))
    graph = Graph(other, NameFilter(names=frozenset(["churn", "public"])), 10)
    assert graph.add_parents([other], {secret.id: secret}, 1) == []
    told = graph.told(other, "up", 5)
    assert [(node.id, node.kind) for node in told.nodes] == [
        ("churn@5", "version"),
        ("hidden-1", "hidden"),
    ]
    assert {edge.relation for edge in told.edges} == {"merged", "distilled"}
    assert "secret" not in told.model_dump_json()
    assert secret.id not in told.model_dump_json()
    below = Graph(secret, NameFilter(names=frozenset(["secret"])), 10)
    assert below.add_children([secret], [other], 1) == []
    assert [node.kind for node in below.told(secret, "down", 1).nodes] == ["version", "hidden"]


def test_a_version_whose_record_is_gone_is_told_by_its_link() -> None:
    graph = Graph(CHILD, EVERY_NAME, 10)
    assert graph.add_parents([CHILD], {BASE.id: None}, 1) == []
    [_, gone, _] = graph.told(CHILD, "up", 1).nodes
    assert (gone.id, gone.kind, gone.state) == ("base@1", "version", None)


def test_a_graph_that_is_full_says_so() -> None:
    assert grown(max_nodes=2).told(CHILD, "up", 1).is_truncated
    graph = Graph(CHILD, EVERY_NAME, 10)
    graph.add_parents([CHILD], {}, 1)
    assert graph.is_truncated, "a parent that was not looked for"


def test_a_graph_has_so_many_edges_and_no_node_without_one() -> None:
    parents = [linked("base", number) for number in range(1, 101)]
    children = [linked("churn", number, *map(to, parents)) for number in range(1, 151)]
    root = linked("root", 1, *map(to, children))
    graph = Graph(root, EVERY_NAME, 1000)
    graph.add_parents([root], {each.id: each for each in children}, 1)
    graph.add_parents(children[:99], {each.id: each for each in parents}, 2)
    late = linked("late", 1)
    for child in (children[99], children[100].model_copy(update={"lineage": [to(late)]})):
        graph.add_parents([child], {each.id: each for each in (*parents, late)}, 2)
    told = graph.told(root, "up", 2)
    assert (len(told.edges), told.is_truncated, graph.room) == (MAX_EDGES, True, 0)
    assert {node.id for node in told.nodes if node.depth} == {edge.parent for edge in told.edges}


texts = st.text(max_size=200)


def hostile(text: str) -> Lineage:
    child = linked("churn", 4, outside("dataset", "s3://x", name=text), to(linked("secret", 1)))
    child = child.model_copy(update={"label": text})
    graph = Graph(child, NameFilter(names=frozenset(["churn"])), 10)
    graph.add_parents([child], {version_id("secret", 1): None}, 1)
    return graph.told(child, "up", 1)


@given(texts)
def test_whatever_people_wrote_is_text_in_a_drawing(text: str) -> None:
    lines = mermaid(hostile(text)).split("\n")
    node = re.compile(r'    n\d+(\[\(|\[)"(?:[\w ._\-@:/+,()]|#\d+;)*"(\)\]|\])', re.UNICODE)
    assert lines[0] == "flowchart TD"
    for line in lines[1:4]:
        assert node.fullmatch(line), line
    assert lines[4] == "    n1 -->|trained_on| n0"
    assert lines[5:] == ["    n2 -->|derived| n0", "    style n0 stroke-width:3px", ""]
    drawn = dot(hostile(text)).split("\n")
    label = re.compile(r'    n\d \[label="(?:[^"\\]|\\\\|\\")*", shape=\w+, style=\w+\];')
    for line in drawn[1:4]:
        assert label.fullmatch(line), line
    assert drawn[4] == '    n1 -> n0 [label="trained_on"];'
    assert drawn[6:] == ["}", ""]


def test_each_version_that_was_made_from_something_is_an_openlineage_run() -> None:
    run = outside("run", "https://runs/7", name="7")
    code = outside("code", "https://git/churn", revision="5f0c")
    child = CHILD.model_copy(update={"lineage": [*CHILD.lineage, run, code]})
    graph = Graph(child, EVERY_NAME, 10)
    graph.add_parents([child], {BASE.id: BASE}, 1)
    told = graph.told(child, "up", 1)
    [event] = openlineage_events(told, graph.visited.values(), "https://registry", "models")
    assert json.loads(json.dumps(event)) == event
    assert event["run"]["runId"] == str(UUID(hex=child.id))
    assert event["run"]["facets"]["modelRegistry_run"]["id"] == "7"
    location = event["job"]["facets"]["sourceCodeLocation"]
    assert (location["url"], location["version"]) == ("https://git/churn", "5f0c")
    assert [(each["namespace"], each["name"]) for each in event["inputs"]] == [
        ("models", "base"),
        ("s3://data", "churn"),
    ]
    [output] = event["outputs"]
    assert (output["name"], output["facets"]["version"]["datasetVersion"]) == ("churn", "4")
    assert event["eventTime"] == "2026-11-28T00:00:00+00:00"


class Walked(list[LineageEdge]):
    """Edges that count how often somebody goes through all of them."""

    walks = 0

    def __iter__(self) -> Iterator[LineageEdge]:
        self.walks += 1
        return super().__iter__()


def test_an_export_goes_through_the_edges_once_however_many_versions_there_are() -> None:
    told = grown().told(CHILD, "up", 1)
    edges = Walked(told.edges)
    graph = told.model_copy(update={"edges": edges})
    assert len(openlineage_events(graph, [CHILD, BASE] * 9, "https://registry", "models")) == 9
    assert edges.walks == 1
