"""Whether a session is over, where ingest does not take it: a page must not lead in a circle.

Query keeps a verdict for some seconds. Were a person sent to sign in meanwhile, the session would
count there, and lead back at once.
"""

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from services.query.context import Context
from services.query.ui.calls import Call
from shared.domain.access.browser_sessions import SessionText
from shared.domain.errors import Unauthenticated, Unavailable
from shared.web.access.authentication import Authenticator
from shared.web.access.entrance import SESSION, authorization_of
from shared.web.guard import address_of

NOT_TAKEN: Final = "session_not_taken"


async def ask_in_session(request: Request, context: Context, call: Call) -> Response:
    """Return ingest's answer to a request in the name of a page's session.

    Raises as `Forwarding.ask` and `taken` do.
    """
    sent = (call.method, call.path, call.content, call.all_headers)
    return await taken(request, context.ingest.ask(request, *sent))


async def taken(request: Request, asking: Awaitable[Response]) -> Response:
    """Return what ingest answers, which has taken the session.

    Raises as `not_taken` does, and Unavailable "session_not_taken".
    """
    try:
        answer = await asking
    except Unauthenticated:  # it is not there any more
        raise await not_taken(request) from None
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        raise await not_taken(request)
    return answer


def no_answer(response: Response) -> Unavailable:
    """Return the error of an answer that is none of ingest's."""
    detail = f"something before ingest answered {response.status_code}; try again"
    return Unavailable("ingest_unavailable", detail)


async def not_taken(request: Request) -> Unavailable:
    """Return the error of a session that counts here, and that ingest does not take.

    Raises Unauthenticated where it is over, once that is looked up anew; TooManyRequests and
    Unavailable where nobody can say now.
    """
    session: SessionText | None = getattr(request.state, SESSION, None)
    authenticator: Authenticator = request.state.authenticator
    if session is not None:
        authenticator.forget(str(session))
    await authenticator.find_out(authorization_of(request.scope), address_of(request.scope))
    return Unavailable(NOT_TAKEN, "ingest does not take your session now: try again")
