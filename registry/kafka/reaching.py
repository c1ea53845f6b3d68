"""Whether Kafka answers, and why it does not let us in.

aiokafka tells of a connection that failed only that it failed: a wrong password looks like a broker
that is away. Here one connection is made by itself, and its own error tells.
"""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiokafka import conn
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from registry.kafka.oauth import TokenUnavailable

CLOSE_SECONDS = 2.0
_AIOKAFKA: Any = conn  # it leaves its functions untyped
WRONG_CREDENTIALS = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)


class KafkaAway(Exception):
    """No broker answers, or no token is to be had just now; the text says more, or is empty."""


class KafkaRefuses(Exception):
    """A broker answers and does not let us in, or we do not trust it: waiting mends nothing."""

    def __init__(self, reason: str, *, is_certificate: bool = False) -> None:
        super().__init__(reason)
        self.is_certificate = is_certificate
        """Whether it is its certificate that is not trusted."""


def hosts_of(bootstrap_servers: str) -> list[str]:
    """Return the names that the addresses of brokers have."""
    return [host for host, _port, _family in _AIOKAFKA.collect_hosts(bootstrap_servers)]


async def reach(bootstrap_servers: str, options: Mapping[str, Any], seconds: float) -> None:
    """Return once a broker has let us in and told of its topics.

    `options` are those of `KafkaSecurity.options`. Raises KafkaRefuses, and KafkaAway where none
    does within the time.
    """
    failure: KafkaRefuses | KafkaAway = KafkaAway()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for host, port, _family in _AIOKAFKA.collect_hosts(bootstrap_servers):
                try:
                    return await _ask(host, port, options, seconds)
                except (KafkaRefuses, KafkaAway) as error:
                    failure = error
                except (KafkaError, OSError):
                    continue
    raise failure


async def _ask(host: str, port: int, options: Mapping[str, Any], seconds: float) -> None:
    limit = int(seconds * 1000)
    connection = _AIOKAFKA.AIOKafkaConnection(host, port, request_timeout_ms=limit, **options)
    try:
        await connection.connect()
        await connection.send(MetadataRequest([]))
    except Exception as error:
        if (told := _told(error)) is not None:
            raise told from error
        raise
    finally:
        closed = connection.close()
        if connection._protocol is not None:  # else nothing was ever open
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await closed


def _told(error: BaseException) -> KafkaRefuses | KafkaAway | None:
    """Return what an error means where it says more than that nobody answers."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return KafkaRefuses(f"untrusted certificate: {error.verify_message}", is_certificate=True)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return KafkaRefuses(f"no TLS: {error}")
    if isinstance(error, WRONG_CREDENTIALS):
        return KafkaRefuses(f"wrong credentials: {type(error).__name__}")
    if isinstance(error, TokenUnavailable):
        return KafkaRefuses(str(error)) if error.is_refused else KafkaAway(str(error))
    return None
