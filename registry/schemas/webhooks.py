"""Webhooks as they travel: subscriptions, what was delivered to them, and what is asked of both.

Times are UTC. A secret is told when it is made, and never by a list.
"""

from datetime import datetime
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from registry.schemas.access import check_pattern
from registry.schemas.aliases import AliasName
from registry.schemas.base import Answer, Schema
from registry.schemas.event_types import expanded_types
from registry.schemas.names import MAX_MODEL_CHARACTERS, WholeNumber, check_entries

WebhookState = Literal["active", "paused", "disabled"]
"""paused: by a person; disabled: by the registry, after lasting failure, or since its owner is
gone. Events are kept for both, and are delivered once it is resumed."""
WebhookMode = Literal["structured", "binary"]
"""How CloudEvents are sent: the event as the body, or its data with the rest in headers."""
DeliveryState = Literal["waiting", "delivered", "failed", "withheld"]
"""failed: given up after a day; withheld: the owner may not read the model any more."""

MAX_URL_CHARACTERS = 2048
MAX_PATTERNS = 32
MAX_TAGS = 16
MAX_OVERLAP_SECONDS = 7 * 24 * 3600
DEFAULT_OVERLAP_SECONDS = 24 * 3600
MAX_SEQUENCE = 2**53 - 1


def check_webhook_url(value: str) -> str:
    """Return an address unchanged, or raise ValueError with the rule.

    Whether it may be reached is found out when it is: names change their addresses.
    """
    if not value.isascii() or not value.isprintable() or any(c in value for c in ' "<>\\^`{|}'):
        raise ValueError("must be an address in printable ASCII, without spaces")
    parts = _split(value)
    if parts.scheme not in ("https", "http"):
        raise ValueError("must begin with https:// or http://")
    if not parts.hostname:
        raise ValueError("must name a host")
    if "@" in parts.netloc:
        raise ValueError("must have no user or password in it")
    if "#" in value:
        raise ValueError("must have no fragment")
    return value


def _split(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError("must be an address such as https://example.com/hook") from None
    if port == 0:
        raise ValueError("must not name port 0")
    return parts


WebhookUrl = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_URL_CHARACTERS),
    AfterValidator(check_webhook_url),
]
Pattern = Annotated[
    str, StringConstraints(max_length=MAX_MODEL_CHARACTERS + 2), AfterValidator(check_pattern)
]
TypeNames = Annotated[
    list[Annotated[str, StringConstraints(max_length=100)]],
    Field(max_length=MAX_PATTERNS),
    AfterValidator(expanded_types),
]
Purpose = Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]
Tags = Annotated[
    dict[str, Annotated[str, StringConstraints(max_length=5000)]],
    Field(max_length=MAX_TAGS),
    AfterValidator(check_entries),
]
OwnerName = Annotated[str, StringConstraints(pattern=r"^token:[0-9a-f]{16,64}$")]


class WebhookRequest(Schema):
    """Asks for a subscription. Each list that is empty lets everything pass."""

    url: WebhookUrl
    models: list[Pattern] = Field(default=["*"], min_length=1, max_length=MAX_PATTERNS)
    """Patterns of model names, as in grants: `churn`, `risk.*`, `*`."""
    types: TypeNames = Field(default_factory=list[str])
    """Types of events: `registry.version.ready.v1`, or in short `version.ready`; `alias.*` is
    each of those that there are when it is asked for."""
    aliases: list[AliasName] = Field(default_factory=list[AliasName], max_length=MAX_PATTERNS)
    """Only what is about one of these aliases, or about a version that one of them points at."""
    tags: Tags = Field(default_factory=dict[str, str])
    """Only what is about versions that have all of these tags."""
    mode: WebhookMode = "structured"
    description: Purpose = ""
    """For people alone."""
    owner: OwnerName | None = None
    """`token:ID` of the token whose grants say what is delivered; absent: the caller's own."""


class WebhookPatch(Schema):
    """Changes a subscription; what is absent stays."""

    url: WebhookUrl | None = None
    models: list[Pattern] | None = Field(default=None, min_length=1, max_length=MAX_PATTERNS)
    types: TypeNames | None = None
    aliases: list[AliasName] | None = Field(default=None, max_length=MAX_PATTERNS)
    tags: Tags | None = None
    mode: WebhookMode | None = None
    description: Purpose | None = None


