"""How often somebody may ask: a rate and a burst for each, in bounded memory.

Of each there is kept one moment: when the burst will be whole again (the generic cell rate
algorithm). Asking costs a microsecond, and nothing runs beside it.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_network
from time import monotonic

from cachetools import LRUCache

from shared.domain.errors import TooManyRequests

MOST_KNOWN = 10_000
"""Of so many the moment is kept; whoever asked longest ago is forgotten, and has a burst again."""
IPV6_NETWORK_BITS = 64
"""An IPv6 address is one of the 2^64 that its holder may use, so they are counted together."""


class Rate:
    """Limits each of many askers to `per_second`, and `burst` at once; 0: none is limited."""

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = monotonic
    ) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._slack = self._interval * (burst - 1)
        self._clock = clock
        self._whole_at: LRUCache[str, float] = LRUCache(MOST_KNOWN)

    def take(self, asker: str) -> float:
        """Count one request of an asker; returns the seconds to wait where it is too many."""
        if not self._interval:
            return 0.0
        now = self._clock()
        whole_at = max(self._whole_at.get(asker, now), now)
        too_early = whole_at - now - self._slack
        if too_early > 0:
            return too_early
        self._whole_at[asker] = whole_at + self._interval
        return 0.0

    def give_back(self, asker: str) -> None:
        """Count one request less."""
        if asker in self._whole_at:
            self._whole_at[asker] -= self._interval


def too_many(detail: str, wait_seconds: float, code: str = "rate_limited") -> TooManyRequests:
    """Return the error of whoever asks too often, with the whole seconds to wait."""
    return TooManyRequests(code, detail, max(1, math.ceil(wait_seconds)))


@lru_cache(MOST_KNOWN)
def asker_of(address: str) -> str:
    """Return whom an address is counted as: itself, or the network of an IPv6 address.

    An IPv4 address stays one where a proxy writes it as IPv6 does, `::ffff:192.0.2.1`: all of them
    are one network there.
    """
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, IPV6_NETWORK_BITS), strict=False))
