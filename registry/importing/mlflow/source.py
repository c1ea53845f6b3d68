"""Models and versions of an MLflow server, as an importing run takes them."""

import contextlib
import math
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from registry.errors import ProtocolError
from registry.importing.mlflow.artifacts import fetch_files
from registry.importing.mlflow.server import (
    Fields,
    MlflowServer,
    NotThere,
    Query,
    listed,
    understood,
)
from registry.importing.sources import FoundModel, FoundVersion, ImportRefused
from registry.schemas.mlflow import entry_name, own_tags

PAGE = 500
"""Items that are asked for at once."""
PROMPT = "mlflow.prompt.is_prompt"
STAGE = "mlflow_stage"
"""Tag that keeps the stage that a version was in."""
MOST_RUNS = 256
"""Runs that are remembered: several versions may be of one."""


@dataclass
class MlflowSource:
    """The registry of one MLflow server, with the runs of the same one or another."""

    registry: MlflowServer
    tracking: MlflowServer
    only: Collection[str] = ()
    """Names of the models that are wanted; none: all."""
    called: str = ""
    """What versions are found again by, where the server's address may change."""
    local_root: Path | None = None
    """The one folder of this machine in which the server may say that files are."""
    _runs: dict[str, Fields] = field(default_factory=dict[str, "Fields"])

    async def models(self) -> AsyncIterator[FoundModel]:
        """Yield the models, but for prompts, which are none."""
        for name in self.only:
            try:
                found = await self.registry.get("mlflow/registered-models/get", {"name": name})
            except ImportRefused as error:
                yield FoundModel(name, problem=str(error))
            else:
                yield _model(found)
        if self.only:
            return
        async for each in self._pages("registered-models/search", "registered_models", {}):
            if _tags(each).get(PROMPT, "").lower() != "true":
                # Searches of some releases tell no aliases.
                query = {"name": str(each.get("name", ""))}
                with contextlib.suppress(NotThere):  # it was deleted meanwhile
                    yield _model(await self.registry.get("mlflow/registered-models/get", query))

    async def versions(self, model: FoundModel) -> AsyncIterator[FoundVersion]:
        """Yield the versions that are ready, the oldest first; raises ImportRefused."""
        if "'" in model.name and '"' in model.name:
            raise ImportRefused(
                "its name has both kinds of quotes, which no filter of MLflow takes"
            )
        quote = '"' if "'" in model.name else "'"
        query = {
            "filter": f"name={quote}{model.name}{quote}",
            "order_by": "version_number ASC",
        }
        async for each in self._pages("model-versions/search", "model_versions", query):
            if each.get("status", "READY") == "READY":
                yield self._version(each)

    async def described(self, version: FoundVersion) -> FoundVersion:
        """Return the version with metrics and parameters of its run, where the run is there."""
        return _with_run(version, await self._run(version.run_id))

    async def fetch(self, version: FoundVersion, folder: Path) -> Path:
        """Return a folder with the version's files; raises ImportRefused, UnavailableError."""
        query = {"name": version.model, "version": str(version.version)}
        found = await self.registry.get("mlflow/model-versions/get-download-uri", query)
        place = str(found.get("artifact_uri", ""))
        return await fetch_files(self.registry, place, folder, self.local_root)

    async def _pages(self, path: str, items: str, query: Query) -> AsyncIterator[Fields]:
        token = ""
        while True:
            asked: dict[str, str | int] = {**query, "max_results": PAGE}
            if token:
                asked["page_token"] = token
            page = await self.registry.get(f"mlflow/{path}", asked)
            for each in listed(page, items):
                yield each
            before, token = token, str(page.get("next_page_token") or "")
            if not token:
                return
            if token == before:
                raise ProtocolError("the server leads from a page of its list to the same one")

    @understood()
    def _version(self, told: Fields) -> FoundVersion:
        number = str(told["version"])
        own = own_tags(
            run_id=told.get("run_id"),
            run_link=told.get("run_link"),
            source=told.get("source"),
            model_id=told.get("model_id"),
        )
        stage = str(told.get("current_stage") or "None")
        if stage != "None":
            own[STAGE] = stage
        return FoundVersion(
            model=str(told["name"]),
            version=int(number),
            identity=f"mlflow {self.called or self.registry.address} {told['name']}/{number}",
            description=str(told.get("description") or ""),
            tags=_entries(_tags(told)) | own,
            run_id=str(told.get("run_id") or ""),
        )

    async def _run(self, run_id: str) -> Fields:
        """Return a run, or nothing where it is not there."""
        if not run_id:
            return {}
        if run_id not in self._runs:
            try:
                found = await self.tracking.get("mlflow/runs/get", {"run_id": run_id})
            except NotThere:
                found = cast("Fields", {})
            if len(self._runs) >= MOST_RUNS:
                self._runs.pop(next(iter(self._runs)))
            self._runs[run_id] = cast("Fields", found.get("run") or {})
        return self._runs[run_id]


@understood()
def _with_run(version: FoundVersion, run: Fields) -> FoundVersion:
    data = cast("Fields", run.get("data") or {})
    metrics = {str(each["key"]): each.get("value") for each in listed(data, "metrics")}
    parameters = {each["key"]: str(each.get("value", "")) for each in listed(data, "params")}
    return replace(
        version,
        metrics={
            entry_name(name): float(value)
            for name, value in metrics.items()
            if isinstance(value, (int, float)) and math.isfinite(value)
        },
        parameters={entry_name(name): value for name, value in parameters.items()},
    )


@understood()
def _model(answer: Fields) -> FoundModel:
    told = cast("Fields", answer["registered_model"])
    aliases = {str(each["alias"]): int(each["version"]) for each in listed(told, "aliases")}
    return FoundModel(
        name=str(told["name"]),
        description=str(told.get("description") or ""),
        tags=_entries(_tags(told)),
        aliases=aliases,
    )


@understood()
def _tags(told: Fields) -> dict[str, str]:
    return {str(each["key"]): str(each.get("value") or "") for each in listed(told, "tags")}


def _entries(tags: Mapping[str, str]) -> dict[str, str]:
    return {entry_name(name): value for name, value in tags.items()}
