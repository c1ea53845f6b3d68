"""Lineage of a version as a graph: from what it was made, and what was made from it."""

from typing import Literal

from pydantic import Field

from registry.schemas.base import Answer
from registry.schemas.links import LinkKind, Relation
from registry.schemas.versions import VersionState

Direction = Literal["up", "down", "both"]
"""up: what the version was made from; down: what was made from it."""
LineageFormat = Literal["json", "mermaid", "dot", "openlineage"]
MAX_DEPTH = 50
MAX_NODES = 1000
"""Nodes of one graph."""
MAX_EDGES = 10_000
"""Edges of one graph."""


class LineageNode(Answer):
    """A version, or something outside that versions were made from."""

    id: str
    """Within this answer; of a version `MODEL@NUMBER`."""
    kind: LinkKind
    """hidden: a version that the caller may not read; nothing beyond it is told."""
    depth: int
    """Steps from the version that was asked for."""
    model: str | None = None
    number: int | None = None
    version_id: str | None = None
    label: str | None = None
    state: VersionState | None = None
    """None of what is no version here, and of one whose record is gone."""
    uri: str | None = None
    name: str = ""
    digest: str = ""
    revision: str = ""


class LineageEdge(Answer):
    """A version, and what it was made from, by the ids of their nodes."""

    child: str
    parent: str
    relation: Relation


class Lineage(Answer):
    """The graph around a version, the nearest nodes first."""

    model: str
    number: int
    direction: Direction
    depth: int
    nodes: list[LineageNode] = Field(default_factory=list[LineageNode])
    edges: list[LineageEdge] = Field(default_factory=list[LineageEdge])
    is_truncated: bool = False
    """Whether there is more: beyond the depth, or beyond the nodes or edges of one graph."""
