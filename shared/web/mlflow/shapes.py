"""Models and versions as MLflow's clients read them. Times are milliseconds since 1970, in UTC."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from registry.schemas import Alias, Model, Version, VersionState, VersionSummary
from registry.schemas.links import Link
from registry.schemas.mlflow import MODEL_ID, OWN_TAGS, RUN_ID, RUN_LINK, SOURCE, key_of
from shared.domain.aliases import MoveRecord
from shared.web.mlflow.errors import PREFIX

Status = Literal["READY", "PENDING_REGISTRATION", "FAILED_REGISTRATION"]
_STATUS: Mapping[VersionState, Status] = {
    "pending": "PENDING_REGISTRATION",
    "verifying": "PENDING_REGISTRATION",
    "ready": "READY",
    "rejected": "FAILED_REGISTRATION",
    "missing": "FAILED_REGISTRATION",
    "deleted": "FAILED_REGISTRATION",
}


class MlflowAnswer(BaseModel):
    """An answer of MLflow's."""

    model_config = ConfigDict(frozen=True)


class Tag(MlflowAnswer):
    """A tag."""

    key: str
    value: str


class ModelAlias(MlflowAnswer):
    """An alias of a model."""

    alias: str
    version: str


class ModelVersion(MlflowAnswer):
    """A version; its number is a text."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    """When it became ready, or else was made: edits do not count."""
    current_stage: Literal["None"] = "None"
    """There are no stages here; aliases are what took their place in MLflow, too."""
    description: str = ""
    source: str
    """Where MLflow had the files from; else where they are here."""
    run_id: str = ""
    run_link: str = ""
    model_id: str = ""
    status: Status
    status_message: str = ""
    tags: list[Tag] = Field(default_factory=list[Tag])
    aliases: list[str] = Field(default_factory=list[str])


class RegisteredModel(MlflowAnswer):
    """A model."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    latest_versions: list[ModelVersion] = Field(default_factory=list[ModelVersion])
    """The highest number that is ready, if there is one."""
    tags: list[Tag] = Field(default_factory=list[Tag])
    aliases: list[ModelAlias] = Field(default_factory=list[ModelAlias])


class VersionAnswer(MlflowAnswer):
    """Answers one version."""

    model_version: ModelVersion


class ModelAnswer(MlflowAnswer):
    """Answers one model."""

    registered_model: RegisteredModel


class NothingAnswer(MlflowAnswer):
    """Answers that it is done."""


def told_version(
    version: Version | VersionSummary, query_url: str, run: Link | None = None
) -> ModelVersion:
    """Return a version as MLflow reads it; `run` is the run of its lineage, if there is one."""
    tags = version.tags
    return ModelVersion(
        name=version.model,
        version=str(version.number),
        creation_timestamp=_milliseconds(version.created_at),
        last_updated_timestamp=_milliseconds(version.ready_at or version.created_at),
        description=version.description,
        source=tags.get(SOURCE) or artifacts_url(query_url, version.model, version.number),
        run_id=tags.get(RUN_ID) or (run.name if run else ""),
        run_link=tags.get(RUN_LINK) or ((run.uri or "") if run else ""),
        model_id=tags.get(MODEL_ID, ""),
        status=_STATUS[version.state],
        status_message=_message(version),
        tags=_tags(tags),
        aliases=version.aliases,
    )


def told_model(
    model: Model, aliases: Iterable[MoveRecord | Alias], latest: Sequence[ModelVersion]
) -> RegisteredModel:
    """Return a model as MLflow reads it."""
    return RegisteredModel(
        name=model.name,
        creation_timestamp=_milliseconds(model.created_at),
        last_updated_timestamp=_milliseconds(model.created_at),
        description=model.description,
        latest_versions=list(latest),
        tags=_tags(model.tags),
        aliases=[ModelAlias(alias=each.alias, version=_number(each)) for each in aliases],
    )


def artifacts_url(query_url: str, model: str, number: int) -> str:
    """Return the address below which MLflow's clients list and fetch a version's files."""
    return f"{query_url.rstrip('/')}{PREFIX}/mlflow-artifacts/artifacts/{model}/{number}"


def _tags(tags: Mapping[str, str]) -> list[Tag]:
    return [Tag(key=key_of(name), value=tags[name]) for name in tags if name not in OWN_TAGS]


def _number(alias: MoveRecord | Alias) -> str:
    return str(alias.to_number if isinstance(alias, MoveRecord) else alias.number)


def _message(version: Version | VersionSummary) -> str:
    if version.state == "missing":
        return "an object of it is not in storage any more"
    return "; ".join(each.detail for each in version.reasons)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
