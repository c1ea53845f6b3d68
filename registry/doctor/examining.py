"""All checks, side by side: no part that hangs keeps another one from being told of."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import anyio
import httpx

from registry._certificates import find_certificates
from registry._credentials import Credentials, find_credentials, registry_url
from registry.doctor.asking import CHECK_SECONDS, Asker, Unanswered, told_failures
from registry.doctor.findings import Diagnosis, Finding, worst
from registry.doctor.here import check_cache, check_configuration, check_token
from registry.doctor.judging import judge_clock, judge_versions
from registry.doctor.kafka import check_kafka
from registry.doctor.services import (
    Place,
    check_search,
    check_service,
    discover,
    find_worker,
    version_of,
)
from registry.doctor.storage import check_storage
from registry.errors import ProfileError
from registry.schemas import Discovery

Check = Callable[[], Awaitable[Finding]]
PACKAGE = "model-version-registry"
START_IT = "start it (docker compose up -d, or make start), or see its logs if it hangs"
REMEDIES: Mapping[str, str] = {
    "registry": f"name the right address by --url or REGISTRY_URL; or {START_IT}",
    "search": "see the logs of query",
    "storage": "start MinIO, or see that this machine reaches MINIO_PUBLIC_ENDPOINT",
    "kafka": "start Kafka, or name its addresses in REGISTRY_KAFKA_BOOTSTRAP_SERVERS",
    "token": "run registry login, which asks for the addresses that the token may go to",
    "cache": "see REGISTRY_CACHE and REGISTRY_CACHE_BYTES",
}


@dataclass(frozen=True, slots=True)
class Workers:
    """Addresses of the services without an API, where somebody named them."""

    indexer: str | None = None
    notifier: str | None = None


async def examine(
    url: str | None = None,
    workers: Workers | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Diagnosis:
    """Look at all that can be reached from here; it ends within 15 seconds.

    `transport` replaces the network, for tests. Raises InvalidRequestError for what is no address,
    ProfileError where the profiles alone could name one and cannot be read, and
    ConnectionSettingsError for certificates that cannot be read.
    """
    address = registry_url(url)
    try:
        credentials = find_credentials(address)
    except ProfileError:  # which the finding of the configuration tells
        credentials = Credentials(address)
    asker = Asker.trusting(find_certificates(), transport)
    async with asker.http:
        findings = [check_configuration(address, url)]
        try:
            with told_failures():
                discovery = await discover(asker, address)
        except Unanswered as error:
            findings.append(_failure("registry", error))
            left = {"cache": check_cache, **_workers(asker, address, workers or Workers())}
            findings += await _side_by_side(left)
        else:
            findings += await _examine_found(asker, discovery, credentials, workers or Workers())
    findings.append(judge_clock(asker.ahead_seconds))
    return Diagnosis(url=address, at=datetime.now(UTC), state=worst(findings), findings=findings)


async def _examine_found(
    asker: Asker, discovery: Discovery, credentials: Credentials, workers: Workers
) -> list[Finding]:
    ingest = Place("ingest", discovery.ingest_url.rstrip("/"))
    query = Place("query", discovery.query_url.rstrip("/"))
    checks: dict[str, Check] = {
        "ingest": partial(check_service, asker, ingest),
        "query": partial(check_service, asker, query),
        "search": partial(check_search, asker, query),
        **_workers(asker, credentials.url, workers),
        "storage": partial(check_storage, asker, query.url, credentials),
        "kafka": partial(check_kafka, discovery),
        "versions": partial(_check_versions, asker, ingest, query),
        "token": partial(check_token, asker, query.url, credentials),
        "cache": check_cache,
    }
    return await _side_by_side(checks)


def _workers(asker: Asker, url: str, workers: Workers) -> dict[str, Check]:
    checks: dict[str, Check] = {}
    for name, named in (("indexer", workers.indexer), ("notifier", workers.notifier)):
        place = find_worker(name, named, url)
        checks[name] = (
            partial(_not_asked, name) if place is None else partial(check_service, asker, place)
        )
    return checks


async def _not_asked(name: str) -> Finding:
    found = f"not asked: name the address of its readiness by --{name}-url"
    return Finding(name=name, state="skipped", found=found)


async def _check_versions(asker: Asker, ingest: Place, query: Place) -> Finding:
    told: dict[str, str | None] = {}

    async def look(place: Place) -> None:
        told[place.name] = await version_of(asker, place)

    async with anyio.create_task_group() as group:
        group.start_soon(look, ingest)
        group.start_soon(look, query)
    return judge_versions(own_version(), dict(sorted(told.items())))


def own_version() -> str | None:
    """Return the client's release; None in a checkout that nobody installed."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return None


async def _side_by_side(checks: Mapping[str, Check]) -> list[Finding]:
    """Return what each check found, in the order given; one that fails or hangs is a failure."""
    found: dict[str, Finding] = {}

    async def run(name: str, check: Check) -> None:
        try:
            with anyio.fail_after(CHECK_SECONDS), told_failures():
                found[name] = await check()
        except TimeoutError:
            reason = Unanswered(f"this check did not end within {CHECK_SECONDS:g} s")
            found[name] = _failure(name, reason)
        except Unanswered as error:
            found[name] = _failure(name, error)

    async with anyio.create_task_group() as group:
        for name, check in checks.items():
            group.start_soon(run, name, check)
    return [found[name] for name in checks]


def _failure(name: str, error: Unanswered) -> Finding:
    return Finding(
        name=name, state="failure", found=str(error), remedy=REMEDIES.get(name, START_IT)
    )
