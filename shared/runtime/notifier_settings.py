"""Settings of the notifier: where webhooks go, and how patiently. They are part of `Settings`."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings

from shared.domain.webhooks.addresses import Network, parse_networks
from shared.domain.webhooks.backoff import Patience
from shared.runtime.listed_values import each, listed_values


def _check_network(network: str) -> None:
    ip_network(network, strict=False)


class NotifierSettings(BaseSettings):
    """How webhooks are delivered."""

    notifier_port: int = Field(8003, ge=1, le=65535)
    """Port of the notifier's health endpoints."""
    notifier_internal_url: str = Field("", pattern=r"^(https?://[^/\s@?#]+(/[^\s?#]*)?)?$")
    """Base URL of the notifier's health as query reaches it; empty: on its own machine."""
    kafka_notifier_group: str = "notifier"
    """Consumer group of the notifier."""
    webhook_allowed_networks: Annotated[str, each(_check_network)] = ""
    """Networks that webhooks may go to beside public addresses, by commas, such as 10.1.0.0/16."""
    webhook_allow_http: bool = False
    """Whether webhooks may go over http, where others can read them."""
    webhook_ca_file: str = ""
    """Authorities that receivers are trusted by, as a PEM file; empty: the system's."""
    webhook_concurrency: int = Field(32, ge=2, le=512)
    """Requests to receivers that are under way at once, in one process."""
    webhook_subscription_concurrency: int = Field(4, ge=1, le=64)
    """Those of them to one subscription; one that fails has a single one."""
    webhook_connect_seconds: float = Field(5.0, gt=0, le=15)
    """Limit for finding a receiver's address and connecting to it."""
    webhook_timeout_seconds: float = Field(15.0, gt=0, le=20)
    """Limit for one request as a whole, until the receiver has answered."""
    webhook_first_pause_seconds: float = Field(2.0, gt=0, le=3600)
    """Pause after a first failure; each further one is twice as long, and jittered."""
    webhook_longest_pause_seconds: float = Field(3600.0, gt=0, le=24 * 3600)
    """Longest pause between two attempts."""
    webhook_give_up_seconds: float = Field(24 * 3600.0, gt=0)
    """A delivery is given up so long after its first attempt."""
    webhook_disable_seconds: float = Field(3 * 24 * 3600.0, gt=0)
    """A subscription is disabled when nothing has succeeded for so long."""
    webhook_retention_days: int = Field(30, ge=2, le=3650)
    """Days for which deliveries are kept, those that wait included."""
    webhook_max_subscriptions: int = Field(1000, ge=1, le=10_000)
    """Most subscriptions that there can be."""
    webhook_max_of_principal: int = Field(100, ge=1, le=10_000)
    """Most that one principal can have made, but for who administers everything."""

    @property
    def webhook_networks(self) -> tuple[Network, ...]:
        """Networks that webhooks may go to beside public addresses."""
        return parse_networks(listed_values(self.webhook_allowed_networks))

    @property
    def webhook_patience(self) -> Patience:
        """How long receivers are waited for."""
        return Patience(
            self.webhook_first_pause_seconds,
            self.webhook_longest_pause_seconds,
            self.webhook_give_up_seconds,
            self.webhook_disable_seconds,
        )
