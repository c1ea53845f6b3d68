"""Requests that nobody means, made at random from an OpenAPI document."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

Schema = Mapping[str, Any]

ODD_TEXTS: Final = (
    *("", " ", "0", "-1", "1e999", "latest", "@production", "@", "null", "true", "*", "a.*"),
    *("..", "a/b", "a\\b", "%00", "nul\0", "line\nbreak", "\ud800", "é" * 40, "x" * 300, "🚀"),
    *("$where", "{'$gt': ''}", "9" * 30, "2026-11-01T00:00:00Z", "9999-12-31T23:59:59-23:59"),
    *("0001-01-01T00:00:00+23:59", "bm90IGEgY3Vyc29y", "' OR 1=1", 'W/"1"', '"1"', '""'),
)
ODD_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**300, 0.5, -0.0, 1e308),
    *([], {}, [[]], [None], {"": ""}, {"$gt": 1}, {"a.b": 1}, {"a": {"b": {"c": []}}}),
)
ODD_BODIES: Final = (
    *(b"", b"null", b"[]", b"0", b'"x"', b"{", b"\xff\xfe", b"{}" * 2, b'{"a":NaN}'),
    *(b"[" * 5000, b'{"a":' * 5000, b'{"a":1,"a":2}', b'{"\\ud800":"\\ud800"}'),
)


@dataclass(frozen=True)
class OddRequest:
    """One of them; `body` is JSON, or what is sent in its place."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes | None

    def __str__(self) -> str:
        body = (self.body or b"")[:500]
        return f"{self.method} {self.path} {self.query} {self.headers} {body!r}"


@dataclass(frozen=True)
class OddRequests:
    """Makes them for every operation of one document; `known` are values by a parameter's name."""

    document: Mapping[str, Any]
    known: Mapping[str, str]
    random: random.Random

    def __iter__(self) -> Iterator[OddRequest]:
        """Yield one request for each operation."""
        for path, operations in self.document["paths"].items():
            for method, operation in operations.items():
                yield self._request(method.upper(), path, operation)

    def _request(self, method: str, path: str, operation: Mapping[str, Any]) -> OddRequest:
        query: list[tuple[str, str]] = []
        headers: dict[str, str] = {}
        for parameter in operation.get("parameters", ()):
            name, place = parameter["name"], parameter["in"]
            if place == "path":
                text = self.known[name] if self._often() else self._text() or "-"
                path = path.replace(f"{{{name}}}", quote(text, safe="", errors="replace"))
            elif place == "query" and self._often():
                query += [
                    (name, _sendable(self._text())) for _ in range(self.random.choice((1, 2)))
                ]
            elif place == "header" and self._often():
                headers[name] = self._text().encode("ascii", "replace").decode().strip()
        headers = {name: value for name, value in headers.items() if value.isprintable()}
        return OddRequest(method, path, query, headers, self._body(operation, headers))

    def _body(self, operation: Mapping[str, Any], headers: dict[str, str]) -> bytes | None:
        content = operation.get("requestBody", {}).get("content", {})
        if not content:
            return None
        [(media_type, told)] = content.items()
        headers["content-type"] = media_type if self._often() else "text/plain"
        if not self._often():
            return self.random.choice(ODD_BODIES)
        return json.dumps(self._value(told["schema"], 0)).encode()

    def _value(self, schema: Schema, depth: int) -> Any:
        """Return a value that mostly has the shape of the schema, and odd ones in places."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return self._value(self.document["components"]["schemas"][name], depth)
        if depth > 6 or self.random.random() < 0.15:
            return self.random.choice((*ODD_VALUES, self._text()))
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            return self._value(self.random.choice(choices), depth)
        if "enum" in schema:
            return self.random.choice(schema["enum"])
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                items = schema.get("items", {})
                return [self._value(items, depth + 1) for _ in range(self.random.choice((0, 1, 3)))]
            case "integer":
                return self.random.choice((1, 2, 0, -1, 2**40))
            case "number":
                return self.random.choice((0.5, 1, -1e300))
            case "boolean":
                return self.random.choice((True, False))
            case "string":
                known = (*self.known.values(), "0" * 64, "model.bin")
                return self.random.choice(known) if self._often() else self._text()
            case _:
                return self.random.choice(ODD_VALUES)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        made = {
            name: self._value(each, depth + 1)
            for name, each in schema.get("properties", {}).items()
            if name in required or self.random.random() < 0.5
        }
        further = schema.get("additionalProperties")
        if further:
            inner: Schema = {} if further is True else further
            made[self._text()] = self._value(inner, depth + 1)
        return made

    def _text(self) -> str:
        return self.random.choice(ODD_TEXTS)

    def _often(self) -> bool:
        return self.random.random() < 0.7


def _sendable(text: str) -> str:
    """Return text that can be sent as UTF-8; of JSON bodies it is escaped instead."""
    return text.encode(errors="replace").decode()
