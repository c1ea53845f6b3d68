"""How often somebody may ask: a burst, then a rate, each for himself, in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from shared.web.rates import MOST_KNOWN, Rate, asker_of, too_many


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_what_is_more_is_told_how_long_to_wait() -> None:
    clock = Clock()
    rate = Rate(2, 3, clock)
    assert [rate.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert rate.take("a") == 0.5, "who is refused pays nothing"
    clock.now += 0.5
    assert [rate.take("a") for _ in range(2)] == [0, 0.5]
    clock.now += 1000
    assert [rate.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


def test_each_is_counted_for_himself() -> None:
    rate = Rate(1, 1, Clock())
    assert [rate.take(each) for each in "abab"] == [0, 0, 1, 1]


def test_what_is_given_back_can_be_taken_again() -> None:
    rate = Rate(1, 1, Clock())
    assert rate.take("a") == 0
    rate.give_back("a")
    assert [rate.take("a"), rate.take("a")] == [0, 1]


def test_a_rate_of_nothing_limits_nobody() -> None:
    rate = Rate(0, 1, Clock())
    assert not any(rate.take("a") for _ in range(10_000))


@given(
    st.floats(0.1, 1000),
    st.integers(1, 50),
    st.lists(st.floats(0, 5), max_size=60),
)
def test_no_more_than_the_burst_and_the_rate_ever_passes(
    per_second: float, burst: int, pauses: list[float]
) -> None:
    clock = Clock()
    rate = Rate(per_second, burst, clock)
    begun, passed = clock.now, 0
    for pause in pauses:
        clock.now += pause
        passed += rate.take("a") == 0
        assert passed <= burst + (clock.now - begun) * per_second + 1e-6
    assert pauses == [] or passed > 0


def test_many_askers_take_no_more_than_their_room() -> None:
    rate = Rate(1, 1, Clock())
    for number in range(MOST_KNOWN + 1):
        assert rate.take(str(number)) == 0
    assert rate.take(str(MOST_KNOWN)) == 1
    assert rate.take("0") == 0, "who asked longest ago is forgotten"


def test_the_addresses_of_one_ipv6_network_are_one_asker() -> None:
    assert asker_of("2001:db8::1") == asker_of("2001:db8::ffff:2") != asker_of("2001:db8:0:1::1")
    assert asker_of("fe80::1%eth0") == asker_of("fe80::2")
    assert asker_of("192.0.2.1") != asker_of("192.0.2.2")
    assert asker_of("no:address") == "no:address"


def test_ipv4_addresses_that_a_proxy_writes_as_ipv6_ones_are_no_one_network() -> None:
    """All of them are below ::/64, so one would be counted for all others."""
    assert asker_of("::ffff:192.0.2.1") == asker_of("192.0.2.1")
    assert asker_of("::FFFF:c000:0202") == asker_of("192.0.2.2") != asker_of("192.0.2.1")


def test_the_wait_is_told_in_whole_seconds() -> None:
    assert [too_many("", wait).retry_after_seconds for wait in (0.001, 1.0, 1.2)] == [1, 1, 2]
