"""Kafka through FastStream: the broker, and its end."""

import logging
from typing import Any

from faststream.kafka import KafkaBroker
from faststream.security import (
    BaseSecurity,
    SASLOAuthBearer,
    SASLPlaintext,
    SASLScram256,
    SASLScram512,
)

from shared.kafka.connection import STOP_SECONDS, ended_within, kafka_options
from shared.runtime.settings import Settings

WITH_PASSWORD = {
    "PLAIN": SASLPlaintext,
    "SCRAM-SHA-256": SASLScram256,
    "SCRAM-SHA-512": SASLScram512,
}
BATCH_END_SECONDS = 5.0
"""At the end, the batch under way may take so long; then it is left to come again."""


def make_broker(settings: Settings) -> KafkaBroker:
    """Return a broker whose every publish is confirmed by all in-sync replicas."""
    options = kafka_options(settings)
    return KafkaBroker(
        options["bootstrap_servers"],
        security=_security(options),
        sasl_oauth_token_provider=options.get("sasl_oauth_token_provider"),
        acks="all",
        # One batch of a partition is under way at a time, so that order needs no idempotence. With
        # it, a message that Kafka refuses leaves a hole in aiokafka's numbers, and all that follows
        # in its partition is refused with OutOfOrderSequenceNumber until the process ends.
        enable_idempotence=False,
        request_timeout_ms=int(settings.kafka_timeout_seconds * 1000),
        graceful_timeout=BATCH_END_SECONDS,
        apply_types=False,
        log_level=logging.DEBUG,  # a line for each batch is too much
        logger=logging.getLogger("shared.kafka.faststream"),
    )


def _security(options: dict[str, Any]) -> BaseSecurity:
    """Return aiokafka's options as FastStream wants them."""
    encryption: dict[str, Any] = {
        "ssl_context": options.get("ssl_context"),
        "use_ssl": "ssl_context" in options,
    }
    mechanism = options.get("sasl_mechanism")
    if mechanism is None:
        return BaseSecurity(**encryption)
    if mechanism == "OAUTHBEARER":
        return SASLOAuthBearer(**encryption)
    return WITH_PASSWORD[mechanism](
        options["sasl_plain_username"], options["sasl_plain_password"], **encryption
    )


async def disconnect(broker: KafkaBroker) -> None:
    """Close the producer; what is not confirmed by then is sent again by the next process."""
    async with ended_within(STOP_SECONDS, "producer"):
        await broker.stop()
