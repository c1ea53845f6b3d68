"""Many wrong credentials cost next to nothing, and lock out nobody who was right before."""

import asyncio
from datetime import UTC, datetime

import pytest

from shared.domain.access.principals import Principal
from shared.domain.errors import TooManyRequests, Unauthenticated, Unavailable
from shared.web.access.authentication import VERDICT_SECONDS, Authenticator
from shared.web.rates import Rate

ADDRESS = "192.0.2.1"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Knows one credential, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_away = False
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.right = {"right"}

    async def principal_of(self, credential: str) -> Principal | None:
        self.asked += 1
        await self.go_on.wait()
        if self.is_away:
            raise Unavailable("database_unavailable", "the database is away")
        if credential in self.right:
            return Principal(f"token:{credential}", "token", credential)
        return None


async def now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("shared.web.access.authentication.monotonic", clock)
    return clock


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def authenticator(source: Source, clock: Clock) -> Authenticator:
    wrong, requests = Rate(1, 3, clock), Rate(1, 5, clock)
    return Authenticator([source], (), now, wrong=wrong, requests=requests)


async def identify(authenticator: Authenticator, token: str, address: str = ADDRESS) -> str:
    try:
        return (await authenticator.identify(f"Bearer {token}", address)).id
    except Unauthenticated:
        return "unauthenticated"
    except TooManyRequests as error:
        return f"again in {error.retry_after_seconds}"


async def test_after_a_burst_of_wrong_ones_nobody_is_asked(
    authenticator: Authenticator, source: Source, clock: Clock
) -> None:
    answers = [await identify(authenticator, f"wrong {n}") for n in range(1000)]
    assert answers == ["unauthenticated"] * 3 + ["again in 1"] * 997
    assert source.asked == 3
    clock.now += 1
    assert await identify(authenticator, "wrong 5000") == "unauthenticated"
    assert source.asked == 4


async def test_wrong_ones_at_the_same_moment_are_counted_too(
    authenticator: Authenticator, source: Source
) -> None:
    source.go_on.clear()
    asking = [asyncio.create_task(identify(authenticator, f"wrong {n}")) for n in range(50)]
    await asyncio.sleep(0)
    source.go_on.set()
    answers = await asyncio.gather(*asking)
    assert sorted(answers) == ["again in 1"] * 47 + ["unauthenticated"] * 3
    assert source.asked == 3


async def test_a_right_one_from_the_same_address_is_not_locked_out(
    authenticator: Authenticator, source: Source, clock: Clock
) -> None:
    assert await identify(authenticator, "right") == "token:right"
    for n in range(10):
        await identify(authenticator, f"wrong {n}")
    asked = source.asked
    assert await identify(authenticator, "right") == "token:right"
    assert source.asked == asked, "the verdict is known"
    clock.now += VERDICT_SECONDS
    for n in range(10, 20):
        await identify(authenticator, f"wrong {n}")
    assert await identify(authenticator, "right") == "token:right", "it was right before"


async def test_one_that_counts_no_more_is_refused_all_the_same(
    authenticator: Authenticator, source: Source, clock: Clock
) -> None:
    assert await identify(authenticator, "right") == "token:right"
    source.right.clear()
    clock.now += VERDICT_SECONDS
    assert await identify(authenticator, "right") == "unauthenticated"


async def test_other_addresses_do_not_notice(authenticator: Authenticator) -> None:
    for n in range(10):
        await identify(authenticator, f"wrong {n}")
    assert await identify(authenticator, "right", "192.0.2.2") == "token:right"


async def test_right_ones_take_nothing_of_the_burst(authenticator: Authenticator) -> None:
    for _ in range(5):
        assert await identify(authenticator, "right") == "token:right"
    answers = [await identify(authenticator, f"wrong {n}") for n in range(4)]
    assert answers == ["unauthenticated"] * 3 + ["again in 1"]


async def test_a_server_that_is_away_takes_nothing_of_the_burst(
    authenticator: Authenticator, source: Source
) -> None:
    source.is_away = True
    for n in range(10):
        with pytest.raises(Unavailable):
            await identify(authenticator, f"wrong {n}")
    source.is_away = False
    assert await identify(authenticator, "right") == "token:right"


async def test_one_question_answers_all_requests_that_bring_the_same_one(
    authenticator: Authenticator, source: Source
) -> None:
    source.go_on.clear()
    asking = [asyncio.create_task(identify(authenticator, "right")) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()
    source.go_on.set()
    assert await asyncio.gather(*asking[1:]) == ["token:right"] * 4
    assert source.asked == 1


async def test_a_verdict_is_as_old_as_the_question(
    authenticator: Authenticator, source: Source, clock: Clock
) -> None:
    """It may have been revoked as soon as the server had looked, however long the answer took."""
    source.go_on.clear()
    asking = asyncio.create_task(identify(authenticator, "right"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert source.asked == 1
    clock.now += VERDICT_SECONDS - 1
    source.go_on.set()
    assert await asking == "token:right"
    source.right.clear()
    assert await identify(authenticator, "right") == "token:right"
    clock.now += 1.5
    assert await identify(authenticator, "right") == "unauthenticated"


async def test_a_principal_that_asks_too_often_is_told_so(authenticator: Authenticator) -> None:
    answers = [await identify(authenticator, "right") for _ in range(6)]
    assert answers == ["token:right"] * 5 + ["again in 1"]