class Webhook(Answer):
    """A subscription, without its secrets."""

    id: str
    url: str
    models: list[str]
    types: list[str]
    aliases: list[str]
    tags: dict[str, str]
    mode: WebhookMode
    description: str = ""
    owner: str
    """The principal whose grants say what is delivered."""
    made_by: str
    state: WebhookState
    reason: str = ""
    """Why it is disabled: failing, gone (the receiver answered 410), owner_gone."""
    failing_since: datetime | None = None
    """No delivery has succeeded since this first failure."""
    created_at: datetime


class NewWebhook(Webhook):
    """A subscription that was made now, with its secret."""

    secret: str = Field(repr=False)
    """Verifies signatures (`whsec_…`, https://www.standardwebhooks.com); shown this once."""


class WebhookPage(Answer):
    """Subscriptions, the newest first."""

    items: list[Webhook]
    next_cursor: str | None = None


class RotateRequest(Schema):
    """Asks for a new secret."""

    overlap_seconds: Annotated[WholeNumber, Field(ge=0, le=MAX_OVERLAP_SECONDS)] = (
        DEFAULT_OVERLAP_SECONDS
    )
    """How long the secret before it signs as well."""


class RotatedSecret(Answer):
    """A new secret; the one before it signs as well until a moment."""

    secret: str = Field(repr=False)
    previous_until: datetime | None = None


class DeliveryAttempt(Answer):
    """One request to a receiver, and what became of it."""

    number: int
    at: datetime
    milliseconds: int
    status: int | None = None
    """What the receiver answered; None: it did not."""
    error: str = ""
    """Why it did not: timeout, refused_address, connection, tls, answer."""
    detail: str = ""
    """The first part of the answer, or of the error."""


class WebhookDelivery(Answer):
    """An event for a subscription, and what became of it."""

    event_id: str
    """Sent as `webhook-id`, with every repetition the same."""
    type: str
    model: str
    sequence: int
    state: DeliveryState
    recorded_at: datetime
    settled_at: datetime | None = None
    attempt_count: int = 0
    attempts: list[DeliveryAttempt] = Field(default_factory=list[DeliveryAttempt])
    """The newest ones, the last one last."""
    replays: int = 0
    """How often it was delivered anew by request."""


class WebhookDeliveryPage(Answer):
    """Deliveries, the newest first."""

    items: list[WebhookDelivery]
    next_cursor: str | None = None


class ReplayRequest(Schema):
    """Asks for deliveries to be made again: one, those of a time, or those of a model's numbers."""

    event_id: Annotated[str, StringConstraints(min_length=1, max_length=128)] | None = None
    since: AwareDatetime | None = None
    """Recorded at this moment or later."""
    until: AwareDatetime | None = None
    """Recorded before this moment."""
    model: Annotated[str, StringConstraints(max_length=MAX_MODEL_CHARACTERS)] | None = None
    from_sequence: Annotated[WholeNumber, Field(ge=0, le=MAX_SEQUENCE)] | None = None
    to_sequence: Annotated[WholeNumber, Field(ge=0, le=MAX_SEQUENCE)] | None = None
    """Included."""
    failed_only: bool = False
    """Only those that were given up or withheld."""

    @model_validator(mode="after")
    def _names_a_range(self) -> Self:
        in_time = self.since is not None or self.until is not None
        numbered = self.from_sequence is not None or self.to_sequence is not None
        if numbered and self.model is None:
            raise ValueError("must name the model whose sequence numbers are meant")
        if self.event_id is not None and (in_time or self.model is not None):
            raise ValueError("must name an event_id, or a range, and not both")
        if self.event_id is None and not in_time and self.model is None:
            raise ValueError("must name an event_id, since or until, or a model")
        return self


class Replay(Answer):
    """How many deliveries are made again."""

    count: int
    is_complete: bool = True
    """False: there are newer ones; ask again with `since` set to `rest_from`."""
    rest_from: datetime | None = None
    """When the last of these was recorded, where there are more."""
