"""The calls of the client that are one request each, or one for each page."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from registry._api import Api
from registry._edit_calls import EditCalls
from registry._event_calls import EventCalls
from registry._lifecycle_calls import LifecycleCalls
from registry._lineage_calls import LineageCalls
from registry._pages import each_item
from registry._rule_calls import RuleCalls
from registry._search_calls import SearchCalls
from registry._tokens import Tokens
from registry._webhooks import Webhooks
from registry.schemas import (
    Discovery,
    Downloads,
    Model,
    UploadRequest,
    UploadSession,
    Version,
    VersionSummary,
)
from registry.schemas.access import AuditEntry, Identity
from registry.schemas.comparison import Comparison


class PlainCalls(RuleCalls, LineageCalls, EditCalls, LifecycleCalls, SearchCalls, EventCalls):
    """Looks models and versions up, and takes the steps of an upload by hand."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self.tokens = Tokens(api)
        """The registry's tokens: made, listed, revoked."""
        self.webhooks = Webhooks(api)
        """The registry's webhooks: made, paused, tried, and what was delivered to them."""

    async def whoami(self) -> Identity:
        """Return who the registry takes the caller for, and what they may do."""
        return await self._api.identify()

    async def discover(self) -> Discovery:
        """Return the addresses of the services and of the event topic."""
        return await self._api.discover()

    async def get_model_info(self, model: str) -> Model:
        """Return a registered model; raises NotFoundError."""
        return await self._api.get_model(model)

    def list_models(self) -> AsyncIterator[Model]:
        """Yield every registered model in order of name, fetched page by page."""
        return each_item(self._api.list_models)

    def list_versions(self, model: str) -> AsyncIterator[VersionSummary]:
        """Yield the versions of a model, newest first and without files, fetched page by page."""
        return each_item(partial(self._api.list_versions, model))

    async def get_version(self, model: str, version: str | int = "latest") -> Version:
        """Return a version by number, label, "@alias" or "latest"; raises NotFoundError.

        "@production?at=2026-11-01T00:00:00Z" is the one that the alias pointed at then.
        """
        return await self._api.get_version(model, version)

    async def get_version_by_id(self, version_id: str) -> Version:
        """Return a version by its id or by the `client_id` it was uploaded with."""
        return await self._api.get_version_by_id(version_id)

    async def compare(
        self, model: str, versions: Sequence[str | int], *, limit: int = 500
    ) -> Comparison:
        """Compare two to ten versions: their metadata, files and tensors, what differs first.

        They are named as in `get_version`. Each list has up to `limit` rows, and the counts beside
        it have all of them. Raises NotFoundError, InvalidRequestError.
        """
        return await self._api.compare(model, versions, limit)

    async def get_downloads(
        self,
        model: str,
        version: str | int = "latest",
        *,
        path: str | None = None,
        cursor: str | None = None,
    ) -> Downloads:
        """Return a page of signed URLs for a ready version's files; raises VersionNotReadyError.

        `next_cursor` of the answer is the `cursor` of the next page.
        """
        return await self._api.get_downloads(model, version, path, cursor)

    async def open_upload(self, request: UploadRequest, *, idempotency_key: str) -> UploadSession:
        """Open an upload by hand; the same key and request return the same upload.

        Its `token` is for this upload alone: a job that is handed it with `upload_id` needs no
        other, see `continue_upload`.
        """
        return (await self._api.open_upload(request, idempotency_key))[0]

    async def get_upload(self, upload_id: str) -> UploadSession:
        """Return an upload as storage has it, with fresh URLs."""
        return await self._api.get_upload(upload_id)

    async def complete_upload(
        self, upload_id: str, *, sha256: Mapping[str, str] | None = None
    ) -> UploadSession:
        """Say that every byte has been sent; raises UploadIncompleteError, UploadAbortedError."""
        return await self._api.complete_upload(upload_id, sha256)

    async def abort_upload(self, upload_id: str) -> None:
        """Give an upload up; raises ConflictError once it is completed."""
        await self._api.abort_upload(upload_id)

    def audit(
        self,
        *,
        principal: str | None = None,
        action: str | None = None,
        model: str | None = None,
        subject: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncIterator[AuditEntry]:
        """Yield entries of the audit that the caller administers, the newest first.

        `subject` is what else an entry is about beside its model, such as `version:ID`.
        A time without an offset is this machine's local time; `until` is not part of it. Raises
        AccessDeniedError for who administers nothing.
        """
        wanted = {
            "principal": principal,
            "action": action,
            "model": model,
            "subject": subject,
            "outcome": outcome,
            "since": since.astimezone().isoformat() if since else None,
            "until": until.astimezone().isoformat() if until else None,
        }
        return each_item(partial(self._api.list_audit, wanted))
