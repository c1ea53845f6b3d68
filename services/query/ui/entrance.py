"""What comes before and behind pages: a session's cookie is a credential, and errors are pages."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from services.query.context import Context
from services.query.ui.paths import (
    PAGE_HEADERS,
    headers_towards,
    is_asked_by_script,
    is_page,
    is_upload_page,
    safe_target,
)
from services.query.ui.rendering import page
from shared.domain.access.browser_sessions import SESSION_PREFIX, SessionText
from shared.runtime.settings import Settings
from shared.web.access.entrance import SESSION, SIGN_IN
from shared.web.dialects import Dialect, Failure
from shared.web.problems import PROBLEM_JSON

COOKIE = "mr_session"
SECURE_COOKIE = "__Host-mr_session"
"""Its name where it is sent by https alone: no other host can set one of this name."""


def session_of(scope: Scope) -> SessionText | None:
    """Return the session that a request's cookie names; whether it counts is asked later."""
    # Not by SimpleCookie, for which a space separates as well: a cookie that another host may set
    # could have one more of our name in its value. It also forgets all after one that is odd.
    cookies: dict[str, str] = {}
    for header in Headers(scope=scope).getlist("cookie"):
        cookies |= cookie_parser(header)
    # By one name alone: where it is the secure one, another host could set the other.
    context: Context = scope["state"]["context"]
    name = cookie_name(context.settings)
    return SessionText.parse(SESSION_PREFIX + cookies[name]) if name in cookies else None


def cookie_name(settings: Settings) -> str:
    """Return the name of the session's cookie."""
    return SECURE_COOKIE if settings.query_url.startswith("https://") else COOKIE


def _arrange(scope: Scope) -> None:
    """Have the session's cookie be the credential, and nothing else: no header of a script."""
    session = session_of(scope)
    scope.setdefault("state", {})[SESSION] = session
    kept = [each for each in scope["headers"] if each[0] != b"authorization"]
    if session is not None and scope["path"] != SIGN_IN:
        kept.append((b"authorization", f"Bearer {session}".encode()))
    scope["headers"] = kept


def _word(failure: Failure) -> Response:
    if failure.status == HTTPStatus.UNAUTHORIZED:
        values = {"target": safe_target(failure.target)}
        return page("sign_in_needed.html", values, status=failure.status)
    title = HTTPStatus(failure.status).phrase
    values = {"title": title, "status": failure.status, "detail": failure.detail}
    return page("error.html", values, status=failure.status)


def _word_for_script(failure: Failure) -> Response:
    return JSONResponse(dict(failure.members), failure.status, media_type=PROBLEM_JSON)


PAGES = Dialect(covers=is_page, word=_word, arrange=_arrange, headers=PAGE_HEADERS)
SCRIPTED = Dialect(
    covers=is_asked_by_script, word=_word_for_script, arrange=_arrange, headers=PAGE_HEADERS
)


def upload_pages(settings: Settings) -> Dialect:
    """Return the pages that send to storage: no other page may."""
    # Where each bucket has a host of its own, these are below that of the endpoint.
    host = f"*.{settings.storage_public_endpoint}"
    is_virtual = settings.minio_addressing == "virtual"
    origins = f"{settings.storage_public_scheme}://{settings.storage_public_endpoint}"
    if is_virtual:
        origins += f" {settings.storage_public_scheme}://{host}"
    headers = headers_towards(origins)
    return Dialect(covers=is_upload_page, word=_word, arrange=_arrange, headers=headers)
