"""Writes docs/api/cli.schema.json: what each command prints with `--json`.

`python -m tools.command_schemas`. One JSON schema for each command, made from the values that the
command prints. Where a command prints a line for each of several, the schema is of one line.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic reads no other before Python 3.12

from registry.cache.cache import Pruned
from registry.cache.entries import CachedVersion
from registry.cache.verification import Damage
from registry.doctor import Diagnosis
from registry.following.follower import Followed
from registry.importing.report import ImportReport
from registry.schemas import (
    Alias,
    AliasMove,
    Edit,
    Identity,
    Model,
    ModelEvent,
    NewToken,
    Token,
    Version,
    VersionSummary,
)
from registry.schemas.access import AuditEntry
from registry.schemas.comparison import Comparison
from registry.schemas.lifecycle import DeletedVersion
from registry.schemas.lineage import Lineage
from registry.schemas.links import VersionLinks
from registry.schemas.proposals import AliasProposal
from registry.schemas.rules import EffectiveRules, RetentionReport, ScopeRules
from registry.schemas.webhooks import NewWebhook, Replay, RotatedSecret, Webhook, WebhookDelivery

PAGE = Path(__file__).parent.parent / "docs" / "api" / "cli.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Place(TypedDict):
    """Where files lie now."""

    path: str


class Page(TypedDict):
    """Address of a page."""

    url: str


class RemovedAlias(TypedDict):
    """An alias that is not there any more."""

    model: str
    alias: str
    state: Literal["removed"]


class ClosedProposal(TypedDict):
    """A proposal that was withdrawn or rejected."""

    model: str
    alias: str
    proposal: str
    state: Literal["closed"]


class RemovedRules(TypedDict):
    """A scope that has no rules of its own any more."""

    scope: str
    state: Literal["removed"]


class Ended(TypedDict):
    """A token or a webhook that counts no more."""

    id: str
    state: Literal["revoked", "deleted"]


class AbortedUpload(TypedDict):
    """An upload that was given up."""

    upload_id: str
    state: Literal["aborted"]


class OpenedUpload(TypedDict):
    """What somebody else needs to send the bytes."""

    upload_id: str
    token: str | None
    url: str
    origins: list[str]
    model: str
    number: int
    version_id: str
    expires_at: str


class ForgottenProfile(TypedDict):
    """A registry whose token is kept no more."""

    url: str
    state: Literal["revoked", "forgotten"]


class KeptProfile(TypedDict):
    """A registry that is known, without its token."""

    url: str
    origins: list[str]
    has_token: bool


class Configuration(TypedDict):
    """The profiles."""

    path: str
    url: str
    default: str | None
    profiles: list[KeptProfile]


class Exported(TypedDict):
    """A version, and whether its files were written now."""

    model: str
    number: int
    written: bool


COMMANDS: Mapping[str, Any] = {
    "alias approve": AliasMove,
    "alias history": AliasMove,
    "alias list": Alias,
    "alias move": Alias,
    "alias proposals": AliasProposal,
    "alias propose": AliasProposal,
    "alias remove": RemovedAlias,
    "alias rollback": Alias,
    "alias set": Alias,
    "alias show": Alias,
    "alias withdraw": ClosedProposal,
    "annotate": Version | Model,
    "archive": Version,
    "audit": AuditEntry,
    "cache ls": CachedVersion,
    "cache prune": Pruned,
    "cache verify": Damage,
    "compare": Comparison,
    "config": Configuration,
    "copy": Version,
    "delete": DeletedVersion,
    "doctor": Diagnosis,
    "download": Place,
    "edits": Edit,
    "events": ModelEvent,
    "export": Exported,
    "fetch": Place,
    "follow": Followed,
    "hold": Version,
    "import dir": ImportReport,
    "import mlflow": ImportReport,
    "import s3": ImportReport,
    "lineage": Lineage,
    "link": VersionLinks,
    "list": Model,
    "login": Identity,
    "logout": ForgottenProfile,
    "open": Page,
    "restore": Version,
    "rules evaluate": RetentionReport,
    "rules remove": RemovedRules,
    "rules set": ScopeRules,
    "rules show": ScopeRules | EffectiveRules,
    "search": VersionSummary | Model,
    "show": Version,
    "tag": Version,
    "token create": NewToken,
    "token list": Token,
    "token revoke": Ended,
    "unlink": VersionLinks,
    "upload": Version,
    "uploads abort": AbortedUpload,
    "uploads open": OpenedUpload,
    "versions": VersionSummary,
    "webhooks change": Webhook,
    "webhooks create": NewWebhook,
    "webhooks delete": Ended,
    "webhooks deliveries": WebhookDelivery,
    "webhooks list": Webhook,
    "webhooks pause": Webhook,
    "webhooks replay": Replay,
    "webhooks resume": Webhook,
    "webhooks rotate": RotatedSecret,
    "webhooks show": Webhook,
    "webhooks test": WebhookDelivery,
    "whoami": Identity,
}
"""What each command prints; a test compares it with the commands that take `--json`."""


def command_schemas() -> str:
    """Return the text of the document."""
    named: Sequence[tuple[str, Literal["serialization"], TypeAdapter[Any]]] = [
        (name, "serialization", TypeAdapter(kind)) for name, kind in COMMANDS.items()
    ]
    found, shared = TypeAdapter.json_schemas(named)
    document = {
        "$schema": DIALECT,
        "title": "What the commands of `registry` print with --json",
        "description": "`properties` has a schema for each command; later releases may add more.",
        "type": "object",
        "properties": {name: found[name, "serialization"] for name in COMMANDS},
        **shared,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the document."""
    PAGE.write_text(command_schemas(), encoding="utf-8")
    sys.stdout.write(f"docs/api/{PAGE.name}\n")


if __name__ == "__main__":
    main()
