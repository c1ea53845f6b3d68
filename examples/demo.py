"""`make demo`: one real model travels the whole line, each step with its time.

    python -m examples.demo http://localhost:8000

It trains a small scikit-learn model, uploads it with a presigned URL, hears the events, looks the
version up, downloads it with its digest checked, and predicts with what came back. It can be run
again: each run makes the next version. `make demo` starts the system first.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false
# scikit-learn ships no types.

import argparse
import asyncio
import pickle
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

import registry
from registry import AsyncModelRegistryClient, ModelEvent, Version

DESCRIPTION = "Train a model, register it, see it announced and fetch it back."
MODEL = "iris-demo"
EVENTS_SECONDS = 30
"""Longest wait for the announcement of the new version."""

console = Console(highlight=False)


def main() -> None:
    """Run the demo against the registry of the command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=DESCRIPTION)
    parser.add_argument("url", nargs="?", default="http://localhost:8000", help="of the registry")
    asyncio.run(_demo(parser.parse_args().url))
    console.print("\nStop it with [bold]make stop[/]; look at it with [bold]registry show[/].")


async def _demo(url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, back = Path(folder, "model.pkl"), Path(folder, "downloaded.pkl")
        with _step("Train a model", "scikit-learn's LogisticRegression on its iris data"):
            accuracy = _train(file)
        async with (
            AsyncModelRegistryClient(url) as client,
            registry.subscribe(url, model=MODEL) as events,
        ):
            with _step("Upload it", "its bytes go straight to storage, by a presigned URL"):
                version = await client.upload(
                    MODEL,
                    file,
                    framework="scikit-learn",
                    metrics={"accuracy": accuracy},
                    parameters={"max_iter": 1000},
                    tags={"from": "make demo"},
                    # Without it a second run would be the same upload, and give the same version.
                    properties={"trained_at": datetime.now(UTC).isoformat()},
                )
                console.print(f"{version.size_bytes} bytes, verified: {version.state}")
            with _step("Hear of it", "model events on Kafka, as CloudEvents"):
                await _show_events(events, version)
            with _step("Look it up", f"GET /v1/models/{MODEL}/versions/latest"):
                _show_version(await client.get_version(MODEL, "latest"))
            with _step("Download it", "the digest is checked while the bytes arrive"):
                await client.download(MODEL, version.number, to=back)
                console.print("size and SHA-256 are those that were verified")
        with _step("Predict with what came back"):
            _predict(back)


def _split() -> tuple[Any, Any, Any, Any]:
    """Return features to train and test with, and their classes."""
    features, classes = load_iris(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(features, classes, random_state=0)
    return train_x, test_x, train_y, test_y


def _train(file: Path) -> float:
    """Fit a model, write it to the file, and return its accuracy on held-out data."""
    train_x, test_x, train_y, test_y = _split()
    model = LogisticRegression(max_iter=1000).fit(train_x, train_y)
    file.write_bytes(pickle.dumps(model))
    accuracy = float(model.score(test_x, test_y))
    console.print(f"accuracy {accuracy:.3f}")
    return accuracy


def _predict(file: Path) -> None:
    # Our own file, whose digest was checked: unpickling runs what is inside.
    model = pickle.loads(file.read_bytes())  # noqa: S301
    _, test_x, _, test_y = _split()
    predicted = model.predict(test_x[:1])[0]
    console.print(f"predicted class {predicted}, true class {test_y[0]}")


async def _show_events(events: registry.Subscription, version: Version) -> None:
    async with asyncio.timeout(EVENTS_SECONDS):
        async for event in events:
            if event.data.version_id == version.id:
                _show_event(event)
                if event.data.state == version.state:
                    return


def _show_event(event: ModelEvent) -> None:
    console.print(f"{event.type}  {event.subject}  sequence {event.sequence}")


def _show_version(version: Version) -> None:
    artifact = version.artifacts[0]
    console.print(f"{version.model} version {version.number}, {version.state}")
    console.print(f"{artifact.key}: {artifact.format}, {artifact.size_bytes} bytes")
    console.print(f"sha256 {artifact.sha256} ({artifact.sha256_state})")


@contextmanager
def _step(title: str, note: str = "") -> Generator[None]:
    console.print(f"\n[bold cyan]{title}[/]  [dim]{note}[/]")
    started = perf_counter()
    yield
    console.print(f"[dim]{perf_counter() - started:.3f} s[/]")


if __name__ == "__main__":
    main()
