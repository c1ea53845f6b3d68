"""Settings of connections: who is trusted, and how the services prove who they are.

They are part of `Settings`. Files are PEM, and are read when a service starts, so that one that
cannot be used is told at once; empty means none.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from registry.kafka import KafkaSecurity
from registry.kafka.security import SaslMechanism, SecurityProtocol
from shared.runtime.pem_files import (
    MinimumVersion,
    check_authorities,
    check_client_certificate,
    load_certificate,
)

Authorities = Annotated[str, AfterValidator(check_authorities)]
"""A file of certificate authorities; empty: the system's."""

ClientCertificate = Annotated[str, AfterValidator(check_client_certificate)]
"""A file of a certificate and its key."""


class ConnectionSettings(BaseSettings):
    """Certificates, authorities and identities."""

    tls_cert_file: str = ""
    """Certificate of the HTTP services with its chain, as a PEM file; empty: no HTTPS."""
    tls_min_version: MinimumVersion = "1.2"
    """Oldest version of TLS that the HTTP services speak."""
    tls_key_file: str = Field("", validate_default=True)
    """Private key of that certificate, as a PEM file without a password."""

    ingest_ca_file: Authorities = ""
    """Authorities that query trusts ingest by, as a PEM file; empty: the system's."""

    mongodb_ca_file: Authorities = ""
    """Authorities that MongoDB is trusted by, as a PEM file; turns TLS on, as the URL can too."""
    mongodb_client_cert_file: ClientCertificate = ""
    """The services' own certificate with its key, as a PEM file, where MongoDB asks for one."""

    minio_secure: bool = False
    """True: https."""
    minio_ca_file: Authorities = ""
    """Authorities that storage is trusted by, as a PEM file; empty: the system's."""
    minio_public_scheme: Literal["", "http", "https"] = ""
    """Scheme that signed URLs name; empty: by MINIO_SECURE."""
    minio_session_token: SecretStr | None = None
    """S3 session token, where the keys are temporary ones; signed URLs end with it."""
    minio_addressing: Literal["path", "virtual"] = "path"
    """Where a bucket is named: in the path, or virtual: in the host, as some stores demand."""

    kafka_sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    """How the services prove to Kafka who they are, where KAFKA_SECURITY_PROTOCOL has SASL."""
    kafka_sasl_username: str = ""
    """The services' user at Kafka, for PLAIN and SCRAM."""
    kafka_sasl_password: SecretStr | None = None
    """Password of that user."""
    kafka_ca_file: str = ""
    """Authorities that Kafka is trusted by, as a PEM file; empty: the system's."""
    kafka_client_cert_file: str = ""
    """The services' own certificate, as a PEM file, where Kafka asks for one."""
    kafka_client_key_file: str = ""
    """Private key of that certificate, as a PEM file without a password."""
    kafka_oauth_token_url: str = ""
    """Address that gives tokens for client credentials, for OAUTHBEARER."""
    kafka_oauth_client_id: str = ""
    """Client id that tokens are asked for with."""
    kafka_oauth_client_secret: SecretStr | None = None
    """Secret of that client."""
    kafka_oauth_scope: str = ""
    """Scopes that are asked for, separated by spaces; empty: what the server gives by itself."""
    kafka_oauth_ca_file: str = ""
    """Authorities that the token address is trusted by, as a PEM file; empty: the system's."""
    kafka_security_protocol: SecurityProtocol = Field("PLAINTEXT", validate_default=True)
    """SSL encrypts, and SASL says who the services are; PLAINTEXT is for a network of their own."""

    @field_validator("tls_key_file")
    @classmethod
    def _belongs_to_the_certificate(cls, value: str, info: ValidationInfo) -> str:
        certificate = info.data.get("tls_cert_file", "")
        if bool(value) != bool(certificate):
            raise ValueError("TLS_CERT_FILE and TLS_KEY_FILE go together")
        if value:
            load_certificate(certificate, value, info.data.get("tls_min_version", "1.2"))
        return value

    @field_validator("kafka_security_protocol")
    @classmethod
    def _fits_what_else_is_said_of_kafka(cls, value: SecurityProtocol, info: ValidationInfo) -> str:
        _kafka_security({**info.data, "kafka_security_protocol": value}).options()
        return value

    @property
    def kafka_security(self) -> KafkaSecurity:
        """How the services connect to Kafka."""
        return _kafka_security({name: getattr(self, name) for name in _KAFKA})

    @property
    def is_https(self) -> bool:
        """Whether the HTTP services speak TLS."""
        return bool(self.tls_cert_file)

    @property
    def storage_scheme(self) -> str:
        """Scheme by which the services reach storage."""
        return "https" if self.minio_secure else "http"

    @property
    def storage_public_scheme(self) -> str:
        """Scheme that signed URLs name."""
        return self.minio_public_scheme or self.storage_scheme


_KAFKA = tuple(name for name in ConnectionSettings.model_fields if name.startswith("kafka_"))


def _kafka_security(found: dict[str, Any]) -> KafkaSecurity:
    """Build it of those settings that are there; raises ValueError."""
    given: dict[str, Any] = {}
    for name in _KAFKA:
        value = found.get(name)
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text:
            given[name.removeprefix("kafka_")] = text
    return KafkaSecurity(**given)
