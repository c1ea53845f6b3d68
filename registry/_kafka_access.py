"""How a subscription gets to Kafka: with which proof of identity, and to which addresses."""

import os
from typing import Any

from registry._certificates import trust_own
from registry._extras import require_aiokafka
from registry.errors import AccessDeniedError, CertificateError, ConnectionSettingsError
from registry.kafka import KafkaSecurity
from registry.schemas import EventsAddress

REACH_SECONDS = 10.0


def find_security(given: KafkaSecurity | None) -> KafkaSecurity:
    """Return what the caller gave, or else what the environment says.

    Raises ConnectionSettingsError where that contradicts itself.
    """
    try:
        return given or KafkaSecurity.from_environment()
    except ValueError as error:
        raise ConnectionSettingsError(f"REGISTRY_KAFKA_...: {error}") from error


class KafkaAccess:
    """What one subscription shows to Kafka, for as long as it lives: a token is asked for once."""

    def __init__(self, security: KafkaSecurity, ca_file: str | os.PathLike[str] | None) -> None:
        self._security, self._ca_file = security, ca_file
        self._options: dict[str, Any] | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of aiokafka's clients; raises ConnectionSettingsError, MissingExtraError."""
        if self._options is None:
            require_aiokafka()
            try:
                self._options = self._security.options()
            except ValueError as error:
                raise ConnectionSettingsError(f"Kafka: {error}") from error
            if self._security.is_encrypted and not self._security.ca_file:
                trust_own(self._options["ssl_context"], self._ca_file)
        return self._options

    def address(self, told: EventsAddress) -> EventsAddress:
        """Return the address with the servers that the user names, or else those that are told.

        Raises ConnectionSettingsError where a secret would go to servers that only the registry's
        discovery names: whoever answers there would have it.
        """
        named = self._security.bootstrap_servers
        if not named and self._security.hands_a_secret_over:
            raise ConnectionSettingsError(
                f"{self._security.sasl_mechanism} hands a secret to whoever answers: name Kafka's"
                f" addresses in REGISTRY_KAFKA_BOOTSTRAP_SERVERS (the registry tells"
                f" {told.bootstrap_servers})"
            )
        return told.model_copy(update={"bootstrap_servers": named}) if named else told

    async def prove(self, address: EventsAddress) -> None:
        """Raise the reason where Kafka does not let us in: its consumer would not tell it.

        Raises CertificateError, AccessDeniedError.
        """
        if self._security.security_protocol == "PLAINTEXT":
            return  # nothing is asked for, and nothing can be refused
        options = self.options
        from registry.kafka.reaching import KafkaAway, KafkaRefuses, reach

        servers = address.bootstrap_servers
        try:
            await reach(servers, options, REACH_SECONDS)
        except KafkaAway:
            return  # the consumer tells it, and tries again
        except KafkaRefuses as error:
            if error.is_certificate:
                remedy = "name its authority in REGISTRY_KAFKA_CA_FILE or REGISTRY_CA_FILE"
                raise CertificateError(f"Kafka at {servers}", str(error), remedy) from error
            detail = f"Kafka at {servers} does not let us in: {error}"
            raise AccessDeniedError(detail, code="kafka_refuses", status=401) from error
