"""What a search must find, in plain Python: random versions, filters with what they mean, orders.

Nothing of the search is used here: each filter is made together with a function that says which
versions match it.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import JsonValue

from shared.domain.records import ArtifactRecord, VersionRecord

Value = str | int | float | bool | datetime
Matches = Callable[[VersionRecord], bool]
Type = Literal["text", "number", "moment", "any"]

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = (
    "fraud",
    "Detection",
    "churn",
    "Straße",
    "ÉCOLE",
    "modèle",
    "x_y",
    "50%",
    "a*b",
    "[z]",
    "q?",
)
FRAMEWORKS = ("", "pytorch", "PyTorch", "scikit-learn", "Ünit")
STATES = ("pending", "verifying", "ready", "ready", "ready", "rejected", "missing")
NAMESPACES = ("", "", "risk.", "Risk.", "vision-2.")
ALIASES = ("production", "staging", "Champion", "canary", "v-next")
ENTRIES: Mapping[str, Sequence[str]] = {
    "metrics": ("auc", "loss", "f1-score", "val/loss", "nowhere"),
    "params": ("lr", "depth", "mixed", "layers", "optimizer.name", "optimizer.rate", "empty"),
    "tags": ("team", "Team", "stage é", "note", "nowhere"),
    "properties": ("mixed", "owner"),
}
PLAIN: Mapping[str, Type] = {
    **dict.fromkeys(("name", "namespace", "label", "state", "framework"), "text"),
    **dict.fromkeys(("format", "digest", "alias", "description"), "text"),
    **dict.fromkeys(("version", "size"), "number"),
    **dict.fromkeys(("created_at", "ready_at", "archived_at"), "moment"),
}
GROUPS: Mapping[str, Type] = {
    "metrics": "number",
    "params": "any",
    "tags": "text",
    "properties": "any",
}
NO_TYPE_ORDER = (int, str, bool)


@dataclass(frozen=True)
class Asked:
    """A filter, and what it means."""

    text: str
    matches: Matches


@dataclass(frozen=True)
class Sorted:
    """A key of an order."""

    field: str
    text: str
    descending: bool


# Random versions.


def random_versions(rng: random.Random, models: int, of_each: int) -> list[VersionRecord]:
    """Return versions of some models."""
    found: list[VersionRecord] = []
    for place in range(models):
        name = f"{rng.choice(NAMESPACES)}{rng.choice(('churn', 'Fraud', 'ünï', 'm'))}_{place}"
        held: dict[int, list[str]] = {}
        for alias in ALIASES:  # each points at one version at most
            held.setdefault(rng.randint(1, of_each + 2), []).append(alias)
        found += [
            random_version(rng, name, number, held.get(number, ()))
            for number in range(1, of_each + 1)
        ]
    return found


def models_of(records: Sequence[VersionRecord]) -> list[dict[str, Any]]:
    """Return the documents of the versions' models."""
    by_name: dict[str, list[VersionRecord]] = {}
    for record in records:
        by_name.setdefault(record.model, []).append(record)
    return [
        {
            "_id": name,
            "next_number": max(each.number for each in members),
            "sequence": max(each.sequence for each in members),
            "version_count": len(members),
            "latest_number": None,
            "created_at": min(each.created_at for each in members),
        }
        for name, members in by_name.items()
    ]


