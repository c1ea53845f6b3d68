"""How a subscription gets its topic: found through the registry, reached, and read as events."""

import logging
from collections.abc import Callable, Mapping

import anyio
from pydantic import ValidationError

from registry._api import Api
from registry._kafka_access import KafkaAccess
from registry._retry import RetryPolicy
from registry._topic import Topic, TopicError, open_topic
from registry.errors import UnavailableError
from registry.schemas import Discovery, ModelEvent, NamespaceEvent, WebhookEvent

logger = logging.getLogger("registry.subscription")


async def connect_topic(
    make_api: Callable[..., Api],
    access: KafkaAccess,
    retry: RetryPolicy,
    *,
    at_end: bool,
    positions: Mapping[int, int],
) -> tuple[Topic, str | None]:
    """Return the topic, and whom the registry's events come from: others may share it.

    Raises UnavailableError once the retries are used up, MissingExtraError, and where Kafka does
    not let us in.
    """
    failures = 0
    while True:
        try:
            told = (await _discover(make_api)).events
            address = access.address(told)
            await access.prove(address)
            topic = await open_topic(address, access.options, at_end=at_end, positions=positions)
            return topic, told.source
        except (TopicError, UnavailableError) as error:
            failures += 1
            delay = retry.delay(failures)
            if delay is None:
                raise UnavailableError(str(error)) from error
        await anyio.sleep(delay)


async def _discover(make_api: Callable[..., Api]) -> Discovery:
    # Discovery is public: it is asked without a token.
    async with make_api(timeout_seconds=10.0, retry=RetryPolicy(attempts=1)) as api:
        return await api.discover()


def parse_event(value: bytes) -> ModelEvent | None:
    """Return a record's event; None for another kind of record."""
    try:
        return ModelEvent.model_validate_json(value)
    except ValidationError:
        # Another kind of record on the same topic must not end the subscription.
        if not any(_is(kind, value) for kind in (NamespaceEvent, WebhookEvent)):
            logger.warning("passed over a record that is no model event")
        return None


def _is(kind: type[NamespaceEvent] | type[WebhookEvent], value: bytes) -> bool:
    """Whether it tells of a namespace, or of a webhook: of no model, and nobody asked for it."""
    try:
        kind.model_validate_json(value)
    except ValidationError:
        return False
    return True
