"""Lineage over HTTP: each route parses, calls one use case, and answers."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends

from registry.schemas.links import LineageRequest, VersionLinks, check_link_id
from registry.schemas.names import check_version
from services.ingest.context import RequestContext
from services.ingest.lineage import lineage
from services.ingest.lineage.lineage import Named
from shared.domain.access.actions import Action
from shared.domain.errors import checked
from shared.web.access.caller import Caller, declares
from shared.web.json_body import JsonRoute
from shared.web.problems import PROBLEMS

router = APIRouter(
    prefix="/v1/models/{model}/versions/{version}/lineage",
    tags=["lineage"],
    responses=PROBLEMS,
    route_class=JsonRoute,
)

Changer = Annotated[Caller, declares(Action.CHANGE_LINEAGE)]


async def _named(model: str, version: str, caller: Changer) -> Named:
    return Named(model, checked("version", check_version, version), caller)


NamedVersion = Annotated[Named, Depends(_named)]
Added = Annotated[
    LineageRequest,
    Body(
        openapi_examples={
            "texts": {
                "summary": "Written short",
                "value": {"parents": ["base@3"], "datasets": ["s3://data/churn/2026-11"]},
            },
            "whole": {
                "summary": "With all that can be said",
                "value": {
                    "parents": [
                        {"model": "base", "version": "@production", "relation": "fine_tuned"},
                        {"uri": "hf://org/adapter", "relation": "merged"},
                    ],
                    "datasets": [
                        {
                            "uri": "s3://data/churn/2026-11",
                            "name": "churn",
                            "digest": "sha256:9f86d081884c7d65",
                            "relation": "trained_on",
                        }
                    ],
                    "run": {"id": "a1b2c3", "uri": "https://mlflow.example/runs/a1b2c3"},
                    "code": {"uri": "https://git.example/churn", "revision": "5f0c2d9e"},
                },
            },
        }
    ),
]


@router.post("", summary="Add what a version was made from")
async def add_links(named: NamedVersion, request: Added, context: RequestContext) -> VersionLinks:
    """Answer all links of the version; what was said already is not said twice."""
    return await lineage.add_links(named, request, context)


@router.delete("/{link_id}", summary="Remove a link of a version")
async def remove_link(named: NamedVersion, link_id: str, context: RequestContext) -> VersionLinks:
    """Answer the links that are left; a link that is gone already is no error."""
    checked("link_id", check_link_id, link_id)
    return await lineage.remove_link(named, link_id, context)
