"""Whose body is read: who asks is found out by the head of a request, before anything else of it.

A body takes room for as long as it comes, and time to be read as JSON. Whoever reaches the port
could take both, and be told what is wrong with a body, before being refused.
"""

import re
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from shared.domain.access.browser_sessions import SESSION_PREFIX, SessionText
from shared.domain.access.decision import may_change
from shared.domain.errors import RegistryError
from shared.web.access.authentication import Authenticator, credential_of
from shared.web.guard import address_of

_REFUSAL = "refusal"
SESSION: Final = "session"
"""Where a page's request has the session of its cookie, in the state of its scope."""
_NOTHING_THAT_COUNTS = "Bearer"
_ASKS_BY_BODY = re.compile(r"/api/models/.+/paths-info/.+")
"""Where reading takes a body, which says what is to be read: clients of Hugging Face do it so."""
SIGN_IN = "/ui/sign-in"
"""Where a body says who asks: a token, in a form."""
_MOST_FORM_BYTES = 16 * 1024
_FORM_LENGTH = re.compile(r"[0-9]{1,5}")
"""Servers take any number of zeros before a length."""


async def may_send(scope: Scope) -> bool:
    """Return whether the body of a request is to be read; where not, its route refuses the request.

    What was found out counts for the body alone: a slow one outlives the verdict, so that the route
    asks again. Only a refusal stays.
    """
    state = scope.get("state", {})
    authenticator: Authenticator | None = state.get("authenticator")
    if authenticator is None:  # a service that knows nobody
        return True
    headers = Headers(scope=scope)
    if scope["path"] == SIGN_IN and "browser_sessions" in state:
        length = headers.get("content-length", "")
        return _FORM_LENGTH.fullmatch(length) is not None and int(length) <= _MOST_FORM_BYTES
    try:
        principal = await authenticator.find_out(authorization_of(scope), address_of(scope))
    except RegistryError as error:
        state[_REFUSAL] = error
        return False
    if principal.kind != "anonymous" or may_change(principal.grants):
        return True
    return bool(principal.grants) and _ASKS_BY_BODY.fullmatch(scope["path"]) is not None


def authorization_of(scope: Scope) -> str | None:
    """Return the header that says who asks; None without one.

    A session counts as the cookie of a page alone: its value in a header that somebody sends is
    no credential.
    """
    authorization = Headers(scope=scope).get("authorization")
    credential = credential_of(authorization) if authorization else None
    if credential is None or not credential.startswith(SESSION_PREFIX):
        return authorization
    session: SessionText | None = scope.get("state", {}).get(SESSION)
    is_of_cookie = session is not None and credential == str(session)
    return authorization if is_of_cookie else _NOTHING_THAT_COUNTS


def refusal_of(scope: Scope) -> RegistryError | None:
    """Return what a request was refused with before its body, if it was."""
    return scope.get("state", {}).get(_REFUSAL)
