"""Every operation, asked for what nobody means: refused by a problem that says why, never a 500."""

import os
import random
from http import HTTPStatus
from uuid import uuid4

import httpx
import pytest

from tests.support.api import Api, file_of, sha256_of
from tests.support.odd_requests import OddRequest, OddRequests

ROUNDS = int(os.environ.get("ODD_ROUNDS", "12"))
"""Requests of each operation."""
DATA = b"bytes"


@pytest.fixture
async def known(api: Api) -> dict[str, str]:
    """Values by which there is something to find."""
    model = f"odd-{uuid4().hex[:12]}.churn"
    session = await api.open(model, file_of("model.bin", DATA))
    await api.put(session.files[0], DATA)
    version = await api.ready(session)
    target = f"/v1/models/{model}/aliases/production"
    assert (await api.ingest.put(target, json={"version": 1})).status_code == HTTPStatus.OK
    opened = await api.open(model, file_of("other.bin", DATA))
    return {
        "model": model,
        "version": "1",
        "alias": "production",
        "version_id": version.id,
        "upload_id": opened.upload_id,
        "namespace": model.partition(".")[0],  # never *: others use the same registry
        "proposal_id": uuid4().hex,
        "link_id": "0" * 16,
        "token_id": uuid4().hex[:16],
        "repo": model.replace(".", "/"),
        "revision": "@production",
        "path": "model.bin",
        "folder": "below",
        "branch": "production",
        "tag": "production",
        "staged_id": uuid4().hex,
        "name": model,
        "reference": "production",
        "digest": f"sha256:{sha256_of(DATA)}",
        "operation": "model-versions/set-tag",
        "webhook_id": await _webhook(api, model),
    }


async def _webhook(api: Api, model: str) -> str:
    body = {"url": "http://127.0.0.1:9/", "models": [model], "types": ["version.purged"]}
    made = await api.ingest.post("/v1/webhooks", json=body)
    assert made.status_code == HTTPStatus.CREATED
    return made.json()["id"]


@pytest.mark.parametrize("service", ["ingest", "query"])
async def test_what_nobody_means_is_refused_with_a_reason(
    api: Api, known: dict[str, str], service: str
) -> None:
    client: httpx.AsyncClient = getattr(api, service)
    document = (await client.get("/openapi.json")).json()
    made = random.Random(int(os.environ.get("ODD_SEED", "1")))  # noqa: S311 - no secret
    wrong: list[str] = []
    for _ in range(ROUNDS):
        for request in OddRequests(document, known, made):
            if _is_for_all(request):
                continue
            if request.path == "/v1/events":
                request.query.append(("follow", "false"))  # a stream that is right has no end
            answer = await client.request(
                request.method,
                request.path,
                params=tuple(request.query),
                headers=request.headers,
                content=request.body,
            )
            if defect := _defect(answer, is_mlflow=request.path.startswith("/mlflow/")):
                wrong.append(f"{request}: {defect}")
    assert wrong == []


def _is_for_all(request: OddRequest) -> bool:
    """Whether it could change the rules of all models, which others use beside this."""
    return "/namespaces/%2A/" in request.path


def _defect(answer: httpx.Response, *, is_mlflow: bool) -> str | None:
    if answer.is_success or answer.status_code in (302, 304, 307, 405):
        return None
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"{answer.status_code} {answer.text[:300]}"
    if answer.request.method == "HEAD":  # it has no body
        return None
    if "x-error-message" in answer.headers:  # as clients of Hugging Face read it
        return None if answer.headers["x-error-message"].isprintable() else "unprintable"
    if answer.url.path.startswith("/v2/"):  # as OCI clients read it
        return None if answer.json()["errors"][0]["code"] else "without a code"
    if is_mlflow and {"error_code", "message"} <= set(answer.json()):
        return None
    if answer.headers.get("content-type") != "application/problem+json":
        return f"{answer.status_code} without a problem: {answer.text[:300]}"
    told = answer.json()
    is_unnamed = answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY and not told.get("errors")
    return f"422 that names no field: {answer.text[:300]}" if is_unnamed else None
