"""What a person reads of a server or service."""

from unittest.mock import Mock

import pytest

from local.commands.status_line import duration, status_line
from local.processes import state
from local.processes.state import ProcessRecord


def test_a_status_line_says_name_state_address_and_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "identity", Mock(return_value=None))
    record = ProcessRecord("minio", 1, "ticks", 9000, "/logs/minio.log", "print", 100.0, 1.5)
    line = status_line(record)
    assert line.split() == [
        *("minio", "server", "dead", "http://127.0.0.1:9000", "pid", "1", "/logs/minio.log")
    ]


@pytest.mark.parametrize(
    ("scheme", "address"),
    [("https", "https://127.0.0.1:8000"), ("", "127.0.0.1:8000")],
)
def test_an_address_is_shown_as_it_is_spoken_to(
    monkeypatch: pytest.MonkeyPatch, scheme: str, address: str
) -> None:
    monkeypatch.setattr(state, "identity", Mock(return_value=None))
    record = ProcessRecord("ingest", 1, "t", 8000, "/log", "print", 100.0, 1.5, scheme)
    assert address in status_line(record).split()


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.4, "4 s"), (119, "119 s"), (180, "3 min"), (7200, "2 h")]
)
def test_a_duration_reads_in_its_best_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text
