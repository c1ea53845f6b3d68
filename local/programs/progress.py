"""How far each download or build is: one line each, moving on a terminal, plain elsewhere."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Report = Callable[[str], None]
"""Told how far one item is. An item that has nothing to do never calls it."""
Observer = Callable[[str], AbstractContextManager[Report]]
"""Given an item's name; the context lasts as long as the work on it."""


@contextmanager
def silent(name: str) -> Generator[Report]:
    """Show nothing."""
    yield lambda detail: None


@contextmanager
def plain(name: str) -> Generator[Report]:
    """One line when the work on an item begins and one when it is done."""
    begun: list[float] = []

    def report(detail: str) -> None:
        if not begun:
            begun.append(time.monotonic())
            print(f"{name}: {detail} ...", file=sys.stderr, flush=True)

    yield report
    if begun:
        print(f"{name}: done in {time.monotonic() - begun[0]:.1f} s", file=sys.stderr, flush=True)


@contextmanager
def shown() -> Generator[Observer]:
    """An observer for the terminal, or for a log when standard error is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield plain
        return
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description:8}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield lambda name: _moving(progress, name)


@contextmanager
def _moving(progress: Progress, name: str) -> Generator[Report]:
    task = progress.add_task(name, total=1, detail="", visible=False)
    yield lambda detail: progress.update(task, detail=detail, visible=True)
    progress.update(task, completed=1, detail="done")
