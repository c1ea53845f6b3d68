"""MLflow's registry over HTTP: each route parses, calls one use case, and answers.

What writes is ingest's, at the same paths: it is handed on.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from services.query.context import RequestContext
from services.query.mlflow import artifacts, lookups, searching
from services.query.mlflow.artifacts import Files
from services.query.mlflow.searching import Asked, ModelVersions, RegisteredModels
from services.query.search.statements.places import MAX_CURSOR_CHARACTERS
from shared.domain.access.actions import Action
from shared.web.access.caller import Caller, declares
from shared.web.json_body import JsonRoute
from shared.web.mlflow.errors import PREFIX
from shared.web.mlflow.numbers import read_number
from shared.web.mlflow.shapes import (
    MlflowAnswer,
    ModelAnswer,
    ModelVersion,
    VersionAnswer,
    artifacts_url,
)
from shared.web.problems import PROBLEMS

router = APIRouter(prefix=PREFIX, tags=["mlflow"], responses=PROBLEMS, route_class=JsonRoute)

Reader = Annotated[Caller, declares(Action.READ)]
Downloader = Annotated[Caller, declares(Action.DOWNLOAD)]
Sender = Annotated[Caller, declares(Action.IDENTIFY)]
"""Who sends what is handed on: ingest decides whether they may."""
Name = Annotated[str, Query(min_length=1, max_length=256)]
Number = Annotated[str, Query(max_length=32)]
MostVersions = Annotated[int, Query(ge=1, le=200_000)]
MostModels = Annotated[int, Query(ge=1, le=100_000)]
PageToken = Annotated[str | None, Query(max_length=MAX_CURSOR_CHARACTERS)]
OrderBy = Annotated[list[str] | None, Query(max_length=16)]


class LatestRequest(BaseModel):
    """Asks for the latest version of each stage."""

    name: str = Field(min_length=1, max_length=256)
    stages: list[str] = Field(default_factory=list[str], max_length=16)


class LatestVersions(MlflowAnswer):
    """The latest version, if there is one."""

    model_versions: list[ModelVersion] = Field(default_factory=list[ModelVersion])


class DownloadAddress(MlflowAnswer):
    """Where a version's files are listed and fetched."""

    artifact_uri: str


@router.get("/mlflow/registered-models/get", summary="Get a model")
async def get_model(name: Name, caller: Reader, context: RequestContext) -> ModelAnswer:
    """Answer a model with its aliases and its latest version."""
    caller.require(name)
    return ModelAnswer(registered_model=await lookups.find_model(name, context))


@router.get("/mlflow/registered-models/search", summary="Search models by MLflow's filters")
async def search_models(
    caller: Reader,
    context: RequestContext,
    filter: Annotated[str, Query()] = "",
    max_results: MostModels = 100,
    order_by: OrderBy = None,
    page_token: PageToken = None,
) -> RegisteredModels:
    """Answer a page of the models that the caller may read and that match."""
    asked = Asked(filter, order_by or (), max_results, page_token)
    return await searching.search_models(asked, caller.names, context)


@router.get("/mlflow/registered-models/get-latest-versions", summary="Get the latest version")
async def get_latest_versions(
    name: Name,
    caller: Reader,
    context: RequestContext,
    stages: Annotated[list[str] | None, Query(max_length=16)] = None,
) -> LatestVersions:
    """Answer the latest version that is ready; of stages other than None there is none."""
    caller.require(name)
    found = await lookups.latest_versions(name, stages or (), context)
    return LatestVersions(model_versions=found)


@router.post("/mlflow/registered-models/get-latest-versions", summary="Get the latest version")
async def post_latest_versions(
    request: LatestRequest, caller: Reader, context: RequestContext
) -> LatestVersions:
    """Answer the same; this is how MLflow's clients ask."""
    caller.require(request.name)
    found = await lookups.latest_versions(request.name, request.stages, context)
    return LatestVersions(model_versions=found)


@router.get("/mlflow/registered-models/alias", summary="Get the version of an alias")
async def get_version_of_alias(
    name: Name, alias: Name, caller: Reader, context: RequestContext
) -> VersionAnswer:
    """Answer the version that an alias points at."""
    caller.require(name)
    return VersionAnswer(model_version=await lookups.find_version(name, f"@{alias}", context))


@router.get("/mlflow/model-versions/get", summary="Get a version by its number")
async def get_version(
    name: Name, version: Number, caller: Reader, context: RequestContext
) -> VersionAnswer:
    """Answer a version."""
    caller.require(name)
    number = str(read_number(version))
    return VersionAnswer(model_version=await lookups.find_version(name, number, context))


@router.get("/mlflow/model-versions/search", summary="Search versions by MLflow's filters")
async def search_versions(
    caller: Reader,
    context: RequestContext,
    filter: Annotated[str, Query()] = "",
    max_results: MostVersions = 200_000,
    order_by: OrderBy = None,
    page_token: PageToken = None,
) -> ModelVersions:
    """Answer a page of the versions that the caller may read and that match."""
    asked = Asked(filter, order_by or (), max_results, page_token)
    return await searching.search_versions(asked, caller.names, context)


@router.get("/mlflow/model-versions/get-download-uri", summary="Where a version's files are")
async def get_download_uri(
    name: Name, version: Number, caller: Reader, context: RequestContext
) -> DownloadAddress:
    """Answer the address below which the version's files are listed and fetched."""
    caller.require(name)
    found = await lookups.find_there(name, str(read_number(version)), context)
    url = artifacts_url(context.settings.query_url, name, found.number)
    return DownloadAddress(artifact_uri=url)


@router.get(
    "/mlflow-artifacts/artifacts",
    summary="List a folder of a version",
    response_model_exclude_none=True,
)
async def list_artifacts(
    path: Annotated[str, Query(min_length=1, max_length=2048)],
    caller: Downloader,
    context: RequestContext,
) -> Files:
    """Answer what lies in a folder, named as MODEL/VERSION/FOLDER."""
    model, number, folder = artifacts.named_place(path)
    caller.require(model)
    return await artifacts.list_files(model, number, folder, context)


@router.get(
    "/mlflow-artifacts/artifacts/{model}/{version}/{path:path}",
    summary="Fetch a file of a version",
    status_code=HTTPStatus.FOUND,
    response_class=RedirectResponse,
)
async def get_artifact(
    model: str, version: str, path: str, caller: Downloader, context: RequestContext
) -> Response:
    """Answer a redirection to storage, which has the bytes; of an empty file, nothing."""
    url = await artifacts.sign_file(model, version, path, context)
    return Response() if url is None else RedirectResponse(url, HTTPStatus.FOUND)


@router.post("/mlflow/{operation:path}", summary="Change something, as MLflow does (by ingest)")
async def post(
    operation: str, caller: Sender, request: Request, context: RequestContext
) -> Response:
    """Answer what ingest does."""
    return await context.ingest.forward(request)


@router.patch("/mlflow/{operation:path}", summary="Edit something, as MLflow does (by ingest)")
async def patch(
    operation: str, caller: Sender, request: Request, context: RequestContext
) -> Response:
    """Answer what ingest does."""
    return await context.ingest.forward(request)


@router.delete("/mlflow/{operation:path}", summary="Remove something, as MLflow does (by ingest)")
async def delete(
    operation: str, caller: Sender, request: Request, context: RequestContext
) -> Response:
    """Answer what ingest does."""
    return await context.ingest.forward(request)
