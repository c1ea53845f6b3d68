"""What the script of the upload page is told of what ingest answers."""

from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request
from fastapi.responses import Response

from services.query.ui.uploading import open_upload
from shared.domain.access.browser_sessions import SessionText
from shared.domain.errors import Unavailable

SESSION = SessionText.new()


async def opened(content: str, status: int) -> Response:
    async def forward(*_: object) -> Response:
        return Response(content, status)

    context: Any = SimpleNamespace(ingest=SimpleNamespace(forward=forward))
    headers = [(b"x-form-key", SESSION.form_key.encode())]
    request = Request({"type": "http", "headers": headers, "state": {"session": SESSION}})
    return await open_upload(request, context, context)


async def test_the_token_for_a_job_is_left_out() -> None:
    answer = await opened('{"upload_id": "a", "token": "secret"}', 201)
    assert (answer.status_code, bytes(answer.body)) == (201, b'{"upload_id": "a"}')


@pytest.mark.parametrize("content", ["<h1>Welcome</h1>", "", "[1]", '"a"', "null"])
async def test_an_answer_that_is_not_of_ingests_is_told_as_such(content: str) -> None:
    with pytest.raises(Unavailable):
        await opened(content, 200)
