"""One upload, one trace: from the program that trained to those who are told of the version."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Any

import httpx
import pytest

import registry
from local.processes.ports import HOST
from local.stack import processes
from registry.schemas import ModelEvent
from shared.database.client import open_database
from shared.domain.traces import read_trace
from shared.runtime.settings import Settings
from tests.support import traced_upload
from tests.support.access import bearer, token_of
from tests.support.api import Api, file_of
from tests.support.eventually import eventually
from tests.support.isolation import isolated, settings_of
from tests.support.narrow import narrow_services, with_users
from tests.support.receiver import Receiver, receiver
from tests.support.servers import Addresses
from tests.support.system import System
from tests.support.topics import model_events as topic_events
from tests.support.trace_store import StoredSpan, TraceStore, path_of, trace_store, tree

DATA = b"weights"
PATIENCE_SECONDS = 20.0
"""For some uploads: whoever waited for the store would wait for longer, upload by upload."""
UPLOAD = ["train", "registry upload"]
OPENED = [*UPLOAD, "POST /v1/uploads"]
TOLD = ["send model event", "process model event", "deliver webhook"]


@pytest.fixture(scope="module")
def store() -> Iterator[TraceStore]:
    with trace_store() as opened:
        yield opened


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("traced")


@pytest.fixture(scope="module")
def traced(addresses: Addresses, store: TraceStore, root: Path) -> Iterator[Settings]:
    """Services of their own that send their traces to the store."""
    environment = {
        **isolated(addresses),
        "OTEL_EXPORTER_OTLP_ENDPOINT": store.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret-of-the-store",
        "OTEL_BSP_SCHEDULE_DELAY": "200",  # milliseconds; the SDK's own variable
    }
    with ExitStack() as stack:
        complete = stack.enter_context(narrow_services(root, with_users(environment)))
        yield settings_of(complete)


@pytest.fixture
async def traced_api(traced: Settings) -> AsyncIterator[Api]:
    async with AsyncExitStack() as stack:

        async def opened(**options: Any) -> httpx.AsyncClient:
            client = httpx.AsyncClient(trust_env=False, timeout=60, **options)
            return await stack.enter_async_context(client)

        ingest = f"http://{HOST}:{traced.registry_port}"
        query = f"http://{HOST}:{traced.query_port}"
        yield Api(
            await opened(base_url=ingest, headers=bearer(traced)),
            await opened(base_url=query, headers=bearer(traced)),
            await opened(),
        )


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as opened:
        yield opened


def names_of(spans: Sequence[StoredSpan]) -> set[str]:
    return {each.name for each in spans}


def parent() -> str:
    return f"00-{token_hex(16)}-{token_hex(8)}-01"


async def make_version(api: Api, model: str, **headers: str) -> dict[str, Any]:
    body = {"model": model, "files": [file_of("model.bin", DATA)]}
    answer = await api.ingest.post("/v1/uploads", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    [plan] = answer.json()["files"]
    put = plan["put"]
    sent = await api.storage.put(put["url"], content=DATA, headers=put["headers"])
    assert sent.status_code == 200, sent.text
    address = f"/v1/versions/{answer.json()['version_id']}"
    version = (await api.query.get(address, params={"wait": 30})).json()
    assert version["state"] == "ready"
    return version


async def model_events(traced: Settings, model: str) -> list[ModelEvent]:
    found: list[ModelEvent] = []
    async with registry.subscribe(
        traced.ingest_url, model=model, start="beginning", token=token_of(traced)
    ) as events:
        async for event in events:
            found.append(event)
            if len(found) == 2:
                return found
    raise AssertionError("the subscription ended")


def run_upload(store: TraceStore, traced: Settings, model: str, traceparent: str) -> None:
    program = [sys.executable, str(Path(traced_upload.__file__)), store.url]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "REGISTRY_TOKEN": token_of(traced),
        "REGISTRY_ORIGINS": f"{traced.ingest_url},{traced.query_url}",
    }
    done = subprocess.run(
        [*program, traced.ingest_url, model, traceparent],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def test_an_upload_is_one_trace_from_the_program_to_its_webhook_and_subscriber(
    traced_api: Api, traced: Settings, store: TraceStore, hook: Receiver, model: str
) -> None:
    subscription = {"url": hook.url, "models": [model]}
    made = await traced_api.ingest.post("/v1/webhooks", json=subscription)
    assert made.status_code == 201, made.text
    traceparent = parent()
    trace_id = traceparent[3:35]

    run_upload(store, traced, model, traceparent)
    received = await hook.until_accepted(2)
    created, ready = await model_events(traced, model)

    def is_whole(spans: Sequence[StoredSpan]) -> bool:
        ends = {"POST /v1/uploads", "POST /v1/uploads/{upload_id}/complete", "record version"}
        ends |= {"train", "GET /v1/versions/{version_id}"}
        found = [each.name for each in spans]
        return ends <= set(found) and all(found.count(name) == 2 for name in TOLD)

    spans = await store.until(trace_id, is_whole)
    paths = [path_of(each, spans) for each in spans]
    for path in (
        UPLOAD,
        OPENED,
        [*OPENED, "check object"],
        [*OPENED, "check object", "record version"],
        [*OPENED, *TOLD],
        [*OPENED, "check object", "record version", *TOLD],
        [*UPLOAD, "POST /v1/uploads/{upload_id}/complete"],
        [*UPLOAD, "GET /v1/versions/{version_id}"],
    ):
        assert path in paths, f"{path} is not in\n{tree(spans)}"
    assert spans[0].parent_id == traceparent[36:52]
    services = {each.service for each in spans}
    assert services == {
        "training", "registry-ingest", "registry-indexer", "registry-notifier", "registry-query"
    }  # fmt: skip
    assert not any(each.has_failed for each in spans)

    # Whoever is told of it gets the context: the receiver that of the delivery, in a header; and
    # everybody that of the recording, as CloudEvents' extension for distributed tracing.
    by_id = {each.span_id: each for each in spans}
    for each, event in zip(received, (created, ready), strict=True):
        assert each.headers["traceparent"].split("-")[1] == trace_id
        assert by_id[each.headers["traceparent"].split("-")[2]].name == "deliver webhook"
        assert each.event["traceparent"] == event.traceparent
    assert created.traceparent is not None
    assert ready.traceparent is not None
    assert by_id[created.traceparent.split("-")[2]].name == "POST /v1/uploads"
    assert by_id[ready.traceparent.split("-")[2]].name == "record version"


async def test_spans_name_the_version_and_the_request_and_no_secret(
    traced_api: Api, traced: Settings, store: TraceStore, model: str
) -> None:
    traceparent = parent()
    version = await make_version(
        traced_api, model, traceparent=traceparent, **{"x-request-id": "request-of-the-test"}
    )

    def is_recorded(spans: Sequence[StoredSpan]) -> bool:
        return {"POST /v1/uploads", "record version", "send model event"} <= names_of(spans)

    spans = await store.until(traceparent[3:35], is_recorded)
    by_name = {each.name: each.attributes for each in spans}
    told = {
        "registry.model": model,
        "registry.version": version["number"],
        "registry.version_id": version["id"],
    }
    for name in ("POST /v1/uploads", "check object", "record version"):
        assert told.items() <= by_name[name].items()
    assert by_name["POST /v1/uploads"]["registry.request_id"] == "request-of-the-test"
    assert by_name["POST /v1/uploads"]["http.response.status_code"] == 201
    assert by_name["record version"]["registry.version_state"] == "ready"
    assert by_name["send model event"]["messaging.destination.name"] == (
        traced.kafka_model_events_topic
    )
    everything = json.dumps([dict(each.attributes) for each in store.spans])
    for secret in ("X-Amz", "Bearer", token_of(traced), "secret-of-the-store", "?"):
        assert secret not in everything
    assert {each["x-key"] for each in store.requests if "x-key" in each} == {"secret-of-the-store"}


async def test_the_log_names_the_trace_of_what_became_of_a_version(
    traced_api: Api, traced: Settings, root: Path, hook: Receiver, model: str
) -> None:
    hook.behave(lambda _: 500)
    subscription = {"url": hook.url, "models": [model]}
    made = await traced_api.ingest.post("/v1/webhooks", json=subscription)
    assert made.status_code == 201, made.text
    traceparent = parent()
    await make_version(traced_api, model, traceparent=traceparent)
    expected = {("indexer", "version ready"), ("indexer", "event published")}
    expected |= {("notifier", "webhook failed")}

    def told() -> set[tuple[str, str]]:
        lines = [
            (name, json.loads(line))
            for name in ("indexer", "notifier")
            for line in Path(processes(root / name)[name].log).read_text().splitlines()
            if traceparent[3:35] in line
        ]
        return {(name, line["event"]) for name, line in lines}

    async def look() -> bool | None:
        return expected <= told() or None

    await eventually(look, PATIENCE_SECONDS)


async def test_the_context_is_kept_in_the_version_and_sent_in_kafkas_headers(
    traced_api: Api, traced: Settings, store: TraceStore, model: str
) -> None:
    traceparent = parent()
    version = await make_version(
        traced_api, model, traceparent=traceparent, tracestate="vendor=value"
    )
    async with open_database(traced) as database:
        kept = await database.versions.find_one({"_id": version["id"]})
    assert kept is not None
    assert kept["trace"]["traceparent"].split("-")[1] == traceparent[3:35]
    assert kept["trace"]["tracestate"] == "vendor=value"
    events = await model_events(traced, model)
    assert [each.tracestate for each in events] == ["vendor=value"] * 2
    found = await topic_events(
        traced.kafka_bootstrap_servers, traced.kafka_model_events_topic, model, "ready"
    )
    for record, _ in found:
        headers = {name: value.decode() for name, value in record.headers}
        assert headers["traceparent"].split("-")[1] == traceparent[3:35]
        assert headers["tracestate"] == "vendor=value"


@pytest.mark.parametrize(
    "told",
    [
        "not a context",
        f"00-{'0' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'0' * 16}-01",
        f"ff-{'1' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'1' * 16}-01-more",
        f"00-{'A' * 32}-{'1' * 16}-01",
        f"01-{'1' * 32}-{'1' * 16}-01-" + "x" * 2000,
    ],
    ids=["words", "no trace", "no span", "version ff", "more", "upper case", "oversized"],
)
async def test_what_is_no_context_is_ignored_and_the_request_begins_a_trace(
    traced_api: Api, traced: Settings, store: TraceStore, model: str, told: str
) -> None:
    await make_version(traced_api, model, traceparent=told, tracestate="vendor=value")
    created = (await model_events(traced, model))[0]
    begun = read_trace(created.traceparent)
    assert begun is not None
    assert begun.trace_id not in told.lower()
    assert created.tracestate is None
    spans = await store.until(begun.trace_id, lambda spans: "POST /v1/uploads" in names_of(spans))
    assert spans[0].name == "POST /v1/uploads"
    assert spans[0].parent_id == ""


async def test_uploads_go_on_while_the_store_is_frozen_or_away_and_later_spans_arrive(
    traced_api: Api, store: TraceStore, model: str
) -> None:
    for behave in (store.freeze, store.go_away):
        behave()
        try:
            before = monotonic()
            for _ in range(3):
                await make_version(traced_api, model, traceparent=parent())
            assert monotonic() - before < PATIENCE_SECONDS
        finally:
            store.thaw()
    later = parent()
    await make_version(traced_api, model, traceparent=later)
    await store.until(
        later[3:35], lambda spans: {"POST /v1/uploads", "record version"} <= names_of(spans)
    )


async def test_a_caller_that_keeps_no_trace_has_none_kept(
    traced_api: Api, traced: Settings, store: TraceStore, hook: Receiver, model: str
) -> None:
    await traced_api.ingest.post("/v1/webhooks", json={"url": hook.url, "models": [model]})
    traceparent = parent()[:-2] + "00"
    await make_version(traced_api, model, traceparent=traceparent)
    received = await hook.until_accepted(2)
    for each in received:  # told all the same, and that it is not kept
        assert each.headers["traceparent"].split("-")[1] == traceparent[3:35]
        assert each.headers["traceparent"].endswith("-00")
    kept = parent()
    await make_version(traced_api, model, traceparent=kept)
    await store.until(kept[3:35], lambda spans: "POST /v1/uploads" in names_of(spans))
    assert store.of(traceparent[3:35]) == []


async def test_without_an_endpoint_there_is_no_header_and_no_field(
    api: Api, system: System, hook: Receiver, model: str
) -> None:
    subscription = {"url": hook.url, "models": [model]}
    await api.ingest.post("/v1/webhooks", json=subscription)
    version = await make_version(api, model, traceparent=parent(), tracestate="vendor=value")
    for each in await hook.until_accepted(2):
        assert not {"traceparent", "tracestate"} & (each.headers.keys() | each.event.keys())
    kept = await system.database.versions.find_one({"_id": version["id"]})
    assert kept is not None
    assert "trace" not in kept
    found = await topic_events(
        system.settings.kafka_bootstrap_servers,
        system.settings.kafka_model_events_topic,
        model,
        "ready",
    )
    for record, _ in found:
        assert not {"traceparent", "tracestate"} & {name for name, _ in record.headers}
