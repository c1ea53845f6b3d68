"""Whether Kafka is there, asked all the time: who was away has missed events when it comes back."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

from shared.kafka.connection import KafkaProbe
from shared.runtime.logs import get_logger
from shared.runtime.progress import Mark, rest_after
from shared.runtime.tasks import heed_cancellation

LOOK_SECONDS = 2.0
"""Pause between two looks. An absence between them is not noticed; no broker starts so fast."""
ANSWER_SECONDS = 2.0
STUCK_SECONDS = 30.0
MAX_DEFECT_PAUSE_SECONDS = 60.0

log = get_logger(__name__)


class KafkaWatch:
    """Calls `on_return` each time Kafka answers after it did not."""

    def __init__(
        self, probe: KafkaProbe, on_return: Callable[[], None], *, was_away: bool = False
    ) -> None:
        self._probe = probe
        self._on_return = on_return
        self._is_away = was_away
        self.mark = Mark("watch of Kafka", STUCK_SECONDS)

    async def run(self) -> NoReturn:
        """Look until cancelled."""
        while True:
            heed_cancellation()
            self.mark.moved()
            try:
                await self._look()
            except Exception as error:
                # A defect: without the watch, comparisons come by their interval alone.
                log.error("Kafka not looked at", exc_info=error)
                await rest_after(error, self.mark, MAX_DEFECT_PAUSE_SECONDS)
                continue
            self.mark.succeeded()
            self.mark.idle(LOOK_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        answers = await self._probe.answers(ANSWER_SECONDS)
        if answers and self._is_away:
            log.warning("Kafka is back")
            self._on_return()
        elif not answers and not self._is_away:
            log.warning("Kafka is away")
        self._is_away = not answers
