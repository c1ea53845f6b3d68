"""Signing in at an OIDC issuer: the browser is led there, and comes back with a code.

What a browser keeps meanwhile is sent along by a link of another site (`SameSite=Lax`), since that
is how it comes back. Nothing counts but an answer to an attempt that this very browser began.
"""

import base64
import binascii
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from services.query.context import RequestContext
from services.query.turns import Turns
from services.query.ui.forms import require_own_site
from services.query.ui.paths import AT_ISSUER, FROM_ISSUER, ROOT, safe_target
from services.query.ui.rendering import page
from services.query.ui.signing_in import end_earlier, keep_session, sign_in_page
from shared.domain.access.actions import Action
from shared.domain.access.audit import Change
from shared.domain.access.sign_in_attempts import ATTEMPT_LIFE, Attempt
from shared.domain.access.tokens import is_equal
from shared.domain.errors import (
    Denied,
    NotFound,
    RegistryError,
    TooManyRequests,
    Unavailable,
)
from shared.runtime.settings import Settings
from shared.web.access.browser_sessions import BrowserSessions
from shared.web.access.caller import ANYBODY, Caller, declares
from shared.web.access.oidc.code_flow import CodeFlow
from shared.web.access.trail import Trail
from shared.web.rates import asker_of, too_many

router = APIRouter(include_in_schema=False)

COOKIE, SECURE_COOKIE = "mr_sign_in", "__Host-mr_sign_in"
MOST_ATTEMPTS = 3
"""That a browser keeps: with many, its requests would be too large for some proxies."""
MAX_TARGET_CHARACTERS = 1024
"""Of the page to go on to; with a longer one the cookie would not be kept."""
NOT_BEGUN = "this was begun in another browser, or more than 10 minutes ago: sign in once more"
_REASONS = {
    "access_denied": "the issuer did not let you in, or you stopped it",
    "login_required": "the issuer wants you to sign in there",
    "temporarily_unavailable": "the issuer cannot do this now; try again",
    "server_error": "the issuer failed; try again",
}
_REDEEMING = Turns("sign-ins", most_waiting=64)
MOST_OF_ADDRESS = 8
"""Under way at once: else who keeps dozens open, each with a wrong code, keeps all others out."""
_under_way: Counter[str] = Counter()
Text = Annotated[str, Query(max_length=4096)]


@router.get(AT_ISSUER, dependencies=[declares(Action.PUBLIC)])
async def lead_to_issuer(request: Request, context: RequestContext, next: str = ROOT) -> Response:
    """Begin an attempt, and lead to the issuer; not where another site's page leads here."""
    flow, target = _flow(request), safe_target(next)
    require_own_site(request)
    attempt = Attempt.new()
    try:
        address = await flow.address(attempt)
    except Unavailable as error:
        return sign_in_page(request, target, error.detail, error.status)
    kept = target if len(target) <= MAX_TARGET_CHARACTERS else ROOT
    answer = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        value=f"{attempt.secret}.{base64.urlsafe_b64encode(kept.encode()).decode().rstrip('=')}",
        max_age=int(ATTEMPT_LIFE.total_seconds()),
        key=_cookie(context.settings, attempt.state),
        **_kept(context.settings),
    )
    begun = [name for name in request.cookies if name.startswith(_prefix(context.settings))]
    for name in begun if len(begun) >= MOST_ATTEMPTS else ():  # which is the oldest nobody tells
        answer.delete_cookie(name, **_kept(context.settings))
    return answer


@router.get(FROM_ISSUER, dependencies=[declares(Action.PUBLIC)])
async def come_back(  # one parameter for each that an issuer adds
    request: Request,
    context: RequestContext,
    code: Text = "",
    state: Text = "",
    error: Text = "",
    iss: Text = "",
) -> Response:
    """Begin a session for who signed in at the issuer, and go on to the page of the attempt."""
    flow, trail = _flow(request), Trail.of(request)
    attempt, target = _begun(request, context.settings, state)
    if attempt is None or not (state.isascii() and is_equal(state, attempt.state)):
        # The cookie stays: another site that leads here must not end an attempt.
        return sign_in_page(request, target, NOT_BEGUN, HTTPStatus.BAD_REQUEST)
    try:
        if iss and iss != flow.issuer.url:
            raise Denied("sign_in_failed", "another issuer led you back: sign in once more")
        if error or not code:
            raise Denied("sign_in_failed", _REASONS.get(error, f"the issuer says: {error[:100]}"))
        async with _few_of(trail.address), _REDEEMING.turn():
            principal = await flow.principal_of(code, attempt)
        if not principal.grants:
            detail = f"{principal.name} is granted nothing here: no rule is for these claims"
            raise Denied("nothing_granted", detail)
        sessions: BrowserSessions = request.state.browser_sessions
        async with Caller(principal, Action.IDENTIFY, trail).audited(Change.SIGN_IN):
            session = await sessions.begin_by_issuer(principal, flow.issuer)
        await end_earlier(request)
    except (Denied, Unavailable, TooManyRequests) as refusal:
        answer = _refused(refusal, request, target, trail)
        return _over(answer, state, context.settings)
    # A page and no redirection: a browser keeps a strict cookie back from one that began elsewhere.
    answer = page("signed_in.html", {"target": target}, request=request)
    keep_session(answer, session, context.settings)
    return _over(answer, state, context.settings)


def _over(answer: Response, state: str, settings: Settings) -> Response:
    """Have the browser forget an attempt whose code is used up."""
    answer.delete_cookie(_cookie(settings, state), **_kept(settings))
    return answer


def _refused(refusal: RegistryError, request: Request, target: str, trail: Trail) -> Response:
    if isinstance(refusal, Denied):
        Caller(ANYBODY, Action.IDENTIFY, trail).refused(refusal)
    return sign_in_page(request, target, refusal.detail, refusal.status)


@asynccontextmanager
async def _few_of(address: str) -> AsyncGenerator[None]:
    """Count one that is under way of an address; raises TooManyRequests."""
    asker = asker_of(address)
    if _under_way[asker] >= MOST_OF_ADDRESS:
        raise too_many("too many sign-ins are under way from your address; try again", 5)
    _under_way[asker] += 1
    try:
        yield
    finally:
        _under_way[asker] -= 1
        if not _under_way[asker]:
            del _under_way[asker]


def _flow(request: Request) -> CodeFlow:
    flow: CodeFlow | None = request.state.code_flow
    if flow is None:
        raise NotFound("not_found", "nobody signs in at an issuer here")
    return flow


def _begun(request: Request, settings: Settings, state: str) -> tuple[Attempt | None, str]:
    """Return the attempt of this state that this browser began, and the page to go on to."""
    kept = request.cookies.get(_cookie(settings, state), "")
    secret, _, encoded = kept.partition(".")
    try:
        target = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (binascii.Error, ValueError):
        target = ROOT
    return Attempt.parse(secret), safe_target(target)


def _cookie(settings: Settings, state: str) -> str:
    """Return the name of an attempt's cookie: each has one, as several tabs may sign in at once."""
    return _prefix(settings) + hashlib.sha256(state.encode()).hexdigest()[:16]


def _prefix(settings: Settings) -> str:
    # Of one name alone: where it is the secure one, another host could set the other.
    return f"{SECURE_COOKIE if _is_secure(settings) else COOKIE}_"


def _kept(settings: Settings) -> dict[str, Any]:
    """Return how such a cookie is kept."""
    return {"path": "/", "secure": _is_secure(settings), "httponly": True, "samesite": "lax"}


def _is_secure(settings: Settings) -> bool:
    return settings.query_url.startswith("https://")
