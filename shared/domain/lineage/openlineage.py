"""Lineage graphs as OpenLineage events: https://openlineage.io/docs/spec/object-model.

Each version that was made from something is the output of one run, whose inputs are its parents
and data sets.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from registry.schemas.lineage import Lineage, LineageEdge, LineageNode
from shared.domain.lineage.links import LinkedVersion

RUN_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_CODE_FACET = (
    "https://openlineage.io/spec/facets/1-0-1/SourceCodeLocationJobFacet.json"
    "#/$defs/SourceCodeLocationJobFacet"
)
_VERSION_FACET = (
    "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json"
    "#/$defs/DatasetVersionDatasetFacet"
)
_BASE_FACET = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/BaseFacet"
_ELSEWHERE = "external"
"""Namespace of a data set whose URI has none."""


def openlineage_events(
    graph: Lineage, versions: Iterable[LinkedVersion], producer: str, namespace: str
) -> list[dict[str, Any]]:
    """Return one RunEvent for each told version that has anything it was made from.

    `producer` is a URI that says who tells this; `namespace` is this registry's.
    """
    nodes = {node.id: node for node in graph.nodes}
    made_from: dict[str, list[LineageEdge]] = defaultdict(list)
    for edge in graph.edges:
        made_from[edge.child].append(edge)
    events: list[dict[str, Any]] = []
    for version in versions:
        node = nodes[f"{version.model}@{version.number}"]
        if edges := made_from.get(node.id):
            events.append(_event(version, node, edges, nodes, producer, namespace))
    return events


def _event(
    version: LinkedVersion,
    node: LineageNode,
    edges: Iterable[LineageEdge],
    nodes: dict[str, LineageNode],
    producer: str,
    namespace: str,
) -> dict[str, Any]:
    run: dict[str, Any] = {"runId": str(UUID(hex=version.id))}
    job: dict[str, Any] = {"namespace": namespace, "name": version.model}
    inputs: list[dict[str, Any]] = []
    for edge in edges:
        parent = nodes[edge.parent]
        if parent.kind == "run":
            told = {"id": parent.name, "uri": parent.uri}
            run["facets"] = {"modelRegistry_run": _facet(told, _BASE_FACET, producer)}
        elif parent.kind == "code":
            told = {"type": "git", "url": parent.uri, "version": parent.revision}
            job["facets"] = {"sourceCodeLocation": _facet(told, _CODE_FACET, producer)}
        else:
            inputs.append(_input(parent, edge, producer, namespace))
    return {
        "eventType": "COMPLETE",
        "eventTime": (version.ready_at or version.created_at).isoformat(),
        "producer": producer,
        "schemaURL": RUN_EVENT,
        "run": run,
        "job": job,
        "inputs": inputs,
        "outputs": [_dataset(node, producer, namespace)],
    }


def _input(node: LineageNode, edge: LineageEdge, producer: str, namespace: str) -> dict[str, Any]:
    told = _dataset(node, producer, namespace)
    relation = _facet({"relation": edge.relation}, _BASE_FACET, producer)
    return {**told, "inputFacets": {"modelRegistry_relation": relation}}


def _dataset(node: LineageNode, producer: str, namespace: str) -> dict[str, Any]:
    if node.kind == "hidden":
        return {"namespace": namespace, "name": node.id}
    if node.kind == "version":
        facet = _facet({"datasetVersion": str(node.number)}, _VERSION_FACET, producer)
        name = {"namespace": namespace, "name": str(node.model)}
        return {**name, "facets": {"version": facet}}
    space, name = _split(node.uri or "")
    found: dict[str, Any] = {"namespace": space, "name": name}
    if node.digest:
        facet = _facet({"datasetVersion": node.digest}, _VERSION_FACET, producer)
        found["facets"] = {"version": facet}
    return found


def _split(uri: str) -> tuple[str, str]:
    """Return namespace and name of a URI: `s3://bucket` and `path`, as OpenLineage names them."""
    scheme, sign, rest = uri.partition("://")
    authority, _, path = rest.partition("/")
    if not sign or not path:
        return _ELSEWHERE, uri
    return f"{scheme}://{authority}", path


def _facet(told: dict[str, Any], schema: str, producer: str) -> dict[str, Any]:
    return {"_producer": producer, "_schemaURL": schema, **told}
