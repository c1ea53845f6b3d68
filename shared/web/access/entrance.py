"""Whose body is read: who asks is found out by the head of a request, before anything else of it.

A body takes room for as long as it comes, and time to be read as JSON. Whoever reaches the port
could take both, and be told what is wrong with a body, before being refused.
"""

import re

from starlette.datastructures import Headers
from starlette.types import Scope

from shared.domain.access.decision import may_change
from shared.domain.errors import RegistryError
from shared.web.access.authentication import Authenticator
from shared.web.guard import address_of

_REFUSAL = "refusal"
_ASKS_BY_BODY = re.compile(r"/api/models/.+/paths-info/.+")
"""Where reading takes a body, which says what is to be read: clients of Hugging Face do it so."""
SIGN_IN = "/ui/sign-in"
"""Where a body says who asks: a token, in a form."""
_MOST_FORM_BYTES = 16 * 1024


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
    if scope["path"] == SIGN_IN:
        length = headers.get("content-length", "")
        return length.isdigit() and int(length[:9]) <= _MOST_FORM_BYTES
    authorization = headers.get("authorization")
    try:
        principal = await authenticator.find_out(authorization, address_of(scope))
    except RegistryError as error:
        state[_REFUSAL] = error
        return False
    if principal.kind != "anonymous" or may_change(principal.grants):
        return True
    return bool(principal.grants) and _ASKS_BY_BODY.fullmatch(scope["path"]) is not None


def refusal_of(scope: Scope) -> RegistryError | None:
    """Return what a request was refused with before its body, if it was."""
    return scope.get("state", {}).get(_REFUSAL)
