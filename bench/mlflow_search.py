"""MLflow's search of versions, over its own SQLite store: run with MLflow installed, by itself.

`python -m bench.mlflow_search MODELS OF_EACH ASKED FOLDER` prints milliseconds by shape, as JSON.
"""

import importlib
import json
import random
import sqlite3
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.search_data import SEED, shapes, versions

PAGE = 20


def main() -> None:
    """Fill a store, and ask it what it has words for."""
    models, of_each, asked, folder = *map(int, sys.argv[1:4]), Path(sys.argv[4])
    mlflow: Any = importlib.import_module("mlflow")  # it is installed where this runs alone
    path = folder / "mlflow.sqlite"
    address = f"sqlite:///{path}"
    client: Any = mlflow.MlflowClient(registry_uri=address, tracking_uri=address)
    client.search_registered_models()  # it makes its tables
    _fill(path, models, of_each)
    found: dict[str, list[float]] = {}
    for shape in shapes(models):
        if shape.theirs is not None:
            chance = random.Random(SEED)  # noqa: S311
            found[shape.name] = [_ask(client, shape.theirs(chance)) for _ in range(asked)]
    print(json.dumps({"version": mlflow.__version__, "ms": found}))


def _ask(client: Any, text: str) -> float:
    begun = perf_counter()
    found = client.search_model_versions(text, max_results=PAGE)
    taken = (perf_counter() - begun) * 1000
    if text.startswith("name =") and not found:
        raise SystemExit(f"nothing found by {text}")
    return taken


def _fill(path: Path, models: int, of_each: int) -> None:
    """Write its tables as its own client would have left them, in one transaction."""
    with sqlite3.connect(path) as store:
        for version in versions(models, of_each):
            at = int(version.created_at.timestamp() * 1000)
            if version.number == 1:
                _insert(store, "registered_models", name=version.model, creation_time=at)
            _insert(
                store,
                "model_versions",
                name=version.model,
                version=version.number,
                creation_time=at,
                last_updated_time=at,
                description=version.description,
                current_stage="None",
                source="s3://models/x",
                status="READY",
            )
            told = {**version.tags, "auc": str(version.auc), "loss": str(version.loss)}
            for key, value in told.items():
                _insert(
                    store,
                    "model_version_tags",
                    name=version.model,
                    version=version.number,
                    key=key,
                    value=value,
                )
            for alias in version.aliases:
                _insert(
                    store,
                    "registered_model_aliases",
                    name=version.model,
                    alias=alias,
                    version=version.number,
                )


def _insert(store: sqlite3.Connection, table: str, **values: object) -> None:
    columns = {row[1] for row in store.execute(f"PRAGMA table_info({table})")}
    if "workspace" in columns:
        values["workspace"] = "default"
    marks = ", ".join("?" * len(values))
    store.execute(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})",  # noqa: S608
        list(values.values()),
    )


main()
