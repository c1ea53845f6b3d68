"""Signing in and out."""

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from services.query.context import RequestContext
from services.query.ui.entrance import SECURE_COOKIE, cookie_name, session_of
from services.query.ui.forms import read_form, require_form_key
from services.query.ui.paths import ROOT, SIGN_OUT, safe_target
from services.query.ui.rendering import page
from shared.domain.access.actions import Action
from shared.domain.access.audit import Change
from shared.domain.access.browser_sessions import SESSION_LIFE, SESSION_PREFIX, SessionText
from shared.domain.errors import Denied, TooManyRequests, Unauthenticated
from shared.runtime.settings import Settings
from shared.web.access.authentication import Authenticator, claimed_subject
from shared.web.access.browser_sessions import BrowserSessions
from shared.web.access.caller import ANYBODY, Caller, declares
from shared.web.access.entrance import SIGN_IN
from shared.web.access.oidc.code_flow import CodeFlow
from shared.web.access.trail import Trail

router = APIRouter(include_in_schema=False)


@router.get(SIGN_IN, dependencies=[declares(Action.PUBLIC)])
async def show_form(request: Request, next: str = ROOT) -> Response:
    """Answer the form, or the page that was asked for where there is a session already."""
    target = safe_target(next)
    if (session := session_of(request.scope)) is not None:
        authenticator: Authenticator = request.state.authenticator
        try:
            await authenticator.find_out(f"Bearer {session}", Trail.of(request).address)
        except (Unauthenticated, TooManyRequests):
            pass  # it is over: a new one is begun by the form
        else:
            return RedirectResponse(target, HTTPStatus.SEE_OTHER)
    return sign_in_page(request, target)


@router.post(SIGN_IN, dependencies=[declares(Action.PUBLIC)])
async def sign_in(request: Request, context: RequestContext) -> Response:
    """Begin a session for whoever has the token of the form."""
    form = await read_form(request)
    target, token = safe_target(form.get("next", "")), form.get("token", "").strip()
    authenticator: Authenticator = request.state.authenticator
    sessions: BrowserSessions = request.state.browser_sessions
    trail = Trail.of(request)
    nobody = Caller(ANYBODY, Action.IDENTIFY, trail)
    try:
        if not token or token.startswith(SESSION_PREFIX):
            raise Unauthenticated
        principal = await authenticator.identify(f"Bearer {token}", trail.address)
        async with Caller(principal, Action.IDENTIFY, trail).audited(Change.SIGN_IN):
            session = await sessions.begin(principal, token)
        await end_earlier(request)
    except (Unauthenticated, Denied) as error:
        nobody.refused(error, "", claimed_subject(f"Bearer {token}"))
        return sign_in_page(request, target, error.detail, error.status)
    answer = RedirectResponse(target, HTTPStatus.SEE_OTHER)
    keep_session(answer, session, context.settings)
    return answer


@router.post(SIGN_OUT)
async def sign_out(
    request: Request,
    caller: Annotated[Caller, declares(Action.IDENTIFY)],
    context: RequestContext,
) -> Response:
    """End the session; a copy of its cookie counts no more."""
    form = await read_form(request)
    session = session_of(request.scope)
    require_form_key(form, session)
    if session is not None:
        async with caller.audited(Change.SIGN_OUT):
            await end_earlier(request)
    return signed_out(context.settings)


async def end_earlier(request: Request) -> None:
    """End the session that the browser had: the new one takes its place."""
    if (session := session_of(request.scope)) is not None:
        sessions: BrowserSessions = request.state.browser_sessions
        authenticator: Authenticator = request.state.authenticator
        await sessions.end(session)
        authenticator.forget(str(session))


def sign_in_page(
    request: Request, target: str, wrong: str = "", status: int = HTTPStatus.OK
) -> Response:
    """Return the form, with what is wrong, and the way to the issuer where there is one."""
    flow: CodeFlow | None = request.state.code_flow
    issuer = urlsplit(flow.issuer.url).netloc if flow is not None else ""
    values = {"target": target, "wrong": wrong, "issuer": issuer}
    return page("sign_in.html", values, request=request, status=status)


def keep_session(answer: Response, session: SessionText, settings: Settings) -> None:
    """Have the browser keep a session."""
    life = int(SESSION_LIFE.total_seconds())
    answer.set_cookie(value=session.secret, max_age=life, **_cookie(settings))


def signed_out(settings: Settings) -> Response:
    """Lead to the form, and have the browser keep its session no longer."""
    answer = RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
    answer.delete_cookie(**_cookie(settings))
    return answer


def _cookie(settings: Settings) -> dict[str, Any]:
    """Return what the cookie is like: no script, no other site and no plain HTTP gets it."""
    name = cookie_name(settings)
    return {
        "key": name,
        "path": "/",
        "secure": name == SECURE_COOKIE,
        "httponly": True,
        "samesite": "strict",
    }
