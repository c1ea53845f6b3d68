"""The client's calls about a version's life: archived, held, copied, deleted, restored."""

from uuid import uuid4

from registry._answers import parse, request_of
from registry._api import Api, named_version
from registry._services import segment
from registry.schemas import CopyRequest, DeletedVersion, HoldRequest, Version


class LifecycleCalls:
    """Puts versions away, copies, deletes and restores them.

    A version is named by its number or label. Calls that find it as they would make it change
    nothing, so that one whose answer is lost is sent again without harm.
    """

    _api: Api

    async def archive_version(self, model: str, version: str | int) -> Version:
        """Put a version away: it is neither "latest" nor an alias's, and downloads as before.

        Raises NotFoundError, ConflictError where an alias points at it, AccessDeniedError.
        """
        return await self._change("POST", model, version, "/archive")

    async def unarchive_version(self, model: str, version: str | int) -> Version:
        """Take a version out of the archive; raises NotFoundError, AccessDeniedError."""
        return await self._change("POST", model, version, "/unarchive")

    async def hold_version(self, model: str, version: str | int, *, reason: str = "") -> Version:
        """Have nothing of a version removed until it is released.

        Raises NotFoundError, ConflictError where it is purged already, AccessDeniedError.
        """
        body = request_of(HoldRequest, {"reason": reason})
        answer = await self._api.call("ingest", "PUT", _path(model, version, "/hold"), body=body)
        return parse(answer, Version)

    async def release_version(self, model: str, version: str | int) -> Version:
        """End the hold of a version; raises NotFoundError, AccessDeniedError."""
        return await self._change("DELETE", model, version, "/hold")

    async def delete_version(
        self, model: str, version: str | int, *, reason: str = ""
    ) -> DeletedVersion:
        """Delete a version; until `deletion.purge_due_at` of the answer it can be restored.

        `children` of the answer are versions that were made from it; they stay.

        Raises NotFoundError, ConflictError where an alias points at it, where it is held or still
        being uploaded, AccessDeniedError.
        """
        params = {"reason": reason or None}
        answer = await self._api.call("ingest", "DELETE", _path(model, version), params=params)
        return parse(answer, DeletedVersion)

    async def restore_version(self, model: str, version: str | int) -> Version:
        """Make a deleted version what it was before.

        Raises NotFoundError, ConflictError once its files are removed, AccessDeniedError.
        """
        return await self._change("POST", model, version, "/restore")

    async def copy_version(
        self,
        model: str,
        version: str | int,
        to_model: str,
        *,
        to_version: str | int | None = None,
        idempotency_key: str | None = None,
    ) -> Version:
        """Make a version of another model with the same files and metadata; no byte is moved.

        `to_version` is a free number, or a label beside the next number. Raises NotFoundError,
        VersionNotReadyError, ConflictError where it exists, AccessDeniedError.
        """
        body = request_of(CopyRequest, {"model": to_model, "version": to_version})
        named, at = named_version(version)
        answer = await self._api.call(
            "ingest",
            "POST",
            _path(model, named, "/copy"),
            body=body,
            params={"at": at},
            headers={"idempotency-key": idempotency_key or uuid4().hex},
        )
        return parse(answer, Version)

    async def _change(self, method: str, model: str, version: str | int, step: str) -> Version:
        return parse(await self._api.call("ingest", method, _path(model, version, step)), Version)


def _path(model: str, version: str | int, step: str = "") -> str:
    return f"/v1/models/{segment(model)}/versions/{segment(str(version))}{step}"
