"""`client.tokens`: made, listed, revoked."""

import inspect
import json
from datetime import timedelta

import pytest

from registry._tokens import Tokens, read_life
from registry.client import BlockingTokens
from registry.errors import InvalidRequestError, NotFoundError
from tests.unit.client_fake import FakeRegistry


@pytest.mark.parametrize(
    ("expires", "seconds"),
    [(None, None), (timedelta(hours=1), 3600), ("30d", 30 * 86400), ("2w", 14 * 86400)],
)
async def test_a_token_is_made_with_its_grants_and_its_life(
    expires: timedelta | str | None, seconds: int | None
) -> None:
    fake = FakeRegistry()
    async with fake.client() as client:
        made = await client.tokens.create("ci", ("writer:risk.*", "events:*"), expires=expires)
    assert made.token.startswith(f"mr_{made.id}_")
    (request,) = fake.sent("^POST /v1/tokens$")
    assert json.loads(request.content) == {
        "name": "ci",
        "grants": ["writer:risk.*", "events:*"],
        "expires_in_seconds": seconds,
    }


@pytest.mark.parametrize(
    "text", ["", "30", "d", "-1d", "1.5h", "30 d", "30D", "٣d", 12 * "9" + "s"]
)
def test_a_life_is_a_number_and_a_unit(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="such as 30d"):
        read_life(text)


@pytest.mark.parametrize(
    ("grants", "rule"),
    [
        ([], "grants"),
        (["writer"], "must be KIND:PATTERN"),
        (["owner:churn"], "must be KIND:PATTERN"),
        (["writer:ri*k"], r"whose pattern must be \*, NAMESPACE"),
        (["alias:churn"], "alias:MODEL@ALIAS"),
    ],
)
async def test_a_grant_that_is_none_is_refused_before_it_is_sent(
    grants: list[str], rule: str
) -> None:
    fake = FakeRegistry()
    async with fake.client() as client:
        with pytest.raises(InvalidRequestError, match=rule):
            await client.tokens.create("ci", grants)
        with pytest.raises(InvalidRequestError, match="expires_in_seconds"):
            await client.tokens.create("ci", ["reader:*"], expires=timedelta(seconds=0))
    assert fake.requests == []


def test_the_blocking_client_has_the_same_calls() -> None:
    fake = FakeRegistry(pages=2)
    with fake.blocking_client() as client:
        for number in range(5):
            client.tokens.create(f"t{number}", ["reader:*"])
        assert [token.name for token in client.tokens.list()] == ["t4", "t3", "t2", "t1", "t0"]
        client.tokens.revoke("0001")
        assert next(token for token in client.tokens.list() if token.name == "t1").revoked_at
        with pytest.raises(NotFoundError, match="no token"):
            client.tokens.revoke("nowhere")
        assert client.whoami().kind == "anonymous"
    for name in ("create", "list", "revoke"):
        twin, mine = getattr(Tokens, name), getattr(BlockingTokens, name)
        assert inspect.signature(mine) == inspect.signature(twin)
        assert inspect.getdoc(mine) == inspect.getdoc(twin)
