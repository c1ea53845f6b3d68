"""Reference of the HTTP services, from their OpenAPI documents."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tools.api_documents import api_documents


def http_page(service: str) -> str:
    """Return the page of one service: each operation, and the schemas below."""
    document = json.loads(api_documents()[f"{service}.openapi.json"])
    lines = [
        f"# HTTP: {service}",
        "",
        f"{document['info'].get('summary', '')} The whole as OpenAPI:"
        f" [{service}.openapi.json](../api/{service}.openapi.json).",
        "",
    ]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            lines += _operation(f"{method.upper()} {path}", operation)
    lines += ["## Schemas", ""]
    for name, schema in sorted(document["components"]["schemas"].items()):
        lines += schema_lines(name, schema)
    return "\n".join(lines)


def schema_lines(name: str, schema: Mapping[str, Any]) -> list[str]:
    """Return the section of one schema: what it is, and its members."""
    lines = [f"### {name}", "", _text(schema.get("description", "")), ""]
    members: Mapping[str, Any] = schema.get("properties", {})
    if members:
        required = schema.get("required", ())
        lines += ["| member | type | |", "|---|---|---|"]
        lines += [
            f"| `{member}` | {_type(of)} | {'required' if member in required else ''}"
            f" {_text(of.get('description', ''))} |"
            for member, of in members.items()
        ]
        lines.append("")
    return lines


def _operation(name: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"## `{name}`", "", operation.get("summary", ""), "")
    if description := operation.get("description"):
        yield from (_text(description), "")
    if parameters := operation.get("parameters"):
        yield from ("| parameter | in | type | |", "|---|---|---|---|")
        for each in parameters:
            told = _text(each.get("description", ""))
            needed = "required " if each.get("required") else ""
            yield f"| `{each['name']}` | {each['in']} | {_type(each['schema'])} | {needed}{told} |"
        yield ""
    body = operation.get("requestBody", {}).get("content", {})
    for media, content in body.items():
        yield from (f"Body, `{media}`: {_type(content.get('schema', {}))}", "")
    for status, answer in operation["responses"].items():
        kinds = [_type(each.get("schema", {})) for each in answer.get("content", {}).values()]
        yield f"- **{status}** {_text(answer.get('description', ''))} {', '.join(kinds)}"
    yield ""


def _type(schema: Mapping[str, Any]) -> str:
    if reference := schema.get("$ref"):
        name = reference.rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_type(each) for each in schema[several])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return f"`{schema['type']}`" if "type" in schema else "any"


def cell(text: str) -> str:
    """Return a text as it may stand in a cell of a table."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _text(text: str) -> str:
    """Return a description in one line, no part of which is read as a link."""
    return cell(" ".join(text.split())).replace("[", "\\[")
