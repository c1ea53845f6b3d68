"""What can go wrong with Kafka: each error of its client is classified here, once.

| kind | whose fault | what follows |
|---|---|---|
| away | nobody's: no answer, no leader, too few replicas | the same is sent again, after a pause |
| message | the message's: no broker ever takes it as it is | something else is sent in its place |
| settings | ours or an operator's: rights, names, credentials | sent again, and told in readiness |
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Literal

from aiokafka import errors
from aiokafka.errors import KafkaError

from shared.domain.errors import Unavailable
from shared.runtime.tasks import heed_cancellation

Kind = Literal["away", "message", "settings"]

OF_THE_MESSAGE = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidTimestampError,
    errors.UnsupportedForMessageFormatError,
)
OF_THE_SETTINGS = (
    errors.AuthenticationFailedError,
    errors.AuthenticationMethodNotSupported,
    errors.ClusterAuthorizationFailedError,
    errors.GroupAuthorizationFailedError,
    errors.IllegalSaslStateError,
    errors.InvalidConfigurationError,
    errors.InvalidGroupIdError,
    errors.InvalidPartitionsError,
    errors.InvalidReplicationFactorError,
    errors.InvalidRequiredAcksError,
    errors.InvalidTopicError,
    errors.KafkaConfigurationError,
    errors.PolicyViolationError,
    errors.SaslAuthenticationFailed,
    errors.SecurityDisabled,
    errors.TopicAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
    errors.UnsupportedCodecError,
    errors.UnsupportedSaslMechanismError,
    errors.UnsupportedVersionError,
)


class KafkaUnavailable(Unavailable):
    """Kafka does not confirm; whether the message arrived is unknown, so it is sent again."""

    def __init__(self, reason: str) -> None:
        super().__init__("kafka_unavailable", f"Kafka does not confirm: {reason}")
        self.reason = reason


class KafkaForbids(KafkaUnavailable):
    """Kafka takes no message from us until settings, rights or topics are mended."""


class MessageRefused(Exception):
    """Kafka never takes this message as it is; the text is the name of its error."""


class KafkaUnreachable(Unavailable):
    """No broker answers and lets us in."""

    def __init__(self, reason: str) -> None:
        self.waits_for = f"Kafka ({reason})" if reason else "Kafka"
        """What readiness says: credentials and certificates are an operator's to mend."""
        super().__init__("kafka_unavailable", self.waits_for)


class KafkaUnreadable(Unavailable):
    """Kafka does not answer, or does not go on."""

    def __init__(self, reason: str) -> None:
        super().__init__("kafka_unavailable", f"Kafka cannot be read: {reason}")


def kind_of(error: KafkaError | OSError) -> Kind:
    """Return whose fault an error is; what nobody can tell is "away", and is tried again."""
    if isinstance(error, OF_THE_MESSAGE):
        return "message"
    if isinstance(error, OF_THE_SETTINGS):
        return "settings"
    return "away"


@asynccontextmanager
async def confirmed_within(seconds: float) -> AsyncGenerator[None]:
    """Limit the sending of one message.

    Raises KafkaUnavailable, or KafkaForbids, after which it may be sent again; MessageRefused.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except (KafkaError, OSError) as error:  # TimeoutError is one
        name = type(error).__name__
        if (kind := kind_of(error)) == "message":
            raise MessageRefused(name) from error
        raise (KafkaForbids if kind == "settings" else KafkaUnavailable)(name) from error


@asynccontextmanager
async def answered_within(
    seconds: float, failure: Callable[[str], Unavailable]
) -> AsyncGenerator[None]:
    """Limit what the block asks of Kafka, and raise `failure` where it fails or takes longer.

    Where a connection is lost, aiokafka 0.14 cancels the future of a request that is under way, and
    with it whoever awaits it: a task that nobody told to end must not end by that.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except (KafkaError, TimeoutError, OSError) as error:
        raise failure(type(error).__name__) from error
    except asyncio.CancelledError as error:
        heed_cancellation()
        raise failure("a request was given up") from error
