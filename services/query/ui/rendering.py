"""Pages from templates: everything that is put into one is escaped, unless it is markup of ours."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from registry.schemas.shown import size_text
from services.query.ui import shown
from services.query.ui.assets import address_of
from services.query.ui.operators.sections import sections_of
from services.query.ui.paths import segment
from shared.domain.access.actions import Action
from shared.domain.access.browser_sessions import SessionText
from shared.domain.access.decision import NameFilter, decide
from shared.web.access.caller import Caller
from shared.web.access.entrance import SESSION

THEME_COOKIE = "mr_theme"
_THEMES = ("dark", "light")


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    functions: Mapping[str, Any] = {"asset": address_of}
    made.globals.update(functions)
    filters: Mapping[str, Any] = {
        "size": size_text,
        "moment": shown.moment,
        "number": shown.number,
        "words": shown.words,
        "label": shown.label,
        "segment": segment,
    }
    made.filters.update(filters)
    return made


_TEMPLATES = _environment()


def page(
    template: str,
    values: Mapping[str, Any],
    *,
    request: Request | None = None,
    caller: Caller | None = None,
    status: int = 200,
) -> HTMLResponse:
    """Return a page; `request` and `caller` tell its theme, and whom it is for."""
    theme = request.cookies.get(THEME_COOKIE, "") if request is not None else ""
    session: SessionText | None = (
        getattr(request.state, SESSION, None) if request is not None else None
    )
    signed_in = caller if session is not None else None
    text = _TEMPLATES.get_template(template).render(
        theme=theme if theme in _THEMES else "",
        principal=signed_in.principal if signed_in is not None else None,
        is_anonymous=caller is not None and session is None,
        form_key=session.form_key if session is not None else "",
        tabs=sections_of(signed_in.principal) if signed_in is not None else (),
        may=_permissions(signed_in),
        may_somewhere=_permissions_anywhere(signed_in),
        **values,
    )
    return HTMLResponse(text, status)


def _permissions(caller: Caller | None) -> Callable[..., bool]:
    """Return what tells templates which buttons to show; without a session there are none."""

    def may(action: str, model: str, alias: str = "") -> bool:
        grants = caller.principal.grants if caller is not None else ()
        return decide(grants, Action(action), model, alias=alias).is_allowed

    return may


def _permissions_anywhere(caller: Caller | None) -> Callable[[str], bool]:
    """Return what tells whether an action is allowed on any model at all."""

    def may_somewhere(action: str) -> bool:
        return caller is not None and caller.doing(Action(action)).names != NameFilter()

    return may_somewhere
