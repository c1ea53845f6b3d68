"""`registry import mlflow` from a real MLflow server, killed on the way, and repeated.

In CI it brings in 12 versions; IMPORT_VERSIONS=500 is the long form.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from registry import AsyncModelRegistryClient
from registry.cli.exit_codes import ExitCode
from shared.runtime.settings import Settings
from tests.support.command import CODE
from tests.support.eventually import eventually
from tests.support.mlflow_server import MlflowFilled, mlflow_server

VERSIONS = int(os.environ.get("IMPORT_VERSIONS", "5"))
SIZE = int(os.environ.get("IMPORT_BYTES", "2000"))
"""Of the largest file of each version: IMPORT_BYTES=50000000 shows that no file is in memory."""
RUN_SECONDS = 60 + VERSIONS
IS_LONG = VERSIONS > 100 or SIZE > 1_000_000
WITH_PEAK = (
    "import atexit, pathlib, sys; atexit.register(lambda: print(pathlib.Path('/proc/self/status')"
    ".read_text().split('VmHWM:')[1].split()[0], file=sys.stderr)); "
)
"""Has the long form tell the most memory that the command had, in KiB; of Linux alone."""
PEAKS: list[int] = []


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[MlflowFilled]:
    async with mlflow_server(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


async def start(
    settings: Settings, server: MlflowFilled, *options: str
) -> asyncio.subprocess.Process:
    command = ("import", "mlflow", "--tracking-uri", server.address, "--json", *options)
    return await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-c",
            (WITH_PEAK if IS_LONG else "") + CODE,
            *command,
            "--url",
            settings.ingest_url,
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def brought(
    settings: Settings, server: MlflowFilled, *options: str, status: int = ExitCode.OK
) -> dict[str, Any]:
    """Run the command to its end, and return its report."""
    process = await start(settings, server, *options)
    async with asyncio.timeout(RUN_SECONDS):
        told, said = await process.communicate()
    assert process.returncode == status, (told, said)
    if IS_LONG:
        PEAKS.append(int(said.split()[-1]))
    return json.loads(told)


async def numbers_here(client: AsyncModelRegistryClient, model: str) -> Mapping[int, str]:
    """State by number."""
    try:
        return {each.number: each.state async for each in client.list_versions(model)}
    except Exception as error:
        if getattr(error, "status", None) != 404:
            raise
        return {}


async def test_an_import_that_is_killed_twice_and_repeated_brings_each_version_once(
    server: MlflowFilled, settings: Settings, client: AsyncModelRegistryClient
) -> None:
    model = f"imported-{uuid4().hex[:8]}"
    await server.fill(model, VERSIONS, size_bytes=SIZE)
    gone = 2
    await server.delete("model-versions/delete", name=model, version=str(gone))
    del server.versions[model][gone]
    await server.post("registered-models/set-tag", name=model, key="cost.centre", value="12")
    await server.post("registered-models/alias", name=model, alias="champion", version="3")
    only = ("--model", model)

    planned = await brought(settings, server, *only, "--dry-run")
    assert (planned["imported"], planned["dry_run"]) == (VERSIONS - 1, True)
    assert await numbers_here(client, model) == {}

    begun = monotonic()
    for reached in (VERSIONS // 4, VERSIONS // 2):
        process = await start(settings, server, *only, "--at-once", "2")

        async def some_are_ready(reached: int = reached) -> bool | None:
            found = await numbers_here(client, model)
            return list(found.values()).count("ready") >= reached or None

        await eventually(some_are_ready, RUN_SECONDS)
        process.send_signal(signal.SIGKILL)
        await process.communicate()
        assert process.returncode == -signal.SIGKILL, "it was not done yet"
    before = list((await numbers_here(client, model)).values()).count("ready")
    report = await brought(settings, server, *only)
    took = monotonic() - begun
    assert (report["models"], report["refused"], report["failed"]) == (1, 0, 0)
    assert report["present"] + report["imported"] == VERSIONS - 1
    assert report["present"] >= before
    if IS_LONG:
        figures = {
            **report,
            "versions": VERSIONS - 1,
            "seconds_with_two_kills": round(took, 1),
            "peak_mib": PEAKS[-1] // 1024,
        }
        print(json.dumps(figures))  # noqa: T201 - the long form is run by hand

    await require_equal(server, client, model)
    found = await client.get_model_info(model)
    assert (found.description, found.tags) == (f"About {model}.", {"cost%2Ecentre": "12"})
    assert found.version_count == VERSIONS - 1, "no double, not even a rejected one"
    assert (await client.get_alias(model, "champion")).number == 3

    sequence = found.sequence
    again = await brought(settings, server, *only)
    assert (again["present"], again["imported"], again["updated"]) == (VERSIONS - 1, 0, 0)
    assert (again["described"], again["aliases_moved"]) == (0, 0)
    assert (await client.get_model_info(model)).sequence == sequence, "nothing was changed"

    await server.post("model-versions/set-tag", name=model, version="1", key="number", value="one")
    await server.post("registered-models/alias", name=model, alias="champion", version="4")
    later = await brought(settings, server, *only)
    assert (later["updated"], later["aliases_moved"], later["imported"]) == (1, 1, 0)
    assert (await client.get_version(model, 1)).tags["number"] == "one"


async def require_equal(server: MlflowFilled, client: AsyncModelRegistryClient, model: str) -> None:
    """Every version here is what was put there."""
    expected = server.versions[model]
    assert await numbers_here(client, model) == dict.fromkeys(expected, "ready")
    for number, there in expected.items():
        here = await client.get_version(model, number)
        assert {each.path: each.sha256 for each in here.artifacts} == there.digests
        assert here.description == there.description
        assert here.metrics == {"val%2Eauc": there.metrics["val.auc"]}
        assert here.parameters == there.parameters
        own = {name: here.tags[name] for name in here.tags if name.startswith("mlflow_")}
        assert own["mlflow_run_id"] == there.run_id
        assert {**here.tags} == {
            **own,
            "team%2Eowner": there.tags["team.owner"],
            "number": there.tags["number"],
        }
        assert here.properties == {"mlflow_empty_files": ["code/__init__.py"]}


async def test_what_cannot_be_brought_in_is_named_with_its_rule_and_the_rest_is_brought(
    server: MlflowFilled, settings: Settings, client: AsyncModelRegistryClient
) -> None:
    part = uuid4().hex[:8]
    spaced, other = f"a name {part}", f"other-{part}"
    await server.fill(spaced, 1)
    await server.fill(other, 2)
    elsewhere = "s3://somebody-elses/model"
    await server.post("model-versions/create", name=other, source=elsewhere)
    await server.post("registered-models/alias", name=other, alias="elsewhere", version="3")
    await server.post("registered-models/alias", name=other, alias="9lives", version="1")
    options = ("--model", spaced, "--model", other)
    report = await brought(settings, server, *options, status=ExitCode.REFUSED)
    assert (report["imported"], report["refused"]) == (2, 4)
    reasons = {each["version"] or each["alias"]: each["reason"] for each in report["problems"]}
    assert "--rename" in reasons[None]
    assert "which the server does not hand out" in reasons["3"]
    assert reasons["elsewhere"] == "version 3, to which it points, is not here"
    assert "alias" in reasons["9lives"]
    given = f"{other}.renamed"
    renamed = await brought(settings, server, "--model", spaced, "--rename", f"{spaced}={given}")
    assert renamed["imported"] == 1
    assert (await client.get_version(given, 1)).description == "Version 1."


async def test_a_version_that_comes_from_elsewhere_is_never_taken_for_an_imported_one(
    server: MlflowFilled, settings: Settings, client: AsyncModelRegistryClient
) -> None:
    model = f"taken-{uuid4().hex[:8]}"
    await server.fill(model, 2)
    await client.upload(model, b"ours", version=1)
    report = await brought(settings, server, "--model", model, status=ExitCode.REFUSED)
    assert (report["imported"], report["refused"]) == (1, 1)
    assert report["problems"][0]["reason"].endswith("is here, and comes from elsewhere")
    assert (await client.get_version(model, 1)).description == ""
