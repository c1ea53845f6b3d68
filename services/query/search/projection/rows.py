"""What the projection holds of a version and of a model: one function each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from itertools import chain, islice
from math import isnan
from typing import Any

from pydantic import JsonValue

from registry.schemas import Model, VersionSummary
from services.query.search.language.bounds import MAX_TEXT_CHARACTERS
from services.query.search.language.values import milliseconds
from shared.database.collection import Document
from shared.database.versions import LISTED_REASONS
from shared.domain.names import namespace_of
from shared.domain.records import VersionRecord

MAX_LIST_VALUES = 100
"""Of a list among the metadata so many values are searched."""
MAX_NAME_CHARACTERS = 512
"""An entry of a longer name is not searched. What lies below objects has their names in its own, so
that a few long ones above many entries would make hundreds of megabytes of one version."""
MAX_VALUES = 5_000
"""Of one version, or model, so many values of entries are searched."""
Value = str | int | float | bytes
FALSE, TRUE = b"\x00", b"\x01"


@dataclass(frozen=True, slots=True)
class Row:
    """A version or a model as the tables hold it."""

    key: str
    """The id of the version, or the model's name."""
    columns: Mapping[str, str | int | None]
    facets: Sequence[tuple[str, int, Value]]
    """Name of a field or an entry, the value's place among those of the same name, the value."""
    words: tuple[str, str | None, str]
    """Name, description and tags."""
    item: str
    """What is answered, as JSON."""

    def mark(self) -> bytes:
        """Return a digest of all that is held, by which a row is told from another."""
        held = (self.key, self.columns, list(self.facets), self.words, self.item)
        return blake2b(repr(held).encode(errors="backslashreplace"), digest_size=16).digest()


def version_row(record: VersionRecord) -> Row | None:
    """Return the row of a version; None for one that nobody is to find any more."""
    if record.state == "deleted":
        return None
    facets: dict[str, Sequence[Value]] = {
        "format": sorted({each.format for each in record.artifacts if each.format}),
        "digest": sorted({each.sha256 for each in record.artifacts if each.sha256}),
        "alias": sorted(record.aliases),
    }
    facets |= _entries(
        metrics=record.metrics,
        tags=record.tags,
        params=record.parameters,
        properties=record.properties,
    )
    columns: dict[str, str | int | None] = {
        "model": record.model,
        "number": record.number,
        "namespace": namespace_of(record.model),
        "label": record.label or None,
        "state": record.state,
        "framework": record.framework or None,
        "created_at": _time(record.created_at),
        "ready_at": _time(record.ready_at),
        "archived_at": _time(record.archived_at),
        "size": record.size_bytes,
    }
    words = _words(record.model, record.description, record.tags)
    return Row(record.id, columns, _placed(facets), words, _summary(record).model_dump_json())


def model_row(document: Document) -> Row:
    """Return the row of a model."""
    model = Model.model_validate({**document, "name": document["_id"]})
    tags: dict[str, str] = document.get("tags") or {}
    columns: dict[str, str | int | None] = {
        "model": model.name,
        "namespace": namespace_of(model.name),
        "versions": model.version_count,
        "latest": model.latest_number,
        "created_at": _time(model.created_at),
    }
    words = _words(model.name, document.get("description") or "", tags)
    facets = _placed(_entries(tags=tags))
    return Row(model.name, columns, facets, words, model.model_dump_json())


def _summary(record: VersionRecord) -> VersionSummary:
    told = {name: getattr(record, name, None) for name in VersionSummary.model_fields}
    told |= {"file_count": len(record.artifacts), "reasons": record.reasons[:LISTED_REASONS]}
    return VersionSummary.model_construct(**told)


def _time(moment: datetime | None) -> int | None:
    return int(milliseconds(moment)) if moment is not None else None


def _words(name: str, description: str, tags: Mapping[str, str]) -> tuple[str, str | None, str]:
    told = "\n".join(f"{each} {text}" for each, text in tags.items())
    return name, _without_nul(description) or None, _without_nul(told)


def _entries(**groups: Mapping[str, JsonValue]) -> dict[str, Sequence[Value]]:
    """Return the values by their names; those of the first groups come before too many do."""
    found: dict[str, list[Value]] = {}
    every = chain.from_iterable(_flat(group, dict(each)) for group, each in groups.items())
    for name, value in islice(every, MAX_VALUES):
        found.setdefault(name, []).append(value)
    return dict(found)


def _flat(name: str, value: JsonValue) -> Iterator[tuple[str, Value]]:
    """Yield the values below a name: those of an object below its own names, those of a list."""
    if len(name) > MAX_NAME_CHARACTERS:
        return
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from _flat(f"{name}.{inner}", each)
    elif isinstance(value, list):
        for each in value[:MAX_LIST_VALUES]:
            yield from _flat(name, each)
    elif isinstance(value, bool):
        yield name, TRUE if value else FALSE
    elif isinstance(value, str):
        yield name, clipped(value)
    elif value is not None and not isnan(value):
        yield name, value


def clipped(text: str) -> str:
    """Return as much of a text as is compared; SQLite would end it at a NUL."""
    return _without_nul(text[:MAX_TEXT_CHARACTERS])


def _without_nul(text: str) -> str:
    return text.replace("\0", "\ufffd")


def _placed(facets: Mapping[str, Sequence[Value]]) -> Sequence[tuple[str, int, Value]]:
    return [
        (name, place, value)
        for name, values in facets.items()
        for place, value in enumerate(values)
    ]


def folded(text: Any) -> str | None:
    """Return as much of a text as ILIKE compares, where SQLite's own lower() does not make it."""
    if not isinstance(text, str):
        return None
    compared = clipped(text)
    return None if compared.isascii() else compared.casefold()
