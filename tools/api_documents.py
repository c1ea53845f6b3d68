"""Writes the API documents from the code: `python -m tools.api_documents`.

docs/api/ingest.openapi.json and query.openapi.json describe the HTTP services,
docs/api/events.asyncapi.json the topic of model events. A test compares them with the code.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from registry.schemas import ModelEvent, NamespaceEvent, WebhookEvent
from services.ingest.app import create_app as ingest
from services.query.app import create_app as query
from shared.runtime.settings import Settings

FOLDER = Path(__file__).parent.parent / "docs" / "api"

_LOCAL_REFERENCES = "#/components/schemas/{model}"
_EVENTS: Mapping[str, tuple[type[BaseModel], str]] = {
    "ModelEvent": (ModelEvent, "model name"),
    "NamespaceEvent": (NamespaceEvent, "scope"),
    "WebhookEvent": (WebhookEvent, "subject"),
}
"""Events by the names of their schemas, each with what the key of its messages is."""


def settings_of_documents() -> Settings:
    """Return settings of services that are only asked what they have."""
    return Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue] - pydantic-settings takes it at run time
        mongodb_url=SecretStr("mongodb://localhost"),
        minio_endpoint="localhost:9000",
        minio_access_key=SecretStr(""),
        minio_secret_key=SecretStr(""),
    )


def api_documents() -> dict[str, str]:
    """Return the text of each document by its file name; nothing is started."""
    settings = settings_of_documents()
    documents: Mapping[str, Any] = {
        "ingest.openapi.json": ingest(settings).openapi(),
        "query.openapi.json": query(settings).openapi(),
        "events.asyncapi.json": _asyncapi(settings),
    }
    return {
        name: json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        for name, content in documents.items()
    }


def _asyncapi(settings: Settings) -> dict[str, Any]:
    schemas: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for name, (model, _) in _EVENTS.items():
        schemas[name] = model.model_json_schema(
            ref_template=_LOCAL_REFERENCES, mode="serialization"
        )
        definitions |= schemas[name].pop("$defs")
    names = {name[0].lower() + name[1:]: name for name in _EVENTS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Model Registry: model events",
            "version": "1",
            "description": "Each state change of a model version, at least once, in order per "
            "model. Whoever drops `sequence <= last seen` of a model sees each exactly once.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            "modelEvents": {
                "address": settings.kafka_model_events_topic,
                "messages": {
                    message: {"$ref": f"#/components/messages/{name}"}
                    for message, name in names.items()
                },
            }
        },
        "operations": {
            "announce": {
                "action": "send",
                "channel": {"$ref": "#/channels/modelEvents"},
                "messages": [
                    {"$ref": f"#/channels/modelEvents/messages/{message}"} for message in names
                ],
            }
        },
        "components": {
            "messages": {name: _message(name, key) for name, (_, key) in _EVENTS.items()},
            "schemas": {**schemas, **definitions},
        },
    }


def _message(name: str, key: str) -> dict[str, Any]:
    return {
        "title": "CloudEvents 1.0, structured mode",
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}}},
    }


def main() -> None:
    """Write every document."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in api_documents().items():
        (FOLDER / name).write_text(text)
        sys.stdout.write(f"docs/api/{name}\n")


if __name__ == "__main__":
    main()
