"""When an issuer is asked for its keys, and what counts while it does not answer."""

import asyncio

import pytest
from joserfc.jwk import Key

from shared.domain.access.issuers import TrustedIssuer
from shared.domain.errors import Unavailable
from shared.web.access.oidc.documents import IssuerAway, Keys
from shared.web.access.oidc.keys import (
    FRESH_SECONDS,
    LONGEST_PAUSE_SECONDS,
    PAUSE_SECONDS,
    STALE_SECONDS,
    IssuerKeys,
)
from tests.support.oidc_tokens import ec_key

ISSUER = TrustedIssuer(url="https://issuer.example", audiences=("registry",))
OLD, NEW = ec_key("old"), ec_key("new")


class Issuer:
    """An issuer that answers what a test says, and its clock."""

    def __init__(self, *keys: Key) -> None:
        self.publish(*keys)
        self.is_away = False
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.time = 1000.0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.keys = IssuerKeys(ISSUER, self._fetch, lambda: self.time)

    def publish(self, *keys: Key) -> None:
        self.published = {str(key.kid): key for key in keys}

    async def _fetch(self, issuer: TrustedIssuer) -> Keys:
        assert issuer is ISSUER
        self.asked += 1
        self.was_asked.set()
        answer = dict(self.published)
        await self.may_answer.wait()
        if self.is_away:
            raise IssuerAway("as the test says")
        return answer

    async def has(self, kid: str) -> bool:
        return await self.keys.find(kid) is not None


async def test_a_key_is_fetched_once_while_it_is_fresh() -> None:
    issuer = Issuer(OLD)
    assert [await issuer.has("old") for _ in range(5)] == [True] * 5
    issuer.time += FRESH_SECONDS
    assert await issuer.has("old")
    assert issuer.asked == 1


async def test_a_key_that_the_issuer_withdrew_counts_no_longer_once_it_is_not_fresh() -> None:
    issuer = Issuer(OLD)
    assert await issuer.has("old")
    issuer.publish(NEW)
    issuer.time += FRESH_SECONDS + 1
    assert not await issuer.has("old")
    assert await issuer.has("new")


async def test_a_key_withdrawn_while_the_answer_is_on_its_way_is_as_old_as_the_question() -> None:
    issuer = Issuer(OLD)
    issuer.may_answer.clear()
    finding = asyncio.create_task(issuer.has("old"))
    await issuer.was_asked.wait()
    issuer.time += 4
    issuer.may_answer.set()
    assert await finding
    issuer.publish()
    issuer.time += FRESH_SECONDS - 3
    assert not await issuer.has("old")


async def test_a_new_key_is_known_as_soon_as_a_token_names_it() -> None:
    issuer = Issuer(OLD)
    assert await issuer.has("old")
    issuer.publish(OLD, NEW)
    issuer.time += PAUSE_SECONDS
    assert await issuer.has("new")
    assert issuer.asked == 2


async def test_tokens_that_are_made_up_have_the_issuer_asked_once_in_a_pause() -> None:
    issuer = Issuer(OLD)
    for second in range(100):
        assert not await issuer.has(f"made-up-{second}")
        issuer.time += 1
    assert issuer.asked == 100 / PAUSE_SECONDS


async def test_many_tokens_at_once_ask_once() -> None:
    issuer = Issuer(OLD)
    issuer.may_answer.clear()
    finding = [asyncio.create_task(issuer.has(kid)) for kid in ("old", "made-up") * 50]
    await issuer.was_asked.wait()
    issuer.may_answer.set()
    assert await asyncio.gather(*finding) == [True, False] * 50
    assert issuer.asked == 1


async def test_who_gives_up_waiting_does_not_keep_the_others_from_the_answer() -> None:
    issuer = Issuer(OLD)
    issuer.may_answer.clear()
    first, second = (asyncio.create_task(issuer.has("old")) for _ in range(2))
    await issuer.was_asked.wait()
    first.cancel()
    issuer.may_answer.set()
    assert await second


async def test_without_any_key_ever_fetched_nobody_can_say() -> None:
    issuer = Issuer(OLD)
    issuer.is_away = True
    for _ in range(3):
        with pytest.raises(Unavailable):
            await issuer.has("old")
    assert issuer.asked == 1
    issuer.is_away = False
    issuer.time += PAUSE_SECONDS
    assert await issuer.has("old")


async def test_while_the_issuer_is_away_known_keys_count_for_an_hour_and_no_longer() -> None:
    issuer = Issuer(OLD)
    assert await issuer.has("old")
    issuer.is_away = True
    issuer.time += STALE_SECONDS
    assert await issuer.has("old")
    with pytest.raises(Unavailable):  # it may be a new one
        await issuer.has("new")
    issuer.time += 1
    with pytest.raises(Unavailable):
        await issuer.has("old")


async def test_an_issuer_that_is_away_is_asked_ever_more_rarely() -> None:
    issuer = Issuer(OLD)
    issuer.is_away = True
    for _ in range(600):
        with pytest.raises(Unavailable):
            await issuer.has("old")
        issuer.time += 1
    longest = 600 / (LONGEST_PAUSE_SECONDS / 2)
    assert 600 / LONGEST_PAUSE_SECONDS <= issuer.asked <= longest + 4


async def test_once_the_issuer_is_back_withdrawn_keys_go_within_the_longest_pause() -> None:
    issuer = Issuer(OLD)
    assert await issuer.has("old")
    issuer.is_away = True
    for _ in range(int(STALE_SECONDS / 2)):
        issuer.time += 1
        assert await issuer.has("old")
    issuer.is_away = False
    issuer.publish(NEW)
    issuer.time += LONGEST_PAUSE_SECONDS
    assert not await issuer.has("old")


async def test_an_issuer_that_withdrew_all_keys_is_believed() -> None:
    issuer = Issuer(OLD)
    assert await issuer.has("old")
    issuer.publish()
    issuer.time += FRESH_SECONDS + 1
    assert not await issuer.has("old")
