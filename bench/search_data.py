"""What the benchmark of search is made from, the same for both registries, and what it asks."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

TOPICS = ("fraud", "churn", "vision", "speech", "ranking", "pricing", "demand", "anomaly", "intent")
TEAMS = ("risk", "growth", "ads", "search", "core")
FRAMEWORKS = ("pytorch", "scikit-learn", "xgboost")
NAMESPACES = ("risk.", "ads.", "", "")
SEED = 7


@dataclass(frozen=True)
class Plain:
    """A version, as a registry that knows no more would keep it."""

    model: str
    number: int
    description: str
    framework: str
    auc: float
    loss: float
    depth: int
    tags: dict[str, str]
    aliases: list[str]
    size_bytes: int
    created_at: datetime


@dataclass(frozen=True)
class Shape:
    """One kind of question: for each value of chance a filter, ours and MLflow's."""

    name: str
    ours: Callable[[random.Random], str]
    order_by: str = ""
    theirs: Callable[[random.Random], str] | None = None
    """None: MLflow's search of versions has no word for it."""
    with_count: bool = False


def versions(models: int, of_each: int) -> Iterator[Plain]:
    """Yield the versions, model after model."""
    chance = random.Random(SEED)  # noqa: S311
    for place in range(models):
        name = model_name(place)
        for number in range(1, of_each + 1):
            yield Plain(
                name,
                number,
                f"a {chance.choice(TOPICS)} model on {chance.choice(TOPICS)} data, run {place}",
                chance.choice(FRAMEWORKS),
                chance.random(),
                chance.random() * 3,
                chance.randrange(20),
                {"team": chance.choice(TEAMS), "stage": chance.choice(("dev", "prod"))},
                [name for at, name in ((of_each, "production"), (1, "first")) if number == at],
                chance.randrange(10**9),
                datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(10**7)),
            )


def model_name(place: int) -> str:
    """Return the name of a model."""
    chance = random.Random(place)  # noqa: S311
    return f"{chance.choice(NAMESPACES)}{chance.choice(TOPICS)}-{place:05}"


def shapes(models: int) -> list[Shape]:
    """Return what is asked."""

    def name(chance: random.Random) -> str:
        return f"name = '{model_name(chance.randrange(models))}'"

    def team(chance: random.Random) -> str:
        return chance.choice(TEAMS)

    def topic(chance: random.Random) -> str:
        return chance.choice(TOPICS)

    return [
        Shape("name =", name, theirs=name),
        Shape("alias =", lambda _: "alias = production"),
        Shape("metric >, few", lambda c: f"metrics.auc > {c.uniform(0.998, 0.9995)}"),
        Shape(
            "metric > and tag =, by metric",
            lambda c: f"metrics.auc > {c.uniform(0.85, 0.95)} AND tags.team = {team(c)}",
            "metrics.auc desc",
        ),
        Shape(
            "name LIKE prefix",
            lambda c: f"name LIKE 'risk.{topic(c)}%'",
            theirs=lambda c: f"name LIKE 'risk.{topic(c)}%'",
        ),
        Shape(
            "name ILIKE infix",
            lambda c: f"name ILIKE '%{topic(c).upper()[1:]}%'",
            theirs=lambda c: f"name ILIKE '%{topic(c).upper()[1:]}%'",
        ),
        Shape("OR", lambda c: f"alias = production OR metrics.auc > {c.uniform(0.99, 0.999)}"),
        Shape(
            "two IN",
            lambda c: (
                f"tags.team IN ({team(c)}, {team(c)}) AND params.depth IN (1, {c.randrange(20)})"
            ),
        ),
        Shape(
            "two tags =",
            lambda c: f"tags.team = {team(c)} AND tags.stage = prod",
            theirs=lambda c: f"tags.team = '{team(c)}' AND tags.stage = 'prod'",
        ),
        Shape(
            "broad, by metric",
            lambda c: f"tags.stage = prod AND framework != {c.choice(FRAMEWORKS)}",
            "metrics.auc desc",
        ),
        Shape("words", lambda c: f"text HAS '{topic(c)} {topic(c)}'"),
        Shape(
            "two broad, with count",
            lambda c: (
                f"metrics.auc > {c.uniform(0.4, 0.6)} AND metrics.loss < {c.uniform(0.8, 1.2)}"
            ),
            "created_at desc",
            with_count=True,
        ),
    ]
