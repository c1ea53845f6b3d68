"""What a Kafka client needs to prove who it is, and to know whom it talks to.

Example:
    from registry import KafkaSecurity

    kafka = KafkaSecurity(
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="risk-team",
        sasl_password="...",
        ca_file="/etc/registry/ca.pem",
    )

and then `registry.subscribe(url, kafka=kafka)`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ssl import SSLContext, TLSVersion, create_default_context
from typing import Any, Literal, Self, cast

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
PREFIX = "REGISTRY_KAFKA_"
"""What the client's environment variables begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSecurity:
    """How a client connects to Kafka. Without arguments: neither encrypted nor with a name.

    Raises ValueError for what contradicts itself, and where a secret would stay unused because the
    protocol needs none.
    """

    bootstrap_servers: str = ""
    """host:port list; empty: what the registry tells. Those who hand a secret over need it."""
    security_protocol: SecurityProtocol = "PLAINTEXT"
    """Whether connections are encrypted (SSL), and whether the client tells who it is (SASL)."""
    sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    """How it tells it; counts with SASL alone."""
    sasl_username: str = ""
    sasl_password: str = field(default="", repr=False)
    ca_file: str = ""
    """PEM file of the certificate authorities that are trusted; empty: the system's."""
    client_cert_file: str = ""
    """PEM file of the client's own certificate, where brokers ask for one."""
    client_key_file: str = ""
    """PEM file of its key."""
    oauth_token_url: str = ""
    """Address that gives tokens for the client's credentials, for OAUTHBEARER."""
    oauth_client_id: str = ""
    oauth_client_secret: str = field(default="", repr=False)
    oauth_scope: str = ""
    """Scopes that are asked for, separated by spaces; empty: what the server gives by itself."""
    oauth_ca_file: str = ""
    """PEM file of the authorities that the token address is trusted by; empty: the system's."""

    def __post_init__(self) -> None:
        if self.security_protocol not in PROTOCOLS:
            raise ValueError(f"security_protocol must be one of {', '.join(PROTOCOLS)}")
        if self.sasl_mechanism not in MECHANISMS:
            raise ValueError(f"sasl_mechanism must be one of {', '.join(MECHANISMS)}")
        self._require_what_is_used()
        self._refuse_what_is_not_used()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read REGISTRY_KAFKA_SECURITY_PROTOCOL and its like; raises ValueError.

        Each argument has a variable of its name. Those that are not set keep their defaults.
        """
        found = os.environ if environment is None else environment
        given = {each.name: found.get(f"{PREFIX}{each.name.upper()}", "") for each in fields(cls)}
        return cls(**cast("dict[str, Any]", {name: text for name, text in given.items() if text}))

    @property
    def is_encrypted(self) -> bool:
        """Whether connections are encrypted."""
        return self.security_protocol in ("SSL", "SASL_SSL")

    @property
    def has_identity(self) -> bool:
        """Whether the client tells who it is by a name or a token."""
        return self.security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    @property
    def hands_a_secret_over(self) -> bool:
        """Whether the other side gets to know a secret: of SCRAM it sees only a proof."""
        return self.has_identity and self.sasl_mechanism in ("PLAIN", "OAUTHBEARER")

    def options(self) -> dict[str, Any]:
        """Return the arguments of aiokafka's clients; reads the files.

        Raises ValueError for a file that cannot be used. A token is kept as long as these options.
        """
        options: dict[str, Any] = {"security_protocol": self.security_protocol}
        if self.is_encrypted:
            options["ssl_context"] = self._context()
        if not self.has_identity:
            return options
        options["sasl_mechanism"] = self.sasl_mechanism
        if self.sasl_mechanism == "OAUTHBEARER":
            from registry.kafka.oauth import ClientCredentials  # needs aiokafka

            options["sasl_oauth_token_provider"] = ClientCredentials(
                self.oauth_token_url,
                self.oauth_client_id,
                self.oauth_client_secret,
                scope=self.oauth_scope,
                context=trusting(self.oauth_ca_file),
            )
        else:
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password
        return options

    def _context(self) -> SSLContext:
        context = trusting(self.ca_file)
        if self.client_cert_file:
            try:
                context.load_cert_chain(
                    self.client_cert_file, self.client_key_file, password=_no_password
                )
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                told = f"{self.client_cert_file} and {self.client_key_file}"
                raise ValueError(f"{told} cannot be used as a certificate: {error}") from error
        return context

    def _require_what_is_used(self) -> None:
        if bool(self.client_cert_file) != bool(self.client_key_file):
            raise ValueError("client_cert_file and client_key_file go together")
        if not self.has_identity:
            return
        if self.sasl_mechanism == "OAUTHBEARER":
            needed = ("oauth_token_url", "oauth_client_id", "oauth_client_secret")
            if not self.oauth_token_url.startswith(("https://", "http://")):
                raise ValueError("OAUTHBEARER needs an http or https address as oauth_token_url")
        else:
            needed = ("sasl_username", "sasl_password")
        for name in needed:
            if not getattr(self, name):
                raise ValueError(f"{self.sasl_mechanism} needs {' and '.join(needed)}")

    def _refuse_what_is_not_used(self) -> None:
        """Refuse what its owner believes to be in use: a connection may be an open one."""
        secrets = ("sasl_username", "sasl_password", "oauth_client_secret")
        files = ("ca_file", "client_cert_file")
        for needed, names in ((self.has_identity, secrets), (self.is_encrypted, files)):
            for name in names:
                if getattr(self, name) and not needed:
                    raise ValueError(f"{name} has no use with {self.security_protocol}")


def trusting(ca_file: str) -> SSLContext:
    """Return a context for clients that trusts the authorities in the file; empty: the system's.

    Raises ValueError where the file cannot be used.
    """
    try:
        context = create_default_context(cafile=ca_file or None)
    except (OSError, ValueError) as error:
        raise ValueError(f"{ca_file} cannot be used as authorities: {error}") from error
    context.minimum_version = TLSVersion.TLSv1_2
    return context


def _no_password() -> str:
    # Without this, OpenSSL would ask the terminal.
    raise ValueError("the key is encrypted, which is not supported")
