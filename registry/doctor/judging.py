"""What the answers mean. No I/O, and no clock: what time it is, is given."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from registry.doctor.findings import Finding
from registry.schemas.access import Identity

CLOCK_WARNING_SECONDS = 5.0
CLOCK_FAILURE_SECONDS = 900.0
"""Storage refuses signed requests from a clock that differs by more than a quarter of an hour."""
LATE_SECONDS = 30.0
"""Search and deliveries that are so far behind are told of."""
SOON = timedelta(days=7)


def judge_readiness(
    name: str, waits_for: Sequence[str], lag_seconds: float = 0.0, oldest: str = ""
) -> Finding:
    """Return what a service's readiness means; `lag_seconds` is how far behind it says it is.

    `oldest` names what has waited for so long: an event, work, a delivery.
    """
    if waits_for:
        return Finding(
            name=name,
            state="failure",
            found=f"waits for {', '.join(waits_for)}",
            remedy="mend what it waits for; it goes on by itself",
        )
    if lag_seconds > LATE_SECONDS:
        return Finding(
            name=name,
            state="warning",
            found=f"is {lag_seconds:.0f} s behind" + (f" (oldest {oldest})" if oldest else ""),
            remedy="wait, and see whether the figure falls; else look at its logs",
        )
    return Finding(name=name, state="ok", found="ready")


def judge_versions(client: str | None, services: Mapping[str, str | None]) -> Finding:
    """Return whether the client and the services are of releases that fit.

    They fit within one major version; before 1.0 within one minor version.
    """
    told = {"client": client, **services}
    text = ", ".join(f"{name} {version or 'not told'}" for name, version in told.items())
    known = {_series(version) for version in told.values() if version is not None}
    if len(known) > 1:
        return Finding(
            name="versions",
            state="warning",
            found=text,
            remedy="bring client and services to releases of one series",
        )
    if len({version for version in services.values() if version is not None}) > 1:
        return Finding(
            name="versions",
            state="warning",
            found=text,
            remedy="bring all services to one release: an update was not finished",
        )
    return Finding(name="versions", state="ok", found=text)


def judge_clock(ahead_seconds: Mapping[str, float]) -> Finding:
    """Return how far the clocks are from this machine's; positive: theirs is ahead."""
    if not ahead_seconds:
        return Finding(name="clock", state="skipped", found="no server told its time")
    text = ", ".join(f"{place} {seconds:+.0f} s" for place, seconds in ahead_seconds.items())
    most = max(abs(seconds) for seconds in ahead_seconds.values())
    spread = max(ahead_seconds.values()) - min(ahead_seconds.values())
    if max(most, spread) <= CLOCK_WARNING_SECONDS:
        return Finding(name="clock", state="ok", found=text)
    return Finding(
        name="clock",
        state="failure" if max(most, spread) > CLOCK_FAILURE_SECONDS else "warning",
        found=f"clocks differ from this machine's: {text}",
        remedy="set the clock that is wrong, by NTP: tokens and signed addresses end by it",
    )


def judge_token(identity: Identity, found_in: str, remedy: str, now: datetime) -> Finding:
    """Return what the token is worth; `found_in` says where it is from, empty where none is."""
    grants = " ".join(identity.grants) or "no grants"
    if not found_in:
        text = f"none; {identity.principal}: {grants}"
        if identity.grants:
            return Finding(name="token", state="ok", found=text)
        return Finding(name="token", state="warning", found=text, remedy=remedy)
    text = f"{found_in}: {identity.principal}, {grants}"
    if not identity.grants:
        return Finding(
            name="token", state="warning", found=text, remedy="ask an administrator for a grant"
        )
    ends = identity.expires_at
    if ends is None:
        return Finding(name="token", state="ok", found=f"{text}, counts until it is revoked")
    text = f"{text}, ends {ends:%Y-%m-%d %H:%M} UTC"
    if ends - now > SOON:
        return Finding(name="token", state="ok", found=text)
    return Finding(
        name="token",
        state="warning",
        found=text,
        remedy="make another one in time: registry token create, then registry login",
    )


def _series(version: str) -> tuple[str, ...]:
    """Return the part of a version within which releases fit together."""
    parts = version.split(".")
    return tuple(parts[:2] if parts[0] == "0" else parts[:1])
