"""Forms that change something: they become requests of the API, which ingest decides."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, ValidationError

from services.query.context import Context
from services.query.ui.calls import Call
from services.query.ui.ended import ask_in_session, no_answer
from services.query.ui.forms import read_own_form
from shared.domain.errors import TooManyRequests
from shared.web.problems import PROBLEM_JSON

T = TypeVar("T", bound=BaseModel)
_TO_BE_MENDED: Final = frozenset(
    (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,  # of what the form names
        HTTPStatus.CONFLICT,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    )
)
"""Refusals that are shown beside the form, which stays as it was filled in."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What ingest answered."""

    response: Response
    """An error can be answered as it is: pages word problem documents."""

    @property
    def is_done(self) -> bool:
        """Whether it was done."""
        return HTTPStatus.OK <= self.response.status_code < HTTPStatus.MULTIPLE_CHOICES

    @property
    def wrong(self) -> str:
        """What is wrong with the form; empty where it is not the form."""
        if self.response.status_code not in _TO_BE_MENDED:
            return ""
        return str(json.loads(bytes(self.response.body))["detail"])

    def read(self, model: type[T]) -> T:
        """Return what was answered; raises Unavailable where that is nothing of ingest's."""
        try:
            return model.model_validate_json(bytes(self.response.body))
        except ValidationError:
            raise no_answer(self.response) from None


async def ask_ingest(request: Request, context: Context, call: Call) -> Answered:
    """Ask ingest in the name of whose page it is.

    Raises Unavailable, TooManyRequests, and Unauthenticated where the session is over.
    """
    answered = Answered(await ask_in_session(request, context, call))
    if not answered.is_done and answered.response.headers.get("content-type") != PROBLEM_JSON:
        raise no_answer(answered.response)
    return answered


async def ask_once(request: Request, context: Context, call: Call, once: str) -> Answered | None:
    """Ask ingest for what it does anew at each request, and answers with a secret.

    None where a form of this one-time value was heard before: no answer could tell the secret a
    second time. Raises as `ask_ingest` does.
    """
    if not context.sendings.is_first(once):
        return None
    try:
        answered = await ask_ingest(request, context, call)
    except TooManyRequests:  # it did not come to ingest
        context.sendings.forget(once)
        raise
    if answered.wrong:  # nothing was done: the form may be mended, and sent once more
        context.sendings.forget(once)
    return answered


async def read_plain_form(request: Request) -> dict[str, str]:
    """Return the fields of a form of this session, without what stands around them."""
    form = await read_own_form(request)
    return {name: value.replace("\r\n", "\n").strip() for name, value in form.items()}


def lines_of(text: str) -> list[str]:
    """Return what a field has in its lines, or between its commas."""
    return [each.strip() for each in text.replace(",", "\n").split("\n") if each.strip()]
