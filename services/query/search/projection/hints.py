"""What changed since the last round, as change streams say; and who waits for the next one."""

import asyncio
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

MOST_HINTS = 100_000
"""Of more changes that wait, it is not kept which they are: everything is compared."""


@dataclass
class Batch:
    """What one round reads again."""

    versions: set[str] = field(default_factory=set[str])
    models: set[str] = field(default_factory=set[str])
    everything: bool = False
    """Whether changes may have been missed, so that all models are to be compared."""
    since: float | None = None
    """When the oldest of these hints came, by the monotonic clock; None without any."""
    waiting: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    """Who waits until versions and models are read."""

    def is_read(self) -> None:
        """Take note that versions and models are read, and tell those who wait for that."""
        for each in self.waiting:
            if not each.done():
                each.set_result(None)
        self.versions, self.models, self.waiting = set(), set(), []
        if not self.everything:
            self.since = None


class Hints:
    """Versions and models that are to be read again: those that wait, and those of a round."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self._waiting = Batch()
        self._under_way = Batch()

    @property
    def since(self) -> float | None:
        """When the oldest one came that is not read yet; None where there is none."""
        told = [self._under_way.since, self._waiting.since]
        return min((each for each in told if each is not None), default=None)

    @property
    def models(self) -> int:
        """How many models are known to have changed; of versions it is not known yet whose."""
        return len(self._under_way.models | self._waiting.models)

    def knows(self, model: str) -> bool:
        """Whether the next round reads a model again anyway."""
        return model in self._waiting.models

    def version_changed(self, version_id: str | None) -> None:
        """Take note that a version changed; None: any may have."""
        self._note(self._waiting.versions, version_id)

    def model_changed(self, name: str | None) -> None:
        """Take note that a model changed; None: any may have."""
        self._note(self._waiting.models, name)

    def compare_everything(self) -> None:
        """Have the next round compare all models; nothing is known to have changed."""
        self._waiting.everything = True

    @contextmanager
    def round(self) -> Generator[Batch]:
        """Give what waits, which waits again where the block fails.

        What comes from here on is the next round's.
        """
        self._under_way, self._waiting = self._waiting, Batch()
        self.wake.clear()
        try:
            yield self._under_way
        except BaseException:
            self._waiting = _both(self._under_way, self._waiting)
            raise
        finally:
            self._under_way = Batch()

    async def read_soon(self, names: Iterable[str]) -> None:
        """Return once a round that began after this call has read these models."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.waiting.append(waiting)
        self._waiting.models.update(names)  # however many there are: somebody waits for these
        self._begin()
        await waiting

    def _note(self, among: set[str], changed: str | None) -> None:
        if changed is None or len(among) >= MOST_HINTS:
            self._waiting.everything = True
        else:
            among.add(changed)
        self._begin()

    def _begin(self) -> None:
        if self._waiting.since is None:
            self._waiting.since = monotonic()
        self.wake.set()


def _both(older: Batch, newer: Batch) -> Batch:
    return Batch(
        older.versions | newer.versions,
        older.models | newer.models,
        older.everything or newer.everything,
        older.since if older.since is not None else newer.since,
        older.waiting + newer.waiting,
    )
