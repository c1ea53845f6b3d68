"""Reference of events, settings and the SDK, from the code."""

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import registry
from tools.api_documents import api_documents
from tools.site.http_pages import cell, schema_lines

EXAMPLE = Path(__file__).parents[2] / ".env.example"
_SETTING = re.compile(r"#?([A-Z][A-Z0-9_]*)=(.*)")


def events_page() -> str:
    """Return the page of all events' members."""
    document = json.loads(api_documents()["events.asyncapi.json"])
    lines = [
        "# Events, by field",
        "",
        f"{document['info']['description']} [What they mean](../events.md). The whole as AsyncAPI:"
        " [events.asyncapi.json](../api/events.asyncapi.json).",
        "",
    ]
    for name, schema in document["components"]["schemas"].items():
        lines += schema_lines(name, schema)
    return "\n".join(lines)


def settings_page() -> str:
    """Return the page of all settings, as `.env.example` has them."""
    lines = [
        "# Settings",
        "",
        "Environment variables of the services, also in a file `.env`.",
        "",
        "| setting | default | meaning |",
        "|---|---|---|",
    ]
    told: list[str] = []
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        found = _SETTING.fullmatch(line)
        if found is not None:
            default = f"`{found[2]}`" if found[2] else ""
            lines.append(f"| `{found[1]}` | {cell(default)} | {cell(' '.join(told))} |")
        if line.startswith("# "):
            told.append(line.removeprefix("# "))
        else:
            told = []
    return "\n".join(lines) + "\n"


def sdk_page() -> str:
    """Return the page of every public name of the client, with its signature and what it says."""
    lines = ["# SDK", "", *_quoted(registry), ""]
    for name in sorted(registry.__all__):
        found: Any = getattr(registry, name)
        lines += [f"## `registry.{name}`", "", *_signature(name, found), *_quoted(found), ""]
        if inspect.isclass(found) and name.endswith(("Client", "Cache", "Subscription")):
            lines += _methods(found)
    return "\n".join(lines)


def _methods(of: type) -> Iterator[str]:
    for name, found in inspect.getmembers(of, callable):
        if not name.startswith("_"):
            yield from (f"### `{of.__name__}.{name}`", "", *_signature(name, found))
            yield from (*_quoted(found), "")


def _signature(name: str, found: Any) -> list[str]:
    is_data = inspect.isclass(found) and hasattr(found, "model_fields")
    if not callable(found) or is_data:
        return []
    try:
        signature = str(inspect.signature(found))
    except (TypeError, ValueError):
        return []
    return ["```python", f"{name}{signature}", "```", ""]


def _quoted(found: Any) -> list[str]:
    """Return a docstring as it stands: its examples and lists are laid out by spaces."""
    text = inspect.getdoc(found)
    return ["```text", text, "```"] if text else []