def random_version(
    rng: random.Random, model: str, number: int, aliases: Sequence[str] = ()
) -> VersionRecord:
    """Return a version of a model: many fields are missing, many values are alike."""
    state: Any = rng.choice(STATES)
    created = BEGUN + timedelta(hours=rng.randrange(200), milliseconds=rng.choice((0, 1, 250)))
    text = [rng.choice(WORDS) for _ in range(rng.randrange(5))]
    return VersionRecord(
        id=f"{rng.getrandbits(128):032x}",
        model=model,
        number=number,
        label=rng.choice((None, None, f"{number}.0", f"Rev {number} é", f"rev-{number}")),
        state=state,
        source="upload",
        storage_group="models",
        artifacts=[random_artifact(rng, model, number, n) for n in range(rng.randint(1, 3))],
        description=" ".join(text),
        framework=rng.choice(FRAMEWORKS),
        metrics=_some(
            rng,
            {
                "auc": rng.choice((0.5, 0.9, 0.91, 1.0, rng.random())),
                "loss": rng.choice((-1.0, 0.0, 1e-9, 3.5)),
                "f1-score": rng.random(),
                "val/loss": rng.randrange(3) / 2,
            },
        ),
        parameters=_some(
            rng,
            {
                "lr": rng.choice((0.1, 0.01, 1)),
                "depth": rng.randrange(5),
                "mixed": random_json(rng),
                "layers": [rng.randrange(4) for _ in range(rng.randrange(4))],
                "optimizer": {
                    "name": rng.choice(("adam", "SGD")),
                    "rate": rng.choice((1, 0.5, None)),
                },
                "empty": rng.choice(("", None)),
            },
        ),
        tags=_some(
            rng,
            {
                "team": rng.choice(("risk", "growth", "Risk")),
                "Team": rng.choice(("a", "b")),
                "stage é": rng.choice(("ÉCOLE", "école", "it's")),
                "note": " ".join(rng.choice(WORDS) for _ in range(2)),
            },
        ),
        properties=_some(rng, {"mixed": random_json(rng), "owner": rng.choice(("ann", "bob"))}),
        aliases=list(aliases),
        size_bytes=rng.choice((0, 10, 2**40, rng.randrange(1000))),
        created_at=created,
        ready_at=created + timedelta(minutes=rng.randrange(3)) if state == "ready" else None,
        archived_at=created + timedelta(hours=1) if rng.random() < 0.1 else None,
        sequence=number,
    )


def random_artifact(rng: random.Random, model: str, number: int, place: int) -> ArtifactRecord:
    """Return a file, verified or not."""
    return ArtifactRecord(
        path=f"{place}.bin",
        key=f"{model}/{number}/{place}.bin",
        size_bytes=1,
        kind="put",
        sha256=rng.choice((None, f"{rng.randrange(50):064x}")),
        format=rng.choice((None, "safetensors", "onnx", "unknown")),
    )


def random_json(rng: random.Random) -> JsonValue:
    """Return a value of any type."""
    choices: list[JsonValue] = [
        1,
        1.0,
        2,
        -0.5,
        "1",
        "text",
        "Text",
        "",
        True,
        False,
        None,
        [1, "a", True],
        {"deep": 1},
    ]
    return rng.choice(choices)


def _some(rng: random.Random, entries: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entries.items() if rng.random() < 0.7}


# What a field holds.


def values_of(record: VersionRecord, field: str) -> list[Value]:
    """Return the values that a version has in a field; it is looked up once."""
    known = _held.get((record.id, field))
    if known is None:
        known = _held[record.id, field] = _values_of(record, field)
    return known


_held: dict[tuple[str, str], list[Value]] = {}


def _values_of(record: VersionRecord, field: str) -> list[Value]:
    group, _, entry = field.partition(".")
    if entry:
        return _entry_values(record, group, entry)
    namespace, dot, _ = record.model.partition(".")
    held: dict[str, Any] = {
        "name": [record.model],
        "namespace": [namespace] if dot else [],
        "version": [record.number],
        "label": [record.label],
        "state": [record.state],
        "framework": [record.framework or None],
        "description": [record.description or None],
        "created_at": [record.created_at],
        "ready_at": [record.ready_at],
        "archived_at": [record.archived_at],
        "size": [record.size_bytes],
        "alias": sorted(record.aliases),
        "format": sorted({each.format for each in record.artifacts if each.format}),
        "digest": sorted({each.sha256 for each in record.artifacts if each.sha256}),
    }
    return [each for each in held[field] if each is not None]


