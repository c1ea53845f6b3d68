"""A lineage graph as it grows from one version, and as its reader may see it. No I/O."""

from collections.abc import Iterable, Mapping

from registry.schemas.lineage import MAX_EDGES, Direction, Lineage, LineageEdge, LineageNode
from registry.schemas.links import Link
from shared.domain.access.decision import NameFilter
from shared.domain.lineage.links import LinkedVersion


class Graph:
    """Nodes and edges around a version; beyond what its reader may not see it does not grow."""

    def __init__(self, root: LinkedVersion, names: NameFilter, max_nodes: int) -> None:
        self.is_truncated = False
        self.visited: dict[str, LinkedVersion] = {}
        """Versions that are told, by their ids."""
        self._names = names
        self._max_nodes = max_nodes
        self._nodes: dict[str, LineageNode] = {}
        self._edges: dict[tuple[str, str, str], LineageEdge] = {}
        self._hidden: dict[str, str] = {}
        """Ids of placeholders, by those of the versions that they stand for."""
        self._outside: dict[tuple[str, ...], str] = {}
        """Ids of nodes that are no versions, by what is said of them."""
        self._place(root, 0)

    @property
    def room(self) -> int:
        """How many more nodes there may be: none where there can be no edge to them."""
        return self._max_nodes - len(self._nodes) if len(self._edges) < MAX_EDGES else 0

    def add_parents(
        self,
        children: Iterable[LinkedVersion],
        known: Mapping[str, LinkedVersion | None],
        depth: int,
    ) -> list[LinkedVersion]:
        """Add all that these versions were made from; returns the parents to go on from.

        `known` are the parents that were looked for, by id; None is one that is gone, which is told
        by its link alone. Without those that were not looked for the graph is cut.
        """
        found: dict[str, LinkedVersion] = {}
        for child in children:
            for link in child.lineage:
                if link.version_id is not None and link.version_id not in known:
                    self.is_truncated = True
                    continue
                parent = known.get(link.version_id or "")
                node_id = self._parent_node(link, parent, depth)
                if node_id is None:
                    continue
                self._connect(_name(child), node_id, link)
                if parent is not None and self._may_see(parent.model):
                    found[parent.id] = parent
        return list(found.values())

    def add_children(
        self, parents: Iterable[LinkedVersion], children: Iterable[LinkedVersion], depth: int
    ) -> list[LinkedVersion]:
        """Add versions that were made from these; returns those to go on from."""
        above = {parent.id: parent for parent in parents}
        found: dict[str, LinkedVersion] = {}
        for child in children:
            links = [link for link in child.lineage if link.version_id in above]
            node_id = self._version_node(child.id, child.model, child, depth) if links else None
            if node_id is None:
                continue
            for link in links:
                self._connect(node_id, _name(above[link.version_id or ""]), link)
            if self._may_see(child.model):
                found[child.id] = child
        return list(found.values())

    def told(self, root: LinkedVersion, direction: Direction, depth: int) -> Lineage:
        """Return the graph."""
        return Lineage(
            model=root.model,
            number=root.number,
            direction=direction,
            depth=depth,
            nodes=sorted(self._nodes.values(), key=lambda node: node.depth),
            edges=list(self._edges.values()),
            is_truncated=self.is_truncated,
        )

    def _may_see(self, model: str) -> bool:
        return self._names.has(model)

    def _connect(self, child: str, parent: str, link: Link) -> None:
        place = (child, parent, link.relation)
        if place in self._edges:
            return
        if len(self._edges) == MAX_EDGES:
            self.is_truncated = True
            return
        self._edges[place] = LineageEdge(child=child, parent=parent, relation=link.relation)

    def _parent_node(self, link: Link, parent: LinkedVersion | None, depth: int) -> str | None:
        if link.version_id is None:
            return self._outside_node(link, depth)
        model = parent.model if parent is not None else link.model or ""
        if parent is None and self._may_see(model):
            node_id = f"{link.model}@{link.number}"
            node = LineageNode(
                id=node_id,
                kind="version",
                depth=depth,
                model=link.model,
                number=link.number,
                version_id=link.version_id,
            )
            return self._put(node)
        return self._version_node(link.version_id, model, parent, depth)

    def _version_node(
        self, version_id: str, model: str, version: LinkedVersion | None, depth: int
    ) -> str | None:
        if version is not None and self._may_see(model):
            return self._place(version, depth)
        if version_id not in self._hidden:
            node_id = f"hidden-{len(self._hidden) + 1}"
            if self._put(LineageNode(id=node_id, kind="hidden", depth=depth)) is None:
                return None
            self._hidden[version_id] = node_id
        return self._hidden[version_id]

    def _outside_node(self, link: Link, depth: int) -> str | None:
        said = (link.kind, link.uri or "", link.name, link.digest, link.revision)
        known = self._outside.get(said)
        if known is not None:
            return known
        node = LineageNode(
            id=f"{link.kind}-{len(self._outside) + 1}",
            kind=link.kind,
            depth=depth,
            uri=link.uri,
            name=link.name,
            digest=link.digest,
            revision=link.revision,
        )
        if self._put(node) is None:
            return None
        self._outside[said] = node.id
        return node.id

    def _place(self, version: LinkedVersion, depth: int) -> str | None:
        node = LineageNode(
            id=_name(version),
            kind="version",
            depth=depth,
            model=version.model,
            number=version.number,
            version_id=version.id,
            label=version.label,
            state=version.state,
        )
        if self._put(node) is None:
            return None
        self.visited.setdefault(version.id, version)
        return node.id

    def _put(self, node: LineageNode) -> str | None:
        """Add a node; None, and the graph is cut, where there is no room for it."""
        if node.id in self._nodes:
            return node.id
        if self.room <= 0:
            self.is_truncated = True
            return None
        self._nodes[node.id] = node
        return node.id


def _name(version: LinkedVersion) -> str:
    return f"{version.model}@{version.number}"
