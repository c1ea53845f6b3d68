"""The figures of one process, as Prometheus reads them."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from shared.runtime.settings import Settings
from shared.runtime.telemetry.certificates import certificate
from shared.runtime.telemetry.loop_delay import LoopDelay
from shared.runtime.telemetry.samples import Samples

CONTENT_TYPE = CONTENT_TYPE_LATEST
WRITTEN_SECONDS = 1.0
"""How long what was written is answered again."""


class Metrics:
    """A registry of the process's own, with what every process tells."""

    def __init__(self) -> None:
        # When each series began: twice the lines, and rates need it not.
        disable_created_metrics()
        self.registry = CollectorRegistry(auto_describe=True)
        """Where each part keeps its figures."""
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.samples = Samples(self.registry)
        """Figures that are asked for when somebody scrapes."""
        self.loop_delay = LoopDelay(self.registry)
        self._writing = asyncio.Lock()
        self._written: tuple[float, bytes] | None = None

    async def text(self) -> bytes:
        """Return all figures; those that cannot be asked for now are left out, and told of.

        However many scrape, they are written once a second: anybody may ask for them.
        """
        async with self._writing:
            if self._written is None or monotonic() - self._written[0] >= WRITTEN_SECONDS:
                await self.samples.refresh()
                # In a thread: some thousand lines take some tens of milliseconds.
                text = await asyncio.to_thread(generate_latest, self.registry)
                self._written = (monotonic(), text)
            return self._written[1]


def metrics_of(settings: Settings) -> Metrics | None:
    """Return the figures of a process; None where settings switch them off."""
    if not settings.metrics_enabled:
        return None
    metrics = Metrics()
    metrics.samples.add(certificate(settings.tls_cert_file))
    return metrics


@contextmanager
def measured(metrics: Metrics | None) -> Generator[None]:
    """Measure what goes on by itself during the block; nothing where figures are off."""
    if metrics is None:
        yield
        return
    metrics.loop_delay.start()
    try:
        yield
    finally:
        metrics.loop_delay.stop()