def _entry_values(record: VersionRecord, group: str, entry: str) -> list[Value]:
    held: Any = getattr(record, {"params": "parameters"}.get(group, group))
    for part in entry.split("."):
        held = held.get(part) if isinstance(held, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    listed: list[Any] = held if isinstance(held, list) else [held]  # pyright: ignore[reportUnknownVariableType]
    return [each for each in listed if each is not None and not isinstance(each, dict)]


def of_type(value: Value) -> str:
    """Return the type by which values are compared."""
    for kind in (bool, str, datetime):
        if isinstance(value, kind):
            return kind.__name__
    return "number"


# Random filters.


def random_filter(rng: random.Random, records: Sequence[VersionRecord], depth: int = 3) -> Asked:
    """Return a filter that is likely to match some of the versions, and what it means."""
    choice = rng.random()
    if depth == 0 or choice < 0.4:
        return _random_term(rng, rng.choice(records))
    if choice < 0.55:
        inner = random_filter(rng, records, depth - 1)
        return Asked(f"NOT ({inner.text})", lambda record: not inner.matches(record))
    parts = [random_filter(rng, records, depth - 1) for _ in range(rng.randint(2, 3))]
    text = [f"({each.text})" for each in parts]
    if choice < 0.8:
        return Asked(" AND ".join(text), lambda record: all(p.matches(record) for p in parts))
    return Asked(" or ".join(text), lambda record: any(p.matches(record) for p in parts))


def random_order(rng: random.Random) -> list[Sorted]:
    """Return up to three keys."""
    names = rng.sample(_fields(), rng.randint(1, 3))
    found: list[Sorted] = []
    for name in names:
        direction = rng.choice(("", " asc", " DESC"))
        found.append(Sorted(name, _written_field(name) + direction, direction == " DESC"))
    return found


def _fields() -> list[str]:
    entries = [f"{group}.{entry}" for group, names in ENTRIES.items() for entry in names]
    return [*PLAIN, *entries]


def _type_of(field: str) -> Type:
    group, _, entry = field.partition(".")
    return GROUPS[group] if entry else PLAIN[field]


def _written_field(field: str) -> str:
    group, _, entry = field.partition(".")
    if not entry:
        return group
    parts = [
        part if re.fullmatch(r"[^\W\d][\w-]*", part) else f'"{part}"' for part in entry.split(".")
    ]
    return ".".join((group, *parts))


def _random_term(rng: random.Random, sample: VersionRecord) -> Asked:
    if rng.random() < 0.08:
        return _random_words(rng)
    field = rng.choice(_fields())
    written, kind = _written_field(field), _type_of(field)
    values = values_of(sample, field) or [_other_value(rng, kind)]
    value = rng.choice(values) if rng.random() < 0.8 else _other_value(rng, kind)
    choice = rng.random()
    if choice < 0.1:
        return Asked(f"{written} IS NULL", lambda record: not values_of(record, field))
    if choice < 0.2:
        return Asked(f"{written} is not null", lambda record: bool(values_of(record, field)))
    if choice < 0.4 and isinstance(value, str):
        return _random_like(rng, field, written, value)
    if choice < 0.5:
        return _random_membership(rng, field, written, [value, _other_value(rng, kind)])
    if choice < 0.6 and not isinstance(value, bool):
        return _random_between(rng, field, written, value)
    return _random_comparison(rng, field, written, value)


def _other_value(rng: random.Random, kind: Type) -> Value:
    if kind == "text":
        return rng.choice(("risk", "ready", "zzz", "é"))
    if kind == "moment":
        return BEGUN + timedelta(hours=rng.randrange(200))
    return rng.choice((0, 1, 2, 0.9, 7)) if kind == "number" else rng.choice((1, "text", True))


def _random_comparison(rng: random.Random, field: str, written: str, value: Value) -> Asked:
    operators = ["=", "!="] if isinstance(value, bool) else ["=", "!=", "<", "<=", ">", ">="]
    operator = rng.choice(operators)
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "=": lambda a, b: a == b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
    }

    def matches(record: VersionRecord) -> bool:
        held = values_of(record, field)
        if operator == "!=":
            return bool(held) and not any(_same(each, value) for each in held)
        return any(
            of_type(each) == of_type(value) and tests[operator](each, value) for each in held
        )

    return Asked(f"{written} {operator} {_literal(rng, value)}", matches)


def _random_membership(
    rng: random.Random, field: str, written: str, values: Sequence[Value]
) -> Asked:
    listed = ", ".join(_literal(rng, value) for value in values)
    negated = rng.random() < 0.4

    def matches(record: VersionRecord) -> bool:
        held = values_of(record, field)
        found = any(_same(each, value) for each in held for value in values)
        return bool(held) and not found if negated else found

    return Asked(f"{written} {'NOT IN' if negated else 'in'} ({listed})", matches)


