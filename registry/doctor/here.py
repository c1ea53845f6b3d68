"""What this machine itself says: which registry it takes, whose token, and its cache."""

import os
from datetime import UTC, datetime
from http import HTTPStatus

from registry._answers import accepted, parse
from registry._certificates import CA_VARIABLE
from registry._credentials import ORIGINS_VARIABLE, TOKEN_VARIABLE, URL_VARIABLE, Credentials
from registry._profiles import look_up_profiles, profiles_path
from registry._threads import in_own_thread
from registry.cache import Cache
from registry.cache.settings import (
    FOLDER_VARIABLE,
    LIMIT_VARIABLE,
    OFFLINE_VARIABLE,
    cache_folder,
    cache_limit,
    is_offline,
)
from registry.doctor.asking import Asker, told_failures
from registry.doctor.findings import Finding
from registry.doctor.judging import judge_token
from registry.errors import AccessDeniedError, ProfileError
from registry.schemas import Identity

VARIABLES = (
    *(URL_VARIABLE, TOKEN_VARIABLE, ORIGINS_VARIABLE, CA_VARIABLE),
    *(FOLDER_VARIABLE, LIMIT_VARIABLE, OFFLINE_VARIABLE),
)


def check_configuration(url: str, given: str | None) -> Finding:
    """Tell which registry is taken and why, and which variables are set: their names alone."""
    try:
        profiles = look_up_profiles()
        path = str(profiles_path())
    except ProfileError as error:
        remedy = "mend or remove the file, then run registry login"
        return Finding(name="configuration", state="failure", found=str(error), remedy=remedy)
    if given:
        reason = "as given"
    elif os.environ.get(URL_VARIABLE):
        reason = f"of {URL_VARIABLE}"
    else:
        reason = "the default of the profiles" if profiles.default else "the usual one"
    profile = profiles.find(url)
    kept = f"profile in {path}" if profile is not None else "no profile"
    names = [name for name in VARIABLES if os.environ.get(name)]
    text = f"{url} ({reason}), {kept}, set: {' '.join(names) or 'no variable'}"
    return Finding(name="configuration", state="ok", found=text)


async def check_token(asker: Asker, query_url: str, credentials: Credentials) -> Finding:
    """Ask who the registry takes the caller for; raises Unanswered."""
    with told_failures():
        try:
            url = f"{query_url}/v1/me"
            answer = accepted(await asker.ask("query", url, credentials.headers_for(url)))
            identity = parse(answer, Identity)
        except AccessDeniedError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
            return Finding(
                name="token",
                state="failure",
                found=f"not accepted: {credentials.found_in or 'none is known'}",
                remedy=f"run registry login {credentials.url}, or set {TOKEN_VARIABLE}",
            )
    place = credentials.found_in if credentials.token is not None else ""
    return judge_token(identity, place, credentials.remedy, datetime.now(UTC))


async def check_cache() -> Finding:
    """Tell where the cache is, and what it holds; raises Unanswered."""
    with told_failures():
        # A disk that hangs, or a cache that another has locked, must hold up nobody at the end.
        return await in_own_thread(_look_at_cache)


def _look_at_cache() -> Finding:
    folder, limit = cache_folder(), cache_limit()
    if not folder.exists():
        return Finding(name="cache", state="ok", found=f"{folder}: nothing is kept yet")
    if not os.access(folder, os.W_OK):
        remedy = f"let its user write it, or name another folder by {FOLDER_VARIABLE}"
        return Finding(
            name="cache", state="failure", found=f"{folder} cannot be written", remedy=remedy
        )
    versions = list(Cache().versions())
    held = sum(each.size_bytes for each in versions)
    text = f"{folder}: {len(versions)} versions, {held} of {limit} bytes"
    if is_offline():
        return Finding(
            name="cache",
            state="warning",
            found=f"{text}, and {OFFLINE_VARIABLE} is set: fetching asks no registry",
            remedy=f"unset {OFFLINE_VARIABLE} where the registry is to be asked",
        )
    return Finding(name="cache", state="ok", found=text)
