"""Waits for what verification says of an upload."""

import time

import anyio

from registry._api import LONGEST_WAIT_SECONDS, Api
from registry.errors import VersionRejectedError, WaitTimeoutError
from registry.schemas import SETTLED, Version

PAUSE_SECONDS = 0.05


async def wait_until_settled(api: Api, version_id: str, timeout_seconds: float) -> Version:
    """Return the version once it has left `pending` and `verifying`.

    Raises WaitTimeoutError when that takes longer than the timeout.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        left = deadline - time.monotonic()
        version = await api.get_version_by_id(version_id, max(0.0, min(left, LONGEST_WAIT_SECONDS)))
        if version.state in SETTLED:
            return version
        if time.monotonic() >= deadline:
            raise WaitTimeoutError(
                f"{version.model} version {version.number} is still {version.state}"
                f" after {timeout_seconds:g} s"
            )
        await anyio.sleep(PAUSE_SECONDS)  # for a server that answers at once in spite of `wait`


def require_ready(version: Version) -> Version:
    """Return a ready version; raises VersionRejectedError for any other."""
    if version.state != "ready":
        raise VersionRejectedError(version)
    return version