def _random_between(rng: random.Random, field: str, written: str, value: Value) -> Asked:
    low: Any = value
    high: Any = (
        value + timedelta(hours=30)
        if isinstance(value, datetime)
        else value + "z"
        if isinstance(value, str)
        else value + 1
    )
    negated = rng.random() < 0.3

    def matches(record: VersionRecord) -> bool:
        held: list[Any] = values_of(record, field)
        found = any(of_type(each) == of_type(value) and low <= each <= high for each in held)
        return bool(held) and not found if negated else found

    told = f"{_literal(rng, low)} AND {_literal(rng, high)}"
    return Asked(f"{written} {'NOT BETWEEN' if negated else 'between'} {told}", matches)


def _random_like(rng: random.Random, field: str, written: str, value: str) -> Asked:
    folded = rng.random() < 0.5
    start = rng.randrange(len(value) + 1)
    piece = value[start : start + 4]
    piece = piece[:1] + "_" + piece[2:] if rng.random() < 0.3 else piece
    pattern = rng.choice((f"%{piece}%", f"{value[:3]}%", f"%{value[-2:]}", value, f"_{value[1:]}"))
    if folded:
        pattern = rng.choice((pattern.upper(), pattern.lower(), pattern))
    negated = rng.random() < 0.3

    def matches(record: VersionRecord) -> bool:
        held = values_of(record, field)
        found = any(isinstance(each, str) and _like(each, pattern, folded) for each in held)
        return bool(held) and not found if negated else found

    operator = ("NOT " if negated else "") + ("ILIKE" if folded else "like")
    return Asked(f"{written} {operator} {_quoted(pattern)}", matches)


def _random_words(rng: random.Random) -> Asked:
    column = rng.choice(("text", "description"))
    words = [rng.choice(("fraud", "DETECTION", "churn", "école", "growth", "det*", "fr*", "q"))]
    words += [rng.choice(("risk", "churn", "x"))] if rng.random() < 0.3 else []

    def matches(record: VersionRecord) -> bool:
        texts = [record.description]
        if column == "text":
            texts += [record.model, *record.tags, *record.tags.values()]
        held = {word.lower() for text in texts for word in re.findall(r"[^\W_]+", text)}
        return all(_has_word(held, word.lower()) for word in words)

    return Asked(f"{column} HAS {_quoted(' '.join(words))}", matches)


def _has_word(held: set[str], word: str) -> bool:
    if word.endswith("*"):
        return any(each.startswith(word[:-1]) for each in held)
    return word in held


def _same(held: Value, value: Value) -> bool:
    return of_type(held) == of_type(value) and held == value


def _like(text: str, pattern: str, folded: bool) -> bool:
    if folded:
        text, pattern = text.casefold(), pattern.casefold()
    meant = "".join({"%": ".*", "_": "."}.get(each, re.escape(each)) for each in pattern)
    return re.fullmatch(meant, text, re.DOTALL) is not None


def _literal(rng: random.Random, value: Value) -> str:
    if isinstance(value, bool):
        return rng.choice(("true", "TRUE")) if value else "false"
    if isinstance(value, datetime):
        text = value.isoformat()
        return text if rng.random() < 0.5 else f"'{text}'"
    if isinstance(value, str):
        bare = re.fullmatch(r"[^\W\d][\w-]*", value) and value.lower() not in _KEYWORDS
        return value if bare and rng.random() < 0.5 else _quoted(value)
    return repr(value)


_KEYWORDS = frozenset(
    ["and", "or", "not", "like", "ilike", "in", "between", "is", "null", "has", "true", "false"]
)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# The order of what is found.


def in_order(records: Sequence[VersionRecord], order: Sequence[Sorted]) -> list[VersionRecord]:
    """Return the versions in an order: what lacks a key last, ties by name and number."""
    ties = [Sorted(field, field, order[-1].descending) for field in ("name", "version")]
    found = list(records)
    for key in reversed([*order, *ties]):  # each sort leaves equals as the ones before it did
        having = [each for each in found if values_of(each, key.field)]
        lacking = [each for each in found if not values_of(each, key.field)]
        having.sort(key=lambda each: _rank(values_of(each, key.field)[0]), reverse=key.descending)
        found = having + lacking
    return found


def _rank(value: Any) -> tuple[int, Any]:
    return {"number": 0, "datetime": 0, "str": 1, "bool": 2}[of_type(value)], value
