"""A lineage graph as its reader wants it written."""

import json
from collections.abc import Mapping

from registry.schemas.lineage import LineageFormat
from services.query.lineage.graphs import Read
from shared.domain.lineage.drawings import dot, mermaid
from shared.domain.lineage.openlineage import openlineage_events
from shared.runtime.settings import Settings

MEDIA_TYPES: Mapping[LineageFormat, str] = {
    "json": "application/json",
    "mermaid": "text/plain; charset=utf-8",
    "dot": "text/vnd.graphviz; charset=utf-8",
    "openlineage": "application/json",
}


def written(read: Read, as_format: LineageFormat, settings: Settings) -> str:
    """Return the graph as text."""
    match as_format:
        case "json":
            return read.lineage.model_dump_json()
        case "mermaid":
            return mermaid(read.lineage)
        case "dot":
            return dot(read.lineage)
        case "openlineage":
            events = openlineage_events(
                read.lineage, read.versions, settings.ingest_url, settings.registry_name
            )
            return json.dumps(events, ensure_ascii=False)
