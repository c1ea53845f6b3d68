"""The doctor, against a registry in memory: what it names, and what it never prints."""

import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import anyio
import httpx
import pytest

from registry.doctor import Diagnosis, asking, examine, examining
from registry.doctor.examining import Named
from registry.doctor.findings import Finding
from tests.unit.client_fake import SECRET, URL, FakeRegistry, identity, problem, times

TOKEN = "mr_0001_5ec2e75ec2e7"
NAMED = Named(None, "http://indexer.test", "http://notifier.test")


async def kafka_is_there(_: object) -> Finding:
    return Finding(name="kafka", state="ok", found="it answers")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeRegistry:
    fake = FakeRegistry()
    fake.identities = {TOKEN: identity("token:0001", "token", "writer:risk.*")}
    fake.faults = [ready]
    monkeypatch.setattr(examining, "check_kafka", kafka_is_there)
    monkeypatch.setenv("REGISTRY_TOKEN", TOKEN)
    monkeypatch.setenv("REGISTRY_ORIGINS", f"{fake.ingest_url},{fake.query_url}")
    monkeypatch.setenv("REGISTRY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return fake


def ready(request: httpx.Request) -> httpx.Response | None:
    return (
        httpx.Response(200, json={"waits_for": []})
        if request.url.path.startswith("/health/")
        else None
    )


async def examined(fake: FakeRegistry, named: Named = NAMED) -> Diagnosis:
    return await examine(URL, named, fake.transport())


def states(found: Diagnosis) -> dict[str, str]:
    return {each.name: each.state for each in found.findings}


async def test_all_is_well(fake: FakeRegistry) -> None:
    async with fake.client() as client:
        await client.upload("churn", b"w", path="m.bin")
    found = await examined(fake)
    assert (found.state, set(states(found).values()) - {"ok", "skipped"}) == ("ok", set())
    assert states(found)["storage"] == "ok"
    told = found.model_dump_json()
    assert TOKEN not in told
    assert SECRET not in told


@pytest.mark.parametrize("host", ["indexer.test", "notifier.test"])
async def test_a_worker_that_cannot_be_reached_is_named(fake: FakeRegistry, host: str) -> None:
    def away(request: httpx.Request) -> Exception | None:
        return httpx.ConnectError("refused") if request.url.host == host else None

    fake.faults.insert(0, away)
    found = await examined(fake)
    failed = [each for each in found.findings if each.state == "failure"]
    assert [each.name for each in failed] == [host.removesuffix(".test")]
    assert host in failed[0].found
    assert failed[0].remedy


async def test_what_a_part_waits_for_is_told(fake: FakeRegistry) -> None:
    def waits(request: httpx.Request) -> httpx.Response | None:
        if request.url.host != "indexer.test":
            return None
        return httpx.Response(503, json={"waits_for": ["Kafka", "MinIO"]})

    fake.faults.insert(0, waits)
    found = await examined(fake)
    (failed,) = [each for each in found.findings if each.state == "failure"]
    assert (failed.name, failed.found) == ("indexer", "waits for Kafka, MinIO")


async def test_what_has_waited_for_long_is_told_though_the_part_is_ready(
    fake: FakeRegistry,
) -> None:
    lag = {
        "events": 70,
        "oldest_event_seconds": 1.5,
        "oldest_work_seconds": 99.6,
        "oldest_": 1000,
        "oldest_text_seconds": "soon",
    }

    def late(request: httpx.Request) -> httpx.Response | None:
        is_indexer = request.url.host == "indexer.test"
        return httpx.Response(200, json={"waits_for": [], "lag": lag}) if is_indexer else None

    fake.faults.insert(0, late)
    found = await examined(fake)
    (late_one,) = [each for each in found.findings if each.state == "warning"]
    assert (late_one.name, late_one.found) == ("indexer", "is 100 s behind (oldest work)")


async def test_streams_that_cannot_begin_are_told(fake: FakeRegistry) -> None:
    def waits(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/health/events":
            return None
        return httpx.Response(503, json={"waits_for": ["Kafka"]})

    fake.faults.insert(0, waits)
    found = await examined(fake)
    (failed,) = [each for each in found.findings if each.state == "failure"]
    assert (failed.name, failed.found) == ("streams", "waits for Kafka")


async def test_a_token_that_is_not_accepted_is_told_without_it(
    fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "mr_wrong_5ec2e7")
    found = await examined(fake)
    assert states(found)["token"] == "failure"
    assert "mr_wrong" not in found.model_dump_json()


async def test_a_token_goes_to_no_address_that_only_discovery_names(
    fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGISTRY_ORIGINS")
    fake.query_url = "http://elsewhere.test"
    found = await examined(fake)
    assert states(found)["token"] == "failure"
    sent = [each for each in fake.requests if "authorization" in each.headers]
    assert {each.url.host for each in sent} <= {httpx.URL(URL).host}


async def test_a_clock_that_differs_is_told(fake: FakeRegistry) -> None:
    def ahead(request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/health/ready":
            return None
        at = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
        return httpx.Response(200, json={"waits_for": []}, headers={"date": at})

    fake.faults.insert(0, ahead)
    assert states(await examined(fake))["clock"] == "failure"


async def test_where_nothing_answers_the_rest_is_looked_at_all_the_same(
    fake: FakeRegistry,
) -> None:
    def away(request: httpx.Request) -> Exception | None:
        return httpx.ConnectError("refused") if "indexer" not in request.url.host else None

    fake.faults.insert(0, away)
    found = states(await examined(fake))
    assert found["registry"] == found["notifier"] == "failure"
    assert found["indexer"] == found["cache"] == "ok"


async def test_what_is_no_registry_is_told(fake: FakeRegistry) -> None:
    fake.faults.insert(0, lambda _: httpx.Response(200, text="<html>a proxy</html>"))
    found = await examined(fake)
    assert states(found)["registry"] == "failure"


async def test_a_check_that_hangs_keeps_no_other_from_being_told(
    fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(_: object) -> Finding:
        await anyio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr(examining, "check_kafka", hangs)
    monkeypatch.setattr(examining, "CHECK_SECONDS", 0.05)
    found = states(await examined(fake))
    assert found["kafka"] == "failure"
    assert found["configuration"] == "ok"


async def test_a_worker_whose_address_nobody_knows_is_skipped(fake: FakeRegistry) -> None:
    found = await examined(fake, Named())
    assert states(found)["indexer"] == states(found)["notifier"] == "skipped"


async def test_a_refusal_of_storage_is_told_without_the_signed_address(fake: FakeRegistry) -> None:
    async with fake.client() as client:
        await client.upload("churn", b"w", path="m.bin")
    fake.faults.insert(0, times(9, "^GET storage", problem(403, "denied")))
    found = await examined(fake)
    assert states(found)["storage"] == "failure"
    assert SECRET not in found.model_dump_json()


async def test_profiles_that_others_can_read_are_told(fake: FakeRegistry, tmp_path: Path) -> None:
    file = tmp_path / "config" / "model-registry" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("")
    file.chmod(0o644)
    (found,) = [each for each in (await examined(fake)).findings if each.name == "configuration"]
    assert found.state == "failure"
    assert "chmod 600" in found.found


async def test_query_tells_the_rest_where_ingest_does_not_answer(fake: FakeRegistry) -> None:
    async with fake.client() as client:
        await client.upload("churn", b"w", path="m.bin")
    silent = {httpx.URL(URL).host, httpx.URL(fake.ingest_url).host}

    def away(request: httpx.Request) -> Exception | None:
        return httpx.ReadTimeout("frozen") if request.url.host in silent else None

    fake.faults.insert(0, away)
    named = Named(fake.query_url, NAMED.indexer, NAMED.notifier)
    found = states(await examined(fake, named))
    assert {name for name, state in found.items() if state == "failure"} == {"registry", "ingest"}
    assert found["storage"] == found["token"] == found["kafka"] == "ok"


async def test_a_part_whose_certificate_is_not_trusted_is_told_as_every_other_is(
    fake: FakeRegistry,
) -> None:
    query = httpx.URL(fake.query_url).host

    def untrusted(request: httpx.Request) -> Exception | None:
        error = httpx.ConnectError("refused")
        error.__cause__ = cause = ssl.SSLCertVerificationError("expired")
        cause.verify_message = "expired"
        return error if request.url.host == query else None

    well = list(states(await examined(fake)))
    fake.faults.insert(0, untrusted)
    found = await examined(fake)
    assert list(states(found)) == well
    assert states(found)["ingest"] == "ok"
    assert states(found)["query"] == states(found)["search"] == "failure"
    [query_told] = [each.found for each in found.findings if each.name == "query"]
    assert "certificate" in query_told


async def test_a_resolver_that_hangs_is_told_and_holds_up_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    is_over = threading.Event()

    def hangs(*_: object, **__: object) -> list[object]:
        is_over.wait()
        return []

    monkeypatch.setattr("registry._resolving.socket.getaddrinfo", hangs)
    monkeypatch.setattr(asking, "RESOLVE_SECONDS", 0.05)
    try:
        found = await examine("http://registry.test", Named())
    finally:
        is_over.set()
    (told,) = [each for each in found.findings if each.name == "registry"]
    assert told.state == "failure"
    assert "resolver tells no address of registry.test" in told.found


def test_an_examination_ends_within_15_seconds_whatever_hangs() -> None:
    # One after the other: a resolver and a registry that hang, then all checks side by side.
    assert asking.RESOLVE_SECONDS + asking.ASK_SECONDS + asking.CHECK_SECONDS < 14
