"""Signatures of https://www.standardwebhooks.com, and the CloudEvents that they are over."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from registry.schemas.webhooks import WebhookMode
from shared.domain.events import CONTENT_TYPE

PREFIX = "whsec_"
_SECRET_BYTES = 32
"""The specification asks for 24 to 64."""
_PLAIN = frozenset(map(chr, range(0x21, 0x7F))) - frozenset('"%')


def new_secret() -> str:
    """Make a secret of 256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return `v1,` and the HMAC-SHA256 of id, timestamp and body, joined by dots."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signed_headers(
    live_secrets: Iterable[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the three headers; `timestamp` is in seconds since 1970.

    While secrets are exchanged each of them signs, and a receiver takes whichever it knows.
    """
    signatures = (signature(each, message_id, timestamp, body) for each in live_secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def cloud_event(event: str, mode: WebhookMode) -> tuple[dict[str, str], bytes]:
    """Return headers and body of an event, which is given as structured JSON.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
    """
    if mode == "structured":
        return {"content-type": CONTENT_TYPE}, event.encode()
    attributes: dict[str, Any] = json.loads(event)
    data = attributes.pop("data", None)
    content_type = str(attributes.pop("datacontenttype", "application/json"))
    headers = {f"ce-{name}": _header_text(value) for name, value in attributes.items()}
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return {"content-type": content_type, **headers}, body


def _header_text(value: object) -> str:
    """Return a value as section 3.1.3.2 writes it: all but printable ASCII is percent-encoded."""
    text = json.dumps(value) if isinstance(value, (bool, Mapping, list)) else str(value)
    return "".join(
        c if c in _PLAIN else "".join(f"%{byte:02X}" for byte in c.encode(errors="replace"))
        for c in text
    )
