"""Progress on stderr, where that is a terminal."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.importing.report import Watch
    from registry.transfer.progress import Progress


@contextmanager
def progress_bar(title: str, *, at_once: bool = True) -> "Generator[Progress | None]":
    """Show a progress bar on stderr while the block runs; None where that is no terminal.

    Unless it is to be there `at_once`, nothing is shown until there is some progress.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as ProgressBar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    bar = ProgressBar(
        *(*columns, TransferSpeedColumn(), TimeRemainingColumn()),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(title, total=None)

    def report(done_bytes: int, total_bytes: int) -> None:
        bar.start()  # means nothing to one that is there
        bar.update(task, completed=done_bytes, total=total_bytes)

    try:
        if at_once:
            bar.start()
        yield report
    finally:
        if bar.live.is_started:  # else it would print an empty line on a terminal that is dumb
            bar.stop()


@contextmanager
def running_count(title: str) -> "Generator[Watch | None]":
    """Show on stderr what a run has done while the block runs; None where that is no terminal.

    How much there is in all, a source does not tell: there is a rate, and no time that is left.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import DownloadColumn, TextColumn, TimeElapsedColumn, TransferSpeedColumn
    from rich.progress import Progress as ProgressBar

    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn())
    with ProgressBar(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task(title, total=None)

        def tell(versions: int, sent_bytes: int) -> None:
            bar.update(task, description=f"{title}: {versions} versions", completed=sent_bytes)

        yield tell
