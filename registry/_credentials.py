"""Which token is sent, and to which origins: those that the user named, and no other.

What a registry's discovery names is not enough: whoever answers there could name an origin of
their own, and would be sent the token.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from registry._defaults import DEFAULT_URL
from registry._profiles import Profile, look_up_profiles, origin_of, profiles_path
from registry.errors import InvalidRequestError, ProtocolError, UntrustedOriginError

URL_VARIABLE = "REGISTRY_URL"
TOKEN_VARIABLE = "REGISTRY_TOKEN"  # noqa: S105 - a variable's name
ORIGINS_VARIABLE = "REGISTRY_ORIGINS"
MAX_TOKEN_CHARACTERS = 8192
"""As the services take them: those of OIDC issuers are long."""
_LOOPBACK = re.compile(r"//(?:127\.0\.0\.1|\[::1\])(?=:|$)")
_TOKEN = re.compile(rf"[\x21-\x7e]{{1,{MAX_TOKEN_CHARACTERS}}}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token, and the origins that it may be sent to."""

    url: str
    token: str | None = field(default=None, repr=False)
    origins: frozenset[str] = frozenset()
    found_in: str = ""
    """Where the token comes from, for people. Without one: why not, or empty."""

    def headers_for(self, url: str) -> Mapping[str, str]:
        """Return what proves to this address who asks; nothing without a token.

        Raises UntrustedOriginError where the token may not be sent there, and ProtocolError for
        what is no address.
        """
        if self.token is None:
            return {}
        try:
            origin = origin_of(url)
        except ValueError as error:
            raise ProtocolError(f"{self.url} leads to what is no address: {error}") from None
        if origin not in self.origins:
            raise UntrustedOriginError(self.url, origin)
        return {"authorization": f"Bearer {self.token}"}

    @property
    def remedy(self) -> str:
        """What to do where the registry does not accept who asks."""
        if self.token is None:
            login = f"run `registry login {self.url}`, or set"
            if self.found_in:
                return f"{self.found_in}: {login} {URL_VARIABLE} as well"
            return f"no token is known: {login} {TOKEN_VARIABLE}"
        return f"the token is {self.found_in}"


def registry_url(url: str | None = None) -> str:
    """Return a registry's address, without a trailing slash.

    It is the one that is given, else REGISTRY_URL, else the default that the profiles name, else
    that of a registry on this machine. Raises InvalidRequestError for a text that is no address,
    and ProfileError.
    """
    found = url or os.environ.get(URL_VARIABLE) or look_up_profiles().default or DEFAULT_URL
    _origin("url", found)
    return found.rstrip("/")


def find_credentials(
    url: str, token: str | None = None, origins: Iterable[str] = ()
) -> Credentials:
    """Return the credentials for a registry.

    The token is the one that is given, else REGISTRY_TOKEN, else that of the registry's profile.
    REGISTRY_TOKEN is for the registry that REGISTRY_URL names, where that is set. The token may be
    sent to the registry's address, and to what the caller, REGISTRY_ORIGINS (separated by commas)
    and the profile name. Raises InvalidRequestError for what is no address or no token, and
    ProfileError.
    """
    named = {_origin("url", url)}
    named |= {_origin("origins", each) for each in origins}
    named |= set(_named_origins())
    profile = look_up_profiles().find(url)
    if profile is not None:
        named |= {origin_of(each) for each in (profile.url, *profile.origins)}
    found, place = _find_token(url, token, profile)
    return Credentials(url, found, frozenset(named), place)


def check_token(text: str) -> str:
    """Return a token without the space around it; raises InvalidRequestError, without the text."""
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        rule = f"must be 1 to {MAX_TOKEN_CHARACTERS} visible characters of ASCII"
        raise _invalid("token", rule)
    return token


def _find_token(url: str, token: str | None, profile: Profile | None) -> tuple[str | None, str]:
    if token:
        return check_token(token), "the one that was given"
    given = os.environ.get(TOKEN_VARIABLE, "").strip()
    is_for_another = bool(given) and not _is_of_environment(url)
    if given and not is_for_another:
        return check_token(given), f"that of {TOKEN_VARIABLE}"
    if profile is not None and profile.token:
        return check_token(profile.token), f"that of the profile in {profiles_path()}"
    return None, f"{TOKEN_VARIABLE} is for the registry of {URL_VARIABLE}" if is_for_another else ""


def _is_of_environment(url: str) -> bool:
    """Whether an address is of the registry that REGISTRY_URL names; of any where it names none.

    Else whoever has a program ask a registry of theirs would be sent the token of another one.
    """
    named = os.environ.get(URL_VARIABLE)
    if not named:
        return True
    known = [_origin(URL_VARIABLE, named), *_named_origins()]
    return _on_this_machine(_origin("url", url)) in map(_on_this_machine, known)


def _on_this_machine(origin: str) -> str:
    """Return an origin with one name for this machine, which has several."""
    return _LOOPBACK.sub("//localhost", origin)


def _named_origins() -> list[str]:
    listed = (each.strip() for each in os.environ.get(ORIGINS_VARIABLE, "").split(","))
    return [_origin(ORIGINS_VARIABLE, each) for each in listed if each]


def _origin(field_name: str, address: str) -> str:
    try:
        return origin_of(address)
    except ValueError as error:
        raise _invalid(field_name, str(error)) from None


def _invalid(field_name: str, rule: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field_name}: {rule}", code="invalid_request", status=422)
