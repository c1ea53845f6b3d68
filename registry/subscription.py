"""Model events as they happen, or from any point of their history.

Example:
    async for event in registry.subscribe("http://localhost:8000", start="beginning"):
        print(event.sequence, event.type, event.subject)

Kafka is read with the extra `events`, aiokafka. Where that or Kafka is missing, HTTP is used.
"""

import logging
import os
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Literal, Self

import anyio
import httpx

from registry._api import Api
from registry._certificates import find_certificates
from registry._credentials import Credentials, find_credentials, registry_url
from registry._delivered import Delivered
from registry._delivered import Start as Start  # a public name of this module
from registry._event_stream import EventSource
from registry._kafka_access import KafkaAccess, find_security
from registry._retry import RetryPolicy
from registry._topic import Topic, TopicError
from registry._topic_connection import connect_topic, parse_event
from registry.errors import MissingExtraError, RegistryError, UnavailableError
from registry.kafka import KafkaSecurity
from registry.schemas import ModelEvent

Via = Literal["auto", "kafka", "http"]
"""How events come: from Kafka, over HTTP, or from Kafka where that can be reached."""

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 10.0
"""Longest that the end of a connection is waited for."""


def subscribe(
    url: str | None = None,
    *,
    model: str | None = None,
    start: Start = "now",
    follow: bool = True,
    via: Via = "auto",
    kafka: KafkaSecurity | None = None,
    token: str | None = None,
    origins: Iterable[str] = (),
    ca_file: str | os.PathLike[str] | None = None,
    retry: RetryPolicy | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> "Subscription":
    """Return the registry's events, to be read with `async for`.

    Each event of a model comes once and in order: repeated deliveries are dropped. Only where
    partitions were added to the topic may one come late; it is delivered nevertheless, with a
    warning, and its `sequence` tells. Events of other registries on the topic are passed over.
    There is no consumer group: every subscriber sees everything, and keeps its own place, also
    from one `async for` to the next.

    Args:
        url: address of either HTTP service; the event topic is discovered. None: as of a client.
        model: only this model's events.
        start: "now" (events recorded after the first `await`, or after entering `async with`),
            "beginning", or the last sequence number seen: an int with `model`, or a mapping of
            model to sequence number, in which models that are absent begin at the beginning.
        follow: False ends with the newest event there is when reading begins.
        via: "kafka" reads the topic itself, "http" asks the query service for a stream, which
            needs a token that may follow events, and neither Kafka nor aiokafka. "auto" takes
            Kafka, unless aiokafka is not installed or Kafka cannot be reached at first.
        kafka: how to connect to Kafka, of which discovery tells no more than addresses; None:
            what the variables REGISTRY_KAFKA_... say.
        token, origins: what proves over HTTP who asks, as of a client.
        ca_file: PEM file of certificate authorities that are trusted beside the usual ones; None:
            REGISTRY_CA_FILE. Kafka may have one of its own.
        retry: how patiently the first connection is tried; a lost one is tried for ever.
        transport: replaces the network for discovery, for tests.

    Raises:
        ValueError: `start` is a number and `model` is not given.
        ConnectionSettingsError: settings of Kafka or certificates cannot be used.
        MissingExtraError: aiokafka is not installed; this and what follows when reading begins.
        CertificateError: the registry or Kafka is not trusted.
        AccessDeniedError, UnavailableError: one of them refuses the credentials, or is away.
        EventsGoneError: over HTTP, events were removed before they were read.
    """
    if isinstance(start, int) and model is None:
        raise ValueError("a sequence number counts within one model: give `model` as well")
    access = KafkaAccess(find_security(kafka), ca_file)
    certificates = find_certificates(ca_file) if transport is None else None
    known = Credentials(registry_url(url))
    api = partial(Api, transport=transport, certificates=certificates)
    retry = retry or RetryPolicy()

    def stream() -> EventSource:
        credentials = find_credentials(known.url, token, origins)
        wanted = {"model": model, "follow": None if follow else "false"}
        wanted["from"] = "now" if start == "now" else "beginning"
        asking = api(credentials, timeout_seconds=10.0, retry=RetryPolicy(attempts=1))
        return EventSource(asking, wanted, retry)

    return Subscription(
        partial(api, known),
        access,
        Delivered(model, start),
        retry,
        follow=follow,
        via=via,
        make_stream=stream,
    )


class Subscription:
    """The events of one `subscribe` call. Memory is bounded by the consumer's fetch buffers."""

    def __init__(
        self,
        make_api: Callable[..., Api],
        access: KafkaAccess,
        delivered: Delivered,
        retry: RetryPolicy,
        *,
        follow: bool,
        via: Via,
        make_stream: Callable[[], EventSource],
    ) -> None:
        self._make_api, self._access, self._delivered = make_api, access, delivered
        self._retry, self._follow = retry, follow
        self._via: Via = via
        self._make_stream = make_stream
        self._stream: EventSource | None = None
        """Set as soon as events come over HTTP, from then on."""
        self._topic: Topic | None = None
        self._closing = anyio.Lock()
        self._place: Mapping[int, int] = {}
        """Where to go on after the connection was closed, by partition."""
        self._reading: object = None
        """The loop that the connection is for: the one that began last."""
        self._source: str | None = None
        """Whom the registry's events come from; another registry may share the topic."""

    async def __aenter__(self) -> Self:
        """Fix the place to begin at, before the first event is asked for."""
        if self._topic is None:
            await self._open()
        return self

    async def _open(self) -> None:
        """Connect to Kafka, or have a stream open instead of it."""
        if self._via == "http" and self._stream is None:
            self._stream = self._make_stream()
        if self._stream is not None:
            self._source = None  # a stream has the registry's own events alone
            await self._stream.open()
        elif self._via == "kafka" or self._place:
            self._topic = await self._connect(self._retry, self._place)
        else:
            await self._choose()

    async def _choose(self) -> None:
        try:
            self._topic = await self._connect(replace(self._retry, attempts=1), self._place)
            return
        except (MissingExtraError, UnavailableError) as error:
            without = error
        stream = self._make_stream()
        try:
            await stream.open(replace(self._retry, attempts=1))
        except RegistryError as error:
            logger.info("events do not come over HTTP either: %s", error)
            await stream.aclose()
            if isinstance(without, MissingExtraError):
                raise without from error
            self._topic = await self._connect(self._retry, self._place)
            return
        logger.warning("events come over HTTP, since Kafka is not read: %s", without)
        self._stream = stream

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; a second time does nothing. Reading again goes on from there."""
        # Python may be closing it already, in a task of its own, for a loop that was left: whoever
        # comes second waits for the end, after which nothing is open.
        topic, self._topic = self._topic, None
        if topic is not None:
            self._place = topic.positions
        # Also where the reader is cancelled: else a consumer would be left open.
        with anyio.move_on_after(CLOSE_SECONDS, shield=True):
            async with self._closing:
                if topic is not None:
                    await topic.close()
                if self._stream is not None:
                    before, self._stream = self._stream, self._make_stream()
                    self._stream.last_event_id = before.last_event_id
                    await before.aclose()

    async def __aiter__(self) -> AsyncGenerator[ModelEvent, None]:
        self._reading = this = object()
        await self.__aenter__()
        try:
            async with aclosing(self._values()) as values:
                async for value in values:
                    event = parse_event(value)
                    if event is None or self._source not in (None, event.source):
                        continue
                    if self._delivered.is_new(event):
                        yield event
        finally:
            # Python closes a loop that was left when it likes: perhaps after the next one began.
            if self._reading is this:
                await self.close()

    async def _values(self) -> AsyncGenerator[bytes, None]:
        """Yield record values, over as many connections as it takes."""
        if self._stream is not None:
            async with aclosing(self._stream.read()) as events:
                async for sent in events:
                    yield sent.data
            return
        while self._topic is not None:
            topic = self._topic
            try:
                async with aclosing(topic.read(follow=self._follow)) as values:
                    async for value in values:
                        yield value
                return
            except TopicError as error:
                logger.warning("reading events again after: %s", error)
                await topic.close()
                for_ever = replace(self._retry, attempts=sys.maxsize)
                self._topic = await self._connect(for_ever, topic.positions)

    async def _connect(self, retry: RetryPolicy, positions: Mapping[int, int]) -> Topic:
        topic, self._source = await connect_topic(
            self._make_api,
            self._access,
            retry,
            at_end=self._delivered.from_now,
            positions=positions,
        )
        return topic
