"""What changed since the last round, as change streams say; and who waits for the next one."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic

MOST_HINTS = 100_000
"""Of more changes that wait, it is not kept which they are: everything is compared."""


@dataclass
class Batch:
    """What one round reads again."""

    versions: set[str] = field(default_factory=set[str])
    models: set[str] = field(default_factory=set[str])
    since: float | None = None
    """When the oldest of these hints came, by the monotonic clock; None without any."""
    waiting: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    """Who waits until it is read."""

    def is_read(self) -> None:
        """Tell those who wait."""
        for each in self.waiting:
            if not each.done():
                each.set_result(None)


class Hints:
    """Versions and models that are to be read again."""

    def __init__(self) -> None:
        self.everything = False
        """Whether changes may have been missed, so that all models are to be compared."""
        self.wake = asyncio.Event()
        self._batch = Batch()

    @property
    def since(self) -> float | None:
        """When the oldest one came; None where nothing waits."""
        return self._batch.since

    @property
    def models(self) -> int:
        """How many models are known to have changed; of versions it is not known yet whose."""
        return len(self._batch.models)

    def knows(self, model: str) -> bool:
        """Whether a model is to be read again anyway."""
        return model in self._batch.models

    def version_changed(self, version_id: str | None) -> None:
        """Take note that a version changed; None: any may have."""
        self._note(self._batch.versions, version_id)

    def model_changed(self, name: str | None) -> None:
        """Take note that a model changed; None: any may have."""
        self._note(self._batch.models, name)

    def take(self) -> Batch:
        """Return what waits; what comes from here on is the next round's."""
        taken, self._batch = self._batch, Batch()
        self.wake.clear()
        return taken

    def give_back(self, batch: Batch) -> None:
        """Take note again of what could not be read."""
        now = self._batch
        since = batch.since if batch.since is not None else now.since
        self._batch = Batch(
            batch.versions | now.versions,
            batch.models | now.models,
            since,
            batch.waiting + now.waiting,
        )

    async def read_soon(self, names: Iterable[str]) -> None:
        """Return once a round that began after this call has read these models."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._batch.waiting.append(waiting)
        self._batch.models.update(names)  # however many there are: somebody waits for these
        self._begin()
        await waiting

    def _note(self, among: set[str], changed: str | None) -> None:
        if changed is None or len(among) >= MOST_HINTS:
            self.everything = True
        else:
            among.add(changed)
        self._begin()

    def _begin(self) -> None:
        if self._batch.since is None:
            self._batch.since = monotonic()
        self.wake.set()
