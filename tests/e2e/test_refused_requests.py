"""Requests that are refused say which field broke which rule, and leave nothing behind."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.api import MIB, Api, file_of
from tests.support.problems import broken_rule, problem
from tests.support.system import NOTHING, Footprint, System

FILE = file_of("model.bin", b"bytes")


async def refused(api: Api, system: System, content: Any) -> httpx.Response:
    """Try to open a session, which must change nothing at all."""
    before = await system.footprint()
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = {"content-type": "application/json"}
    answer = await api.ingest.post("/v1/uploads", content=raw, headers=headers)
    assert await system.footprint() == before
    return answer


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("a/b", "must be letters, digits"),
        ("..", "must be letters, digits"),
        ("a..b", "must be letters, digits"),
        ("nul\0", "must be letters, digits"),
        ("line\nbreak", "must be letters, digits"),
        ("ends with a dot.", "must be letters, digits"),
        ("", "at least 1 character"),
        ("x" * 10_000, "at most 96 characters"),
    ],
    ids=["slash", "dots", "inner dots", "NUL", "newline", "last dot", "empty", "10,000"],
)
async def test_a_model_name_outside_the_rule(
    api: Api, system: System, name: str, rule: str
) -> None:
    answer = await refused(api, system, {"model": name, "files": [FILE]})
    assert rule in broken_rule(answer, "model")


@pytest.mark.parametrize(
    ("fields", "field", "rule"),
    [
        ({"files": []}, "files", "at least 1 item"),
        ({"files": [{"path": "x", "size_bytes": 0}]}, "files.0.size_bytes", "or equal to 1"),
        ({"files": [{"path": "x", "size_bytes": 6 * 1024**4}]}, "files.0.size_bytes", "less than"),
        ({"files": [{"path": "../x", "size_bytes": 1}]}, "files.0.path", "relative path"),
        ({"files": [{"path": "/x", "size_bytes": 1}]}, "files.0.path", "relative path"),
        ({"files": [FILE, FILE]}, "body", "distinct paths"),
        ({"files": [FILE | {"sha256": "ABC"}]}, "files.0.sha256", "pattern"),
        ({"version": 0}, "version", "from 1 to"),
        ({"version": "latest"}, "version", "'latest'"),
        ({"version": "a/b"}, "version", "must be letters"),
        ({"storage_group": "No_Bucket"}, "storage_group", "S3 bucket name"),
        ({"tags": {"a.b": "x"}}, "tags", "'$', '.'"),
        ({"tags": {"$set": "x"}}, "tags", "'$', '.'"),
        ({"parameters": {"a": [{"b.c": 1}]}}, "parameters", "'$', '.'"),
        ({"metrics": {"accuracy": "good"}}, "metrics.accuracy", "must be a number"),
        ({"properties": {"notes": "x" * 2 * MIB}}, "body", "at most 262144 bytes"),
        ({"client_id": ""}, "client_id", "at least 1 character"),
        ({"colour": "red"}, "colour", "not permitted"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_field_outside_its_rule(
    api: Api, system: System, model: str, fields: dict[str, Any], field: str, rule: str
) -> None:
    answer = await refused(api, system, {"model": model, "files": [FILE], **fields})
    assert rule in broken_rule(answer, field)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
async def test_a_metric_that_is_no_finite_number(
    api: Api, system: System, model: str, number: str
) -> None:
    body = {"model": model, "files": [FILE], "metrics": {"loss": "NUMBER"}}
    answer = await refused(api, system, json.dumps(body).replace('"NUMBER"', number).encode())
    assert "finite" in broken_rule(answer, "metrics.loss")


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("NaN", "finite"),
        ('{"deep": [1e999]}', "finite"),
        ("9223372036854775808", "64 bits"),
        (r'"\ud800"', "Unicode"),
        ("[" * 20 + "]" * 20, "nest deeper"),
    ],
    ids=["NaN", "infinity", "65 bits", "lone surrogate", "depth"],
)
@pytest.mark.parametrize("field", ["parameters", "properties"])
async def test_a_value_that_json_or_the_database_cannot_hold(
    api: Api, system: System, model: str, field: str, value: str, rule: str
) -> None:
    body = {"model": model, "files": [FILE], field: {"rate": "VALUE"}}
    answer = await refused(api, system, json.dumps(body).replace('"VALUE"', value).encode())
    assert rule in broken_rule(answer, field)


async def test_a_body_that_is_no_json(api: Api, system: System) -> None:
    problem(await refused(api, system, b"{"), 422, "invalid_request")


async def test_a_body_over_4_mib_by_its_declared_length(api: Api, system: System) -> None:
    answer = await refused(api, system, b" " * (4 * MIB + 1))
    assert "4194304" in problem(answer, 413, "body_too_large")["detail"]


async def test_a_body_over_4_mib_as_it_arrives(api: Api, system: System) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * MIB

    before = await system.footprint()
    answer = await api.ingest.post("/v1/uploads", content=endless())
    assert "4194304" in problem(answer, 413, "body_too_large")["detail"]
    assert await system.footprint() == before


@pytest.mark.parametrize("version", [1, "1.0.0"], ids=["number", "label"])
async def test_a_version_that_exists(
    api: Api, system: System, model: str, version: int | str
) -> None:
    await api.open(model, FILE, version=version)
    answer = await refused(api, system, {"model": model, "files": [FILE], "version": version})
    document = problem(answer, 409, "version_exists")
    assert (document["field"], repr(version) in document["detail"]) == ("version", True)
    assert await system.footprint(model) == Footprint(models=1, versions=1)


async def test_an_upload_session_that_does_not_exist(api: Api, system: System, model: str) -> None:
    upload = f"/v1/uploads/{'0' * 32}"
    parts = {"path": "x", "parts": [{"number": 1, "sha256": "0" * 64}]}
    for answer in (
        await api.ingest.get(upload),
        await api.ingest.delete(upload),
        await api.ingest.post(f"{upload}/complete"),
        await api.ingest.post(f"{upload}/parts", json=parts),
    ):
        assert "0" * 32 in problem(answer, 404, "upload_not_found")["detail"]
    assert await system.footprint(model) == NOTHING


async def test_a_digest_for_a_file_that_the_session_does_not_have(api: Api, model: str) -> None:
    session = await api.open(model, FILE)
    answer = await api.complete(session, sha256={"other.bin": "0" * 64})
    assert broken_rule(answer, "sha256.other.bin") == "is not a file of this session"


async def test_a_wait_beyond_the_limit(api: Api, model: str) -> None:
    answer = await api.query.get(f"/v1/models/{model}", params={"wait": 31})
    problem(answer, 404, "model_not_found")  # a model is not waited for
    answer = await api.query.get(f"/v1/models/{model}/versions/1", params={"wait": 31})
    assert "or equal to 30" in broken_rule(answer, "wait")
