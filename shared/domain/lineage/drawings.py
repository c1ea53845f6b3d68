"""Lineage graphs as Mermaid and as Graphviz draw them. What people wrote is never taken for code.

Arrows go from what a version was made from to the version, as time does.
"""

from collections.abc import Iterator

from registry.schemas.lineage import Lineage, LineageNode

MAX_LABEL_CHARACTERS = 120
_MERMAID_SHAPES = {
    "version": ("[", "]"),
    "external": ("[/", "/]"),
    "dataset": ("[(", ")]"),
    "run": ("([", "])"),
    "code": ("{{", "}}"),
    "hidden": ("[", "]"),
}
_DOT_SHAPES = {
    "version": "box",
    "external": "parallelogram",
    "dataset": "cylinder",
    "run": "oval",
    "code": "hexagon",
    "hidden": "box",
}
_MERMAID_SAFE = frozenset(" ._-@:/+,()")
"""What stands for itself in a quoted text, beside letters and digits."""


def mermaid(graph: Lineage) -> str:
    """Return a flowchart: https://mermaid.js.org/syntax/flowchart.html."""
    return "\n".join(_mermaid_lines(graph)) + "\n"


def dot(graph: Lineage) -> str:
    """Return a digraph: https://graphviz.org/doc/info/lang.html."""
    return "\n".join(_dot_lines(graph)) + "\n"


def _mermaid_lines(graph: Lineage) -> Iterator[str]:
    yield "flowchart TD"
    for name, node in _numbered(graph).items():
        begin, end = _MERMAID_SHAPES[node.kind]
        yield f'    {name}{begin}"{_mermaid_text(_label(node))}"{end}'
    names = {node.id: name for name, node in _numbered(graph).items()}
    for edge in graph.edges:
        yield f"    {names[edge.parent]} -->|{edge.relation}| {names[edge.child]}"
    yield f"    style {names[_root(graph)]} stroke-width:3px"


def _dot_lines(graph: Lineage) -> Iterator[str]:
    yield "digraph lineage {"
    for name, node in _numbered(graph).items():
        style = "dashed" if node.kind == "hidden" else "bold" if node.depth == 0 else "solid"
        label = _dot_text(_label(node))
        yield f'    {name} [label="{label}", shape={_DOT_SHAPES[node.kind]}, style={style}];'
    names = {node.id: name for name, node in _numbered(graph).items()}
    for edge in graph.edges:
        yield f'    {names[edge.parent]} -> {names[edge.child]} [label="{edge.relation}"];'
    yield "}"


def _numbered(graph: Lineage) -> dict[str, LineageNode]:
    """Give each node a name that needs no quotes."""
    return {f"n{index}": node for index, node in enumerate(graph.nodes)}


def _root(graph: Lineage) -> str:
    return f"{graph.model}@{graph.number}"


def _label(node: LineageNode) -> str:
    if node.kind == "hidden":
        return "hidden"
    if node.kind == "version":
        label = f" ({node.label})" if node.label else ""
        return _cut(f"{node.model}@{node.number}{label}")
    known = [node.name, node.uri or "", node.revision]
    return _cut(" ".join(each for each in known if each))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LABEL_CHARACTERS else f"{text[:MAX_LABEL_CHARACTERS]}..."


def _mermaid_text(text: str) -> str:
    """Write what is not plain as a character's number, which Mermaid only shows."""
    return "".join(
        each if each.isalnum() or each in _MERMAID_SAFE else f"#{ord(each)};" for each in text
    )


def _dot_text(text: str) -> str:
    plain = "".join(each if each.isprintable() else "?" for each in text)
    return plain.replace("\\", "\\\\").replace('"', '\\"')
