"""The records of what was started."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from local.processes import state
from local.processes.state import ProcessRecord, State


def record(name: str, pid: int = 1) -> ProcessRecord:
    return ProcessRecord(name, pid, "ticks", 9000, f"/logs/{name}.log", "print", 100.0, 1.5)


def test_records_come_back_in_start_order(tmp_path: Path) -> None:
    written = State(tmp_path)
    for name in ("minio", "query", "kafka"):
        written.put(record(name))
    assert list(State(tmp_path).records()) == ["kafka", "minio", "query"]
    assert State(tmp_path).records()["minio"] == record("minio")


def test_a_record_replaces_the_one_of_its_name_and_can_be_removed(tmp_path: Path) -> None:
    written = State(tmp_path)
    written.put(record("minio", pid=1))
    written.put(record("minio", pid=2))
    assert written.records()["minio"].pid == 2
    written.remove("minio")
    written.remove("minio")
    assert written.records() == {}


def test_ports_are_kept_when_their_process_is_forgotten(tmp_path: Path) -> None:
    written = State(tmp_path)
    written.put_ports({"minio": 9000})
    written.put_ports({"kafka": 9092})
    written.remove("minio")
    assert written.ports() == {"minio": 9000, "kafka": 9092}


def test_another_process_with_the_same_id_is_not_taken_for_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "identity", Mock(return_value="ticks"))
    assert record("minio").is_alive
    monkeypatch.setattr(state, "identity", Mock(return_value="later ticks"))
    assert not record("minio").is_alive
