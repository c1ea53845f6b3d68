"""Which port is chosen, without asking the network."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from local.processes.ports import FREE_PORTS, USUAL_PORTS, PortPolicy, Reservations, choose_port

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
    chosen = choose_port("minio", policy, previous, free.__contains__, lambda _: True)
    assert chosen == expected


def test_a_free_port_is_given_once_also_to_other_processes(tmp_path: Path) -> None:
    path = tmp_path / "ports"
    other = f"""
from pathlib import Path
from local.processes.ports import Reservations
others = Reservations(Path({str(path)!r}))
print(others.take({FREE_PORT}), others.take({FREE_PORT + 1}), others.take({FREE_PORT + 1}))
"""
    with closing(Reservations(path)) as mine:
        assert mine.take(FREE_PORT)
        answer = subprocess.run(
            [sys.executable, "-c", other], capture_output=True, text=True, check=True, timeout=60
        )
        assert answer.stdout == "False True False\n"
        assert not mine.take(FREE_PORT)
        assert mine.take(FREE_PORT + 1)  # the other process has ended


def test_no_two_share_a_usual_port() -> None:
    assert len(set(USUAL_PORTS.values())) == len(USUAL_PORTS)
