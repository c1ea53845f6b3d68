"""Which token is sent, and to which origins: those that the user named, and no other.

What a registry's discovery names is not enough: whoever answers there could name an origin of
their own, and would be sent the token.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from registry._profiles import find_profile, origin_of
from registry.errors import UntrustedOriginError

TOKEN_VARIABLE = "REGISTRY_TOKEN"  # noqa: S105 - a variable's name
ORIGINS_VARIABLE = "REGISTRY_ORIGINS"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token, and the origins that it may be sent to."""

    url: str
    token: str | None = field(default=None, repr=False)
    origins: frozenset[str] = frozenset()

    def headers_for(self, url: str) -> Mapping[str, str]:
        """Return what proves to this address who asks; nothing without a token.

        Raises UntrustedOriginError where the token may not be sent there.
        """
        if self.token is None:
            return {}
        origin = origin_of(url)
        if origin not in self.origins:
            raise UntrustedOriginError(self.url, origin)
        return {"authorization": f"Bearer {self.token}"}


def find_credentials(
    url: str, token: str | None = None, origins: Iterable[str] = ()
) -> Credentials:
    """Return the credentials for a registry.

    The token is the one that is given, else REGISTRY_TOKEN, else that of the registry's profile.
    It may be sent to the registry's address, to what the caller, REGISTRY_ORIGINS (separated by
    commas) and the profile name. Raises ValueError for an address that is none, ProfileError.
    """
    named = [url, *origins, *_listed(os.environ.get(ORIGINS_VARIABLE, ""))]
    profile = find_profile(url)
    if profile is not None:
        named += [profile.url, *profile.origins]
        token = token or os.environ.get(TOKEN_VARIABLE) or profile.token
    else:
        token = token or os.environ.get(TOKEN_VARIABLE)
    return Credentials(url, token or None, frozenset(map(origin_of, named)))


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
