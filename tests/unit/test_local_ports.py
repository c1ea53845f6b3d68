"""Which port is chosen, without asking the network."""

import pytest

from local.ports import FREE_PORTS, USUAL_PORTS, PortPolicy, choose_port

FREE_PORT = FREE_PORTS[7]
USUAL = USUAL_PORTS["minio"]
PREVIOUS = 9500


@pytest.mark.parametrize(
    ("policy", "previous", "free", "expected"),
    [
        ("usual", None, {USUAL, FREE_PORT}, USUAL),
        ("usual", None, {FREE_PORT}, FREE_PORT),
        ("usual", PREVIOUS, {PREVIOUS, USUAL, FREE_PORT}, PREVIOUS),
        ("usual", PREVIOUS, {USUAL, FREE_PORT}, USUAL),
        ("free", None, {USUAL, FREE_PORT}, FREE_PORT),
        ("free", PREVIOUS, {PREVIOUS, FREE_PORT}, PREVIOUS),
        ("free", PREVIOUS, {USUAL, FREE_PORT}, FREE_PORT),
    ],
)
def test_the_previous_port_comes_first_then_the_policy(
    policy: PortPolicy, previous: int | None, free: set[int], expected: int
) -> None:
    assert choose_port("minio", policy, previous, free.__contains__) == expected


def test_no_two_share_a_usual_port() -> None:
    assert len(set(USUAL_PORTS.values())) == len(USUAL_PORTS)
