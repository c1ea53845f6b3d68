"""The call of the client that follows model events over HTTP."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Literal

from pydantic import ValidationError

from registry._api import Api
from registry._event_stream import EventSource
from registry._retry import RetryPolicy
from registry.errors import ProtocolError
from registry.schemas.events import StreamedEvent

MOST_REMEMBERED = 10_000
"""Events among which a repetition is recognised."""


class EventCalls:
    """Follows model events."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def follow_events(
        self,
        models: Sequence[str] = (),
        *,
        types: Sequence[str] = (),
        aliases: Sequence[str] = (),
        start: Literal["now", "beginning"] = "now",
        last_event_id: str | None = None,
        follow: bool = True,
    ) -> AsyncIterator[StreamedEvent]:
        """Yield model events as they happen, over HTTP: needs neither Kafka nor an extra.

        A connection that breaks is made again, and goes on behind the last event.
        `registry.subscribe` reads the topic itself, where Kafka can be reached.

        Args:
            models: names, `NAMESPACE.*` or `*`; none: all that the caller may follow.
            types: types of events, whole or in short (`version.ready`), or beginnings of types:
                `alias.*`; none: all.
            aliases: only what is told of these aliases; none: everything.
            start: "now", or "beginning" for the oldest event that is kept.
            last_event_id: `place` of an event that was given before: goes on behind it.
            follow: False ends with the newest event that there is when it begins.

        Raises:
            EventsGoneError: the registry does not keep all events behind `last_event_id`.
            AccessDeniedError: the caller may follow none of these models, or not any more.
            InvalidRequestError: a filter breaks a rule.
            UnavailableError: no answer at the beginning; later it is tried for ever.
        """
        source = EventSource(
            self._api,
            {
                "model": list(models),
                "type": list(types),
                "alias": list(aliases),
                "from": start,
                "follow": None if follow else "false",
            },
            RetryPolicy(),
            last_event_id,
        )
        given: deque[str] = deque(maxlen=MOST_REMEMBERED)
        known: set[str] = set()
        await source.open()
        async with aclosing(source.read()) as events:
            async for sent in events:
                event = _read(sent.data, sent.id)
                if event.id in known:
                    continue
                if len(given) == MOST_REMEMBERED:
                    known.discard(given[0])
                given.append(event.id)
                known.add(event.id)
                yield event


def _read(data: bytes, place: str) -> StreamedEvent:
    try:
        event = StreamedEvent.model_validate_json(data)
    except ValidationError:
        raise ProtocolError("the registry streams what is no model event") from None
    return event.model_copy(update={"place": place})
