"""The examples for Kubernetes are YAML, and name what the registry really has."""

from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from registry.schemas.event_types import EVENT_TYPES
from shared.runtime.settings import Settings

EXAMPLES = Path(__file__).parents[3] / "examples"
FILES = sorted(EXAMPLES.glob("*/*.yaml"))


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def texts(value: object) -> list[str]:
    """Every text within a document."""
    if isinstance(value, dict):
        inside = cast("dict[str, object]", value)
        return [text for inner in inside.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in cast("list[object]", value) for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def test_there_are_examples_of_all_that_the_page_names() -> None:
    assert {path.parent.name for path in FILES} >= {"knative", "argo_events", "keda"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_each_document_says_what_it_is_and_where_it_belongs(path: Path) -> None:
    for document in documents(path):
        assert {"apiVersion", "kind", "metadata", "spec"} >= document.keys()
        assert {"apiVersion", "kind", "metadata"} <= document.keys()
        assert document["metadata"].keys() >= {"name", "namespace"}


def test_events_that_are_filtered_for_are_events_of_the_registry() -> None:
    named = {
        text
        for path in FILES
        for document in documents(path)
        for text in texts(document)
        if text.startswith("registry.") and text.endswith(".v1")
    }
    assert named
    assert named <= set(EVENT_TYPES)


def test_the_scaler_reads_the_group_and_the_topic_of_the_notifier() -> None:
    [scaler] = documents(EXAMPLES / "keda" / "notifier-scaler.yaml")
    [trigger] = scaler["spec"]["triggers"]
    fields = Settings.model_fields
    assert trigger["metadata"]["consumerGroup"] == fields["kafka_notifier_group"].default
    assert trigger["metadata"]["topic"] == fields["kafka_model_events_topic"].default
