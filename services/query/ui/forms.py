"""Forms of pages: read within bounds, and only where a page of ours sent them."""

import asyncio
from urllib.parse import parse_qs, urlsplit

from fastapi import Request

from services.query.context import Context
from shared.domain.access.browser_sessions import SessionText
from shared.domain.access.tokens import is_equal
from shared.domain.errors import Denied, InvalidRequest

MAX_FIELDS = 20
MAX_BYTES = 256 * 1024
"""Of a form in which no more is said than reasons, names and lists of them."""
READ_AT_ONCE_BYTES = 64 * 1024
"""What is larger is read in a thread: 4 MiB of percent signs take more than a second."""
FORM_KEY = "form_key"
FORM_KEY_HEADER = "x-form-key"
"""In which a script brings it."""
_OWN_SITES = ("same-origin", "none")


async def read_form(
    request: Request, *, most_fields: int = MAX_FIELDS, most_bytes: int = MAX_BYTES
) -> dict[str, str]:
    """Return the fields of a form; raises InvalidRequest, and Denied for one of another site."""
    require_own_site(request)
    body = await request.body()
    if len(body) > most_bytes:
        raise InvalidRequest("body", f"must be at most {most_bytes} bytes")
    try:
        if len(body) <= READ_AT_ONCE_BYTES:
            return _fields(body, most_fields)
        return await asyncio.to_thread(_fields, body, most_fields)
    except ValueError as error:
        raise InvalidRequest("body", "must be a form in UTF-8 of few fields") from error


async def read_own_form(
    request: Request, *, most_fields: int = MAX_FIELDS, most_bytes: int = MAX_BYTES
) -> dict[str, str]:
    """Return the fields of a form that a page of this session sent; raises as `read_form` does."""
    form = await read_form(request, most_fields=most_fields, most_bytes=most_bytes)
    require_form_key(form, request.state.session)
    return form


def _fields(body: bytes, most: int) -> dict[str, str]:
    fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=most)
    return {name: values[-1] for name, values in fields.items()}


def require_own_site(request: Request) -> None:
    """Return where no other site's page sent the request; raises Denied.

    Browsers say so by a header that no page can set; older ones tell the origin alone.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        is_own = site in _OWN_SITES
    elif origin is not None:
        is_own = _is_own(origin, request)
    else:
        is_own = True  # no browser, or one that sends neither: SameSite keeps the cookie back
    if not is_own:
        raise Denied("foreign_form", "the form was sent by a page of another site")


def require_script_of_ours(request: Request) -> None:
    """Return where the script of a page of this session asks; raises Denied."""
    require_own_site(request)
    key = request.headers.get(FORM_KEY_HEADER, "")
    require_form_key({FORM_KEY: key}, request.state.session)


def require_form_key(form: dict[str, str], session: SessionText | None) -> None:
    """Return where a form was made for this session; raises Denied."""
    if session is None or not is_equal(form.get(FORM_KEY, ""), session.form_key):
        raise Denied("foreign_form", "the form is not of this session; load the page again")


def _is_own(origin: str, request: Request) -> bool:
    """Whether an origin is where the page itself is; `null`, as that of a sandbox, is not.

    Where people come by https, a page that somebody on the way could have made by http is another
    site's.
    """
    context: Context = request.state.context
    try:
        told, public = urlsplit(origin), urlsplit(context.settings.query_url)
    except ValueError:
        return False
    is_here = told.netloc != "" and told.netloc == request.headers.get("host")
    return is_here and (told.scheme == "https" or public.scheme == told.scheme == "http")
