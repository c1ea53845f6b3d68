"""What operators see of a version on its way: figures of real services over real servers."""

from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from local.processes.ports import HOST
from local.processes.state import SERVICES
from local.servers.services import PORT_SETTINGS
from shared.runtime.settings import Settings
from tests.support.api import Api, file_of
from tests.support.figures import Figures, until_told
from tests.support.receiver import receiver
from tools.metrics import all_metrics

DATA = b"bytes"


@pytest.fixture
def addresses_of(settings: Settings) -> Mapping[str, str]:
    """Each service's address."""
    ports = {name: getattr(settings, PORT_SETTINGS[name].lower()) for name in SERVICES}
    return {name: f"http://{HOST}:{port}" for name, port in ports.items()}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """Who scrapes, without a token."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        yield client


async def test_each_service_tells_what_the_list_says_of_it_and_nothing_else(
    http: httpx.AsyncClient, addresses_of: Mapping[str, str]
) -> None:
    for service, address in addresses_of.items():
        listed = {each.name for each in all_metrics() if service in each.services}
        assert (await Figures.of(http, address)).names == listed, service


async def test_a_version_on_its_way_moves_the_figures_and_the_queues_are_empty_after_it(
    api: Api, model: str, http: httpx.AsyncClient, addresses_of: Mapping[str, str]
) -> None:
    indexer, notifier = addresses_of["indexer"], addresses_of["notifier"]
    before = await Figures.of(http, indexer)
    sent = await Figures.of(http, notifier)
    delivered = "registry_delivery_attempts_total"
    with receiver() as hook:
        made = await api.ingest.post("/v1/webhooks", json={"url": hook.url, "models": [model]})
        assert made.status_code == 201
        session = await api.open(model, file_of("model.bin", DATA))
        await api.put(session.files[0], DATA)
        await api.ready(session)
        await hook.until_accepted(2)

        def arrived(now: Figures) -> bool:
            more = now.value(delivered, outcome="delivered")
            more -= sent.value(delivered, outcome="delivered")
            # Those of other tests' receivers that take nothing wait on.
            waiting = "registry_deliveries_waiting"
            return more >= 2 and now.value(waiting) <= sent.value(waiting)

        await until_told(http, notifier, arrived)

    def is_over(now: Figures) -> bool:
        counts = ("registry_put_to_ready_seconds_count", "registry_events_published_total")
        moved = all(now.value(each) > before.value(each) for each in counts)
        return moved and now.value("registry_outbox_entries") == 0

    after = await until_told(http, indexer, is_over)
    ready = {"name": "registry_versions_settled_total", "state": "ready"}
    assert after.value(**ready) > before.value(**ready)
    seconds = "registry_put_to_ready_seconds_sum"
    assert 0 <= after.value(seconds) - before.value(seconds) < 60
    assert after.value("registry_outbox_age_seconds") == 0
    assert after.value("registry_ready") == 1
    assert model not in after.label_values()


async def test_a_rejected_version_counts_its_reason_and_a_refused_request_its_code(
    api: Api, model: str, http: httpx.AsyncClient, addresses_of: Mapping[str, str]
) -> None:
    indexer, ingest = addresses_of["indexer"], addresses_of["ingest"]
    before = await Figures.of(http, indexer)
    asked = await Figures.of(http, ingest)
    broken = b"\xff" * 64
    session = await api.open(model, file_of("model.safetensors", broken))
    await api.put(session.files[0], broken)
    version = await api.version(model, session.number, wait=30)
    [reason] = version.reasons

    def is_counted(now: Figures) -> bool:
        rejected = "registry_versions_rejected_total"
        return now.value(rejected, reason=reason.code) > before.value(rejected, reason=reason.code)

    await until_told(http, indexer, is_counted)
    answer = await api.ingest.post("/v1/uploads", json={"model": "no/such*name", "files": []})
    code = answer.json()["code"]
    problems = "registry_http_problems_total"

    def is_told(now: Figures) -> bool:
        return now.value(problems, code=code) > asked.value(problems, code=code)

    after = await until_told(http, ingest, is_told)
    assert after.value("registry_uploads_open") >= 0
    assert not any("no/such" in each for each in after.label_values())


async def test_a_copy_that_ingest_makes_ready_is_counted_there(
    api: Api, model: str, http: httpx.AsyncClient, addresses_of: Mapping[str, str]
) -> None:
    session = await api.open(model, file_of("model.bin", DATA))
    await api.put(session.files[0], DATA)
    await api.ready(session)
    before = await Figures.of(http, addresses_of["ingest"])
    copied = await api.ingest.post(
        f"/v1/models/{model}/versions/1/copy", json={"model": f"{model}.copy"}
    )
    assert (copied.status_code, copied.json()["state"]) == (201, "ready")
    ready = {"name": "registry_versions_settled_total", "state": "ready"}

    def is_counted(now: Figures) -> bool:
        return now.value(**ready) > before.value(**ready)

    await until_told(http, addresses_of["ingest"], is_counted)


async def test_search_and_streams_are_told_of(
    http: httpx.AsyncClient, addresses_of: Mapping[str, str]
) -> None:
    def goes_on(now: Figures) -> bool:
        parts = {part: now.value("registry_query_part_up", part=part) for part in PARTS}
        return parts == dict.fromkeys(PARTS, 1.0) and now.value("registry_search_loaded") == 1

    await until_told(http, addresses_of["query"], goes_on)


PARTS = ("search", "streams")
