"""The client's calls that edit what is said of versions and models, and that tell who did."""

from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import TypedDict, Unpack
from uuid import uuid4

from pydantic import BaseModel, JsonValue

from registry._answers import AnswerT, parse, request_of
from registry._api import Api, named_version
from registry._pages import each_item
from registry._services import segment
from registry.schemas import Edit, EditPage, Model, ModelPatch, Version, VersionPatch
from registry.schemas.edits import MERGE_PATCH_JSON


class ModelChanges(TypedDict, total=False):
    """What there is to change of a model; what is left out stays as it is, None removes it."""

    description: str | None
    tags: Mapping[str, str | None] | None


class VersionChanges(ModelChanges, total=False):
    """What there is to change of a version; what is left out stays as it is, None removes it."""

    framework: str | None
    metrics: Mapping[str, float | None] | None
    parameters: Mapping[str, JsonValue] | None
    properties: Mapping[str, JsonValue] | None


class EditCalls:
    """Edits what is said of versions and models.

    Only what is named is changed: `tags={"stage": "live", "old": None}` sets one tag, removes
    another, and leaves the rest. So several can add metrics at the same moment, and none is lost.

    `if_revision` is the revision that the version or model must be at; None: whatever it is. Where
    it is at another one by now, RevisionMismatchError is raised and nothing changed. A call whose
    answer is lost is sent again and counts once.
    """

    _api: Api

    async def update_version(
        self,
        model: str,
        version: str | int,
        *,
        if_revision: int | None = None,
        reason: str = "",
        **changes: Unpack[VersionChanges],
    ) -> Version:
        """Edit a version, by number, label, "@alias" or "latest"; returns it as it is then.

        Values of parameters and properties that are objects are merged as well, as deep as they go.
        Raises NotFoundError, RevisionMismatchError, InvalidRequestError, AccessDeniedError, and
        ConflictError for a version that was rejected.
        """
        patch = request_of(VersionPatch, changes)
        path, at = _version_path(model, version)
        return await self._edit(path, patch, Version, if_revision, reason, at)

    async def update_model(
        self,
        model: str,
        *,
        if_revision: int | None = None,
        reason: str = "",
        **changes: Unpack[ModelChanges],
    ) -> Model:
        """Edit the description and the tags of a model; returns it as it is then.

        Raises NotFoundError, RevisionMismatchError, InvalidRequestError, AccessDeniedError.
        """
        patch = request_of(ModelPatch, changes)
        return await self._edit(_model_path(model), patch, Model, if_revision, reason)

    def version_edits(self, model: str, version: str | int = "latest") -> AsyncIterator[Edit]:
        """Yield the edits of a version, the newest first, fetched page by page."""
        path, at = _version_path(model, version)
        return each_item(partial(self._edits, path, at))

    def model_edits(self, model: str) -> AsyncIterator[Edit]:
        """Yield the edits of the model itself, the newest first, fetched page by page."""
        return each_item(partial(self._edits, _model_path(model), None))

    async def _edit(
        self,
        path: str,
        patch: BaseModel,
        answer: type[AnswerT],
        if_revision: int | None,
        reason: str,
        at: str | None = None,
    ) -> AnswerT:
        headers = {"content-type": MERGE_PATCH_JSON, "idempotency-key": uuid4().hex}
        if if_revision is not None:
            headers["if-match"] = f'"{if_revision}"'
        params = {"reason": reason or None, "at": at}
        found = await self._api.call(
            "ingest", "PATCH", path, body=patch, params=params, headers=headers
        )
        return parse(found, answer)

    async def _edits(self, path: str, at: str | None, cursor: str | None, limit: int) -> EditPage:
        params = {"cursor": cursor, "limit": limit, "at": at}
        return await self._api.get(f"{path}/edits", EditPage, params)


def _model_path(model: str) -> str:
    return f"/v1/models/{segment(model)}"


def _version_path(model: str, version: str | int) -> tuple[str, str | None]:
    """Return a version's path, and the moment of the alias that names it."""
    named, at = named_version(version)
    return f"{_model_path(model)}/versions/{segment(named)}", at
