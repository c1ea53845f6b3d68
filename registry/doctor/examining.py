"""All checks, side by side: no part that hangs keeps another one from being told of."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
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
    check_streams,
    discover,
    find_place,
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
    "streams": "see the logs of query",
    "storage": "start MinIO, or see that this machine reaches MINIO_PUBLIC_ENDPOINT",
    "kafka": "start Kafka, or name its addresses in REGISTRY_KAFKA_BOOTSTRAP_SERVERS",
    "token": "run registry login, which asks for the addresses that the token may go to",
    "cache": "see REGISTRY_CACHE and REGISTRY_CACHE_BYTES",
}


@dataclass(frozen=True, slots=True)
class Named:
    """Addresses of services that somebody named."""

    query: str | None = None
    """Counts where ingest does not answer, which tells it otherwise."""
    indexer: str | None = None
    notifier: str | None = None


async def examine(
    url: str | None = None,
    named: Named | None = None,
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
    named = named or Named()
    asker = Asker.trusting(find_certificates(), transport)
    async with asker.http:
        discovery, failures = await _discover(asker, address, named)
        findings = [check_configuration(address, url), *failures]
        if discovery is None:
            left = {"cache": check_cache, **_workers(asker, address, named)}
            findings += await _side_by_side(left)
        else:
            findings += await _examine_found(asker, discovery, credentials, named)
    findings.append(judge_clock(asker.ahead_seconds))
    return Diagnosis(url=address, at=datetime.now(UTC), state=worst(findings), findings=findings)


async def _discover(
    asker: Asker, address: str, named: Named
) -> tuple[Discovery | None, list[Finding]]:
    """Return what the registry tells of itself, or else query, which tells the same.

    Both are asked at once, since there is no time for one after the other.
    """
    told: dict[str, Discovery] = {}
    failures: list[Finding] = []
    query = find_place("query", named.query, address)

    async def look() -> None:
        try:
            with told_failures():
                told["registry"] = await discover(asker, "registry", address)
        except Unanswered as error:
            failures.append(_failure("registry", error))

    async def look_at_query(place: Place) -> None:
        with suppress(Unanswered), told_failures():
            told["query"] = await discover(asker, place.name, place.url)

    async with anyio.create_task_group() as group:
        group.start_soon(look)
        if query is not None:
            group.start_soon(look_at_query, query)
    return told.get("registry") or told.get("query"), failures


async def _examine_found(
    asker: Asker, discovery: Discovery, credentials: Credentials, named: Named
) -> list[Finding]:
    ingest = Place("ingest", discovery.ingest_url.rstrip("/"))
    query = Place("query", discovery.query_url.rstrip("/"))
    checks: dict[str, Check] = {
        "ingest": partial(check_service, asker, ingest),
        "query": partial(check_service, asker, query),
        "search": partial(check_search, asker, query),
        "streams": partial(check_streams, asker, query),
        **_workers(asker, credentials.url, named),
        "storage": partial(check_storage, asker, query.url, credentials),
        "kafka": partial(check_kafka, discovery),
        "versions": partial(_check_versions, asker, ingest, query),
        "token": partial(check_token, asker, query.url, credentials),
        "cache": check_cache,
    }
    return await _side_by_side(checks)


def _workers(asker: Asker, url: str, named: Named) -> dict[str, Check]:
    checks: dict[str, Check] = {}
    for name, given in (("indexer", named.indexer), ("notifier", named.notifier)):
        place = find_place(name, given, url)
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
