"""Asking ingest what a form says, in the name of whose session it is; a refusal is shown.

A call may be done though nobody answers. The form keeps its one-time value then, so that sending it
again does it once.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError

from registry.schemas.aliases import MAX_REASON_CHARACTERS, Why
from services.query.context import Context
from services.query.ui.calls import Call, new_once
from services.query.ui.ended import NOT_TAKEN, ask_in_session, no_answer
from services.query.ui.paths import segment
from shared.domain.errors import (
    InvalidRequest,
    RegistryError,
    TooManyRequests,
    Unavailable,
)

REVISION = "revision"
NOT_THERE = "none"
"""Stands for the revision of what is to be made."""
_MAX_NUMBER_DIGITS = 10
_REASON: TypeAdapter[str] = TypeAdapter(Why)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was done, as far as is known."""

    status: int
    code: str
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    """Each wrong field, and the rule that it breaks."""
    is_unknown: bool = False
    """Whether it may be done all the same: the answer came too late, broke off, or is no answer."""

    @classmethod
    def of(cls, error: RegistryError) -> Self:
        """Return an error as it is shown."""
        errors: Any = error.members.get("errors", ())
        is_unknown = _may_be_done(error.status) and error.code != NOT_TAKEN
        return cls(error.status, error.code, error.detail, errors, is_unknown)

    @property
    def is_lost_race(self) -> bool:
        """Whether somebody else changed it meanwhile."""
        return self.status == HTTPStatus.PRECONDITION_FAILED

    @property
    def is_to_be_sent_again(self) -> bool:
        """Whether the form stays the one that was sent, so that an earlier sending of it counts."""
        return self.is_unknown or self.status == HTTPStatus.TOO_MANY_REQUESTS


async def asked(request: Request, context: Context, wanted: Callable[[], Call]) -> Refusal | None:
    """Ask ingest for what `wanted` returns; None where it is done.

    Raises Unauthenticated where the session has ended meanwhile.
    """
    try:
        call = wanted()
        answer = await ask_in_session(request, context, call)
    except (InvalidRequest, TooManyRequests, Unavailable) as error:
        return Refusal.of(error)
    if HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return None
    return _refusal(answer)


def _refusal(answer: Response) -> Refusal:
    status = answer.status_code
    try:
        told = json.loads(bytes(answer.body))
        detail, code = str(told["detail"]), str(told["code"])
        errors = [
            {"field": str(each["field"]), "rule": str(each["rule"])}
            for each in told.get("errors", ())
        ]
    except (ValueError, KeyError, TypeError):  # something between here and ingest answered
        return Refusal.of(no_answer(answer))
    return Refusal(status, code, detail, errors, _may_be_done(status))


def _may_be_done(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR


def changed_meanwhile() -> Refusal:
    """Return why nothing is done by a form that was made of what is not so any more."""
    detail = (
        "it was changed meanwhile; look at it again, and send the form once more if it is right"
    )
    return Refusal(HTTPStatus.PRECONDITION_FAILED, "changed_meanwhile", detail)


def next_once(refusal: Refusal | None, form: Mapping[str, str]) -> str:
    """Return the one-time value of a form that is shown again: its own, where it may be done."""
    is_kept = refusal is not None and refusal.is_to_be_sent_again
    return form.get("once", "") if is_kept else new_once()


def condition_of(form: Mapping[str, str]) -> dict[str, str]:
    """Return the header that says what a form believes to be there."""
    revision = form.get(REVISION, "")
    if revision == NOT_THERE:
        return {"if-none-match": "*"}
    if not _is_number(revision):
        raise InvalidRequest(REVISION, "must be the number of a revision, or none")
    return {"if-match": f'"{int(revision)}"'}


def reason_of(form: Mapping[str, str]) -> str:
    """Return why it is done; raises InvalidRequest."""
    reason = form.get("reason", "").replace("\r\n", "\n").strip()
    try:
        return _REASON.validate_python(reason)
    except ValidationError:
        rule = f"must be at most {MAX_REASON_CHARACTERS} characters without control characters"
        raise InvalidRequest("reason", rule) from None


def reason_query(form: Mapping[str, str]) -> str:
    """Return the same as the query of a path, `?` included; raises InvalidRequest."""
    return f"?reason={quote(reason_of(form), safe='')}"


def version_of(form: Mapping[str, str]) -> int | str:
    """Return the version that a form names: a number, or a label."""
    text = form.get("version", "").strip()
    return int(text) if _is_number(text) else text


def path_of(*segments: object) -> str:
    """Return a path of the API below models, each segment quoted."""
    return "/v1/models/" + "/".join(map(segment, segments))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_NUMBER_DIGITS
