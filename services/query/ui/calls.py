"""What a form on a page asks of ingest: a request of the API, and what makes it once."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.domain.errors import InvalidRequest

_ONCE_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class Call:
    """A request of ingest's API."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return b"" if self.body is None else json.dumps(self.body).encode()

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers, with the type of the body where there is one."""
        told = {} if self.body is None else {"content-type": "application/json"}
        return {**told, **self.headers}


def new_once() -> str:
    """Return what tells a form that is sent twice from two forms."""
    return secrets.token_hex(_ONCE_CHARACTERS // 2)


def once_of(form: Mapping[str, str]) -> dict[str, str]:
    """Return the header by which a form that is sent twice does one thing."""
    once = form.get("once", "")
    if len(once) != _ONCE_CHARACTERS or not (once.isascii() and once.isalnum()):
        raise InvalidRequest("once", f"must be the {_ONCE_CHARACTERS} characters of the form")
    return {"idempotency-key": once}
