"""The services: whether each answers, and what it waits for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from registry.doctor.asking import Asker, Unanswered, members_of, require_success, told_failures
from registry.doctor.findings import Finding
from registry.doctor.judging import judge_readiness
from registry.schemas import Discovery

USUAL_PORTS: Mapping[str, int] = {"query": 8001, "indexer": 8002, "notifier": 8003}
"""Where the services are that ingest, whose address is the registry's, does not lead to."""
_AGE = re.compile(r"oldest_([a-z]{1,40})_seconds")
"""A member of `lag`: how long the oldest of a queue has been waiting."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Place:
    """A service, and the base of its address."""

    name: str
    url: str


async def discover(asker: Asker, name: str, url: str) -> Discovery:
    """Return what the registry at the address tells of itself; raises Unanswered."""
    answer = await asker.ask(name, f"{url}/v1")
    require_success(answer)
    try:
        return Discovery.model_validate_json(answer.content)
    except ValidationError:
        raise Unanswered("what answers there is no registry with the API v1") from None


async def version_of(asker: Asker, place: Place) -> str | None:
    """Return the release of a service; None where it does not tell, or does not answer."""
    try:
        with told_failures():
            return (await discover(asker, place.name, place.url)).version
    except Unanswered:
        return None


async def check_service(asker: Asker, place: Place) -> Finding:
    """Ask a service whether it can work; raises Unanswered."""
    answer = await asker.ask(place.name, f"{place.url}/health/ready")
    told = members_of(answer)
    return judge_readiness(place.name, _waits_for(told), *_lag(told))


async def check_search(asker: Asker, place: Place) -> Finding:
    """Ask query how far its search is behind; raises Unanswered."""
    told = members_of(await asker.ask(place.name, f"{place.url}/health/search"))
    return judge_readiness("search", _waits_for(told), _number(told.get("lag_seconds")))


async def check_streams(asker: Asker, place: Place) -> Finding:
    """Ask query whether streams of events can begin; raises Unanswered."""
    told = members_of(await asker.ask(place.name, f"{place.url}/health/events"))
    return judge_readiness("streams", _waits_for(told))


def find_place(name: str, named: str | None, registry_url: str) -> Place | None:
    """Return where a service is that nothing leads to; None where nobody knows.

    That is the address that was named. Without one, for a registry on this machine, its usual port.
    """
    if named:
        return Place(name, named.rstrip("/"))
    parts = urlsplit(registry_url)
    if parts.hostname not in _LOOPBACK:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Place(name, f"{parts.scheme}://{host}:{USUAL_PORTS[name]}")


def _waits_for(told: Mapping[str, Any]) -> list[str]:
    found = told.get("waits_for")
    if not isinstance(found, list):
        raise Unanswered("what answers there tells no readiness")
    return [str(each)[:200] for each in found]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON


def _lag(told: Mapping[str, Any]) -> tuple[float, str]:
    """Return for how long the oldest of its queues waits, in seconds, and what waits there."""
    found: Any = told.get("lag")
    if not isinstance(found, dict):
        return 0.0, ""
    ages = {
        name[1]: _number(value)  # pyright: ignore[reportUnknownArgumentType] - JSON
        for key, value in found.items()  # pyright: ignore[reportUnknownVariableType] - JSON
        if (name := _AGE.fullmatch(str(key)))  # pyright: ignore[reportUnknownArgumentType] - JSON
    }
    oldest = max(ages, key=lambda each: ages[each], default="")
    return ages.get(oldest, 0.0), oldest


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
