"""Webhooks: addresses that the registry tells of events, and what was delivered to each.

Example:
    >>> from registry.schemas.event_types import event_types
    >>> event_types("version.ready")
    ('registry.version.ready.v1',)
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from registry._answers import parse, request_of
from registry._api import Api
from registry._pages import each_item
from registry._services import segment
from registry.schemas.webhooks import (
    DEFAULT_OVERLAP_SECONDS,
    DeliveryState,
    NewWebhook,
    Replay,
    ReplayRequest,
    RotatedSecret,
    RotateRequest,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryPage,
    WebhookMode,
    WebhookPage,
    WebhookPatch,
    WebhookRequest,
)

_PATH = "/v1/webhooks"


class Webhooks:
    """The webhooks of a registry, as `client.webhooks`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def create(
        self,
        url: str,
        *,
        models: Iterable[str] = ("*",),
        types: Iterable[str] = (),
        aliases: Iterable[str] = (),
        tags: Mapping[str, str] | None = None,
        mode: WebhookMode = "structured",
        description: str = "",
        owner: str | None = None,
    ) -> NewWebhook:
        """Subscribe an address to events; its `secret` is told this once.

        A call whose answer is lost is sent again, and makes one.

        Args:
            url: where events are sent, by POST.
            models: patterns of model names, as in grants: "churn", "risk.*", "*".
            types: types of events, such as "version.ready"; none: all.
            aliases: only what is about these aliases, or versions that they point at.
            tags: only what is about versions with all of these tags.
            mode: "structured", the CloudEvent as JSON, or "binary", its data with headers.
            description: what it is for; for people alone.
            owner: "token:ID", whose grants say what is delivered; None: the caller's own.

        Raises:
            InvalidRequestError: the address or a filter breaks a rule.
            AccessDeniedError: the caller is told of no such model.
        """
        asked: dict[str, Any] = {
            "url": url,
            "models": list(models),
            "types": list(types),
            "aliases": list(aliases),
            "tags": dict(tags or {}),
            "mode": mode,
            "description": description,
            "owner": owner,
        }
        body = request_of(WebhookRequest, asked)
        headers = {"idempotency-key": uuid4().hex}
        answer = await self._api.call("ingest", "POST", _PATH, body=body, headers=headers)
        return parse(answer, NewWebhook)

    def list(self) -> AsyncIterator[Webhook]:
        """Yield the webhooks that the caller owns or made, the newest first.

        Who administers everything gets those of all others, too.
        """

        async def page(cursor: str | None, limit: int) -> WebhookPage:
            return await self._api.get(_PATH, WebhookPage, {"cursor": cursor, "limit": limit})

        return each_item(page)

    async def get(self, webhook: str) -> Webhook:
        """Return a webhook with its state; raises NotFoundError."""
        return await self._api.get(_path(webhook), Webhook)

    async def change(self, webhook: str, **fields: Any) -> Webhook:
        """Change a webhook's url, models, types, aliases, tags, mode or description.

        Raises NotFoundError, InvalidRequestError.
        """
        body = request_of(WebhookPatch, fields)
        return parse(await self._api.call("ingest", "PATCH", _path(webhook), body=body), Webhook)

    async def delete(self, webhook: str) -> None:
        """Send nothing more, and forget it; raises NotFoundError."""
        await self._api.call("ingest", "DELETE", _path(webhook))

    async def pause(self, webhook: str) -> Webhook:
        """Send nothing for a while; events are kept for it. Raises NotFoundError."""
        return parse(await self._api.call("ingest", "POST", f"{_path(webhook)}/pause"), Webhook)

    async def resume(self, webhook: str) -> Webhook:
        """Send again, also where it was disabled; what was kept first. Raises NotFoundError."""
        return parse(await self._api.call("ingest", "POST", f"{_path(webhook)}/resume"), Webhook)

    async def rotate(
        self, webhook: str, *, overlap_seconds: int = DEFAULT_OVERLAP_SECONDS
    ) -> RotatedSecret:
        """Make a new secret, told this once; the one before signs beside it for a while.

        Raises NotFoundError.
        """
        body = request_of(RotateRequest, {"overlap_seconds": overlap_seconds})
        path = f"{_path(webhook)}/rotate"
        return parse(await self._api.call("ingest", "POST", path, body=body), RotatedSecret)

    async def test(self, webhook: str) -> WebhookDelivery:
        """Have an event sent that tells of nothing; `deliveries` says what became of it.

        Raises NotFoundError, and ConflictError where it is not active.
        """
        path = f"{_path(webhook)}/test"
        return parse(await self._api.call("ingest", "POST", path), WebhookDelivery)

    async def replay(
        self,
        webhook: str,
        event_id: str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        model: str | None = None,
        from_sequence: int | None = None,
        to_sequence: int | None = None,
        failed_only: bool = False,
    ) -> Replay:
        """Have deliveries made again: one by its event's id, or those of a time or of a model.

        A time without an offset is this machine's local time. Each keeps its `webhook-id`. Raises
        NotFoundError, InvalidRequestError.
        """
        asked = {
            "event_id": event_id,
            "since": since.astimezone() if since else None,
            "until": until.astimezone() if until else None,
            "model": model,
            "from_sequence": from_sequence,
            "to_sequence": to_sequence,
            "failed_only": failed_only,
        }
        body = request_of(ReplayRequest, asked)
        path = f"{_path(webhook)}/replay"
        return parse(await self._api.call("ingest", "POST", path, body=body), Replay)

    def deliveries(
        self, webhook: str, *, state: DeliveryState | None = None, model: str | None = None
    ) -> AsyncIterator[WebhookDelivery]:
        """Yield what was delivered, or is to be, the newest first; raises NotFoundError."""
        return each_item(partial(self._deliveries, webhook, state, model))

    async def _deliveries(
        self, webhook: str, state: str | None, model: str | None, cursor: str | None, limit: int
    ) -> WebhookDeliveryPage:
        params = {"state": state, "model": model, "cursor": cursor, "limit": limit}
        return await self._api.get(f"{_path(webhook)}/deliveries", WebhookDeliveryPage, params)


def _path(webhook: str) -> str:
    return f"{_PATH}/{segment(webhook)}"
