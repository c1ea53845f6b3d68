"""Model events as they happen, or from any point of their history.

Example:
    import asyncio
    import registry

    async def main() -> None:
        async for event in registry.subscribe("http://localhost:8000", start="beginning"):
            print(event.sequence, event.type, event.subject)

    asyncio.run(main())

Needs the extra `events`, which is aiokafka.
"""

import logging
import os
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Self

import anyio
import httpx
from pydantic import ValidationError

from registry._api import Api
from registry._certificates import find_certificates
from registry._credentials import Credentials, registry_url
from registry._delivered import Delivered
from registry._delivered import Start as Start  # a public name of this module
from registry._kafka_access import KafkaAccess, find_security
from registry._retry import RetryPolicy
from registry._topic import Topic, TopicError, open_topic
from registry.errors import UnavailableError
from registry.kafka import KafkaSecurity
from registry.schemas import Discovery, ModelEvent, NamespaceEvent

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 10.0
"""Longest that the end of a connection is waited for."""


def subscribe(
    url: str | None = None,
    *,
    model: str | None = None,
    start: Start = "now",
    follow: bool = True,
    kafka: KafkaSecurity | None = None,
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
        kafka: how to connect to Kafka, of which discovery tells no more than addresses; None:
            what the variables REGISTRY_KAFKA_... say.
        ca_file: PEM file of certificate authorities that are trusted beside the usual ones; None:
            REGISTRY_CA_FILE. Kafka may have one of its own.
        retry: how patiently the first connection is tried; a lost one is tried for ever.
        transport: replaces the network for discovery, for tests.

    Raises:
        ValueError: `start` is a number and `model` is not given.
        ConnectionSettingsError: settings of Kafka or certificates cannot be used.
        MissingExtraError: aiokafka is not installed (when reading begins).
        CertificateError: the registry or Kafka is not trusted (when reading begins).
        AccessDeniedError: Kafka refuses the credentials (when reading begins).
        UnavailableError: the registry or Kafka does not answer (when reading begins).
    """
    if isinstance(start, int) and model is None:
        raise ValueError("a sequence number counts within one model: give `model` as well")
    access = KafkaAccess(find_security(kafka), ca_file)
    certificates = find_certificates(ca_file) if transport is None else None
    known = Credentials(registry_url(url))
    api = partial(Api, known, transport=transport, certificates=certificates)
    return Subscription(api, access, Delivered(model, start), retry or RetryPolicy(), follow=follow)


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
    ) -> None:
        self._make_api, self._access, self._delivered = make_api, access, delivered
        self._retry, self._follow = retry, follow
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
            self._topic = await self._connect(self._retry, self._place)
        return self

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

    async def __aiter__(self) -> AsyncGenerator[ModelEvent, None]:
        self._reading = this = object()
        await self.__aenter__()
        try:
            async with aclosing(self._values()) as values:
                async for value in values:
                    event = _parse(value)
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
        failures = 0
        while True:
            try:
                told = (await self._discover()).events
                self._source = told.source
                address = self._access.address(told)
                await self._access.prove(address)
                return await open_topic(
                    address,
                    self._access.options,
                    at_end=self._delivered.from_now,
                    positions=positions,
                )
            except (TopicError, UnavailableError) as error:
                failures += 1
                delay = retry.delay(failures)
                if delay is None:
                    raise UnavailableError(str(error)) from error
            await anyio.sleep(delay)

    async def _discover(self) -> Discovery:
        # Discovery is public: it is asked without a token.
        async with self._make_api(timeout_seconds=10.0, retry=RetryPolicy(attempts=1)) as api:
            return await api.discover()


def _parse(value: bytes) -> ModelEvent | None:
    try:
        return ModelEvent.model_validate_json(value)
    except ValidationError:
        # Another kind of record on the same topic must not end the subscription.
        if not _tells_of_namespace(value):
            logger.warning("passed over a record that is no model event")
        return None


def _tells_of_namespace(value: bytes) -> bool:
    """Whether it is a change of a namespace's rules: it is of no model, and nobody asked for it."""
    try:
        NamespaceEvent.model_validate_json(value)
    except ValidationError:
        return False
    return True
