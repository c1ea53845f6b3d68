"""The local MongoDB's administrator is made by a server that asks nobody who they are."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from local.processes.ports import choose_port, is_free
from local.processes.process import ProcessPlan
from local.processes.supervisor import Supervisor
from local.programs.prepare import prepare
from local.servers.mongo import mongodb_url, plan_mongo

pytestmark = pytest.mark.servers
CREDENTIALS = ("administrator", "first:p@ss/w?rd")


class Killed(Exception):
    """Stands for the end of the process that starts servers."""


@pytest.fixture
def port() -> int:
    return choose_port("mongo", "free", None)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path)
    yield supervisor
    supervisor.stop(["mongo"])


def plan(root: Path, port: int, credentials: tuple[str, str] = CREDENTIALS) -> ProcessPlan:
    return plan_mongo(prepare().mongo, root / "data" / "mongo", port, credentials)


@contextmanager
def client(port: int, credentials: tuple[str, str]) -> Generator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](mongodb_url(port, credentials)) as opened:
        yield opened


def is_known(port: int, credentials: tuple[str, str]) -> bool:
    """Whether the server knows these credentials, and answers nobody without."""
    nobody = MongoClient[dict[str, Any]](mongodb_url(port))
    with nobody, pytest.raises(OperationFailure):
        nobody.admin.command("usersInfo", 1)
    with client(port, credentials) as opened:
        try:
            opened.admin.command("usersInfo", 1)
        except OperationFailure:
            return False
    return True


@pytest.mark.parametrize("made", [False, True])
def test_a_server_that_was_left_open_is_ended_by_a_stop_and_by_the_next_start(
    supervisor: Supervisor, tmp_path: Path, port: int, made: bool
) -> None:
    whole = plan(tmp_path, port)

    def interrupted() -> ProcessPlan | None:
        first = whole.first()
        assert first is not None

        def dies() -> bool:
            if made and not first.is_ready():
                return False
            raise Killed

        return replace(first, is_ready=dies)

    for end in ("stop", "start"):
        (tmp_path / "data" / "mongo-user").unlink(missing_ok=True)
        with pytest.raises(Killed):
            supervisor.ensure(replace(whole, first=interrupted))
        if end == "stop":
            assert supervisor.stop(["mongo"]) == ["mongo"]
            assert is_free(port)
    supervisor.ensure(plan(tmp_path, port))
    assert is_known(port, CREDENTIALS)


def test_files_that_a_server_left_half_made_are_made_anew(
    supervisor: Supervisor, tmp_path: Path, port: int
) -> None:
    whole = plan(tmp_path, port)
    whole.before_start()
    (tmp_path / "data" / "mongo" / "WiredTiger").write_text("half of it", encoding="utf-8")
    supervisor.ensure(whole)
    assert is_known(port, CREDENTIALS)


def test_files_of_a_server_that_was_ready_once_are_never_thrown_away(
    supervisor: Supervisor, tmp_path: Path, port: int
) -> None:
    supervisor.ensure(plan(tmp_path, port))
    with client(port, CREDENTIALS) as opened:
        opened["kept"]["things"].insert_one({"_id": 1})
    supervisor.stop(["mongo"])
    (tmp_path / "data" / "mongo-user").unlink()
    supervisor.ensure(plan(tmp_path, port))
    with client(port, CREDENTIALS) as opened:
        assert opened["kept"]["things"].find_one({"_id": 1})


def test_data_that_was_deleted_has_its_administrator_again(
    supervisor: Supervisor, tmp_path: Path, port: int
) -> None:
    supervisor.ensure(plan(tmp_path, port))
    supervisor.stop(["mongo"])
    rmtree(tmp_path / "data" / "mongo")
    supervisor.ensure(plan(tmp_path, port))
    assert is_known(port, CREDENTIALS)


def test_other_credentials_count_while_it_runs_and_data_stays(
    supervisor: Supervisor, tmp_path: Path, port: int
) -> None:
    before = supervisor.ensure(plan(tmp_path, port))
    with client(port, CREDENTIALS) as opened:
        opened["data"]["kept"].insert_one({"_id": 1})
    assert supervisor.ensure(plan(tmp_path, port)).pid == before.pid, "nothing has changed"
    renewed = ("administrator", "second")
    supervisor.ensure(plan(tmp_path, port, renewed))
    assert is_known(port, renewed)
    assert not is_known(port, CREDENTIALS)
    with client(port, renewed) as opened:
        assert opened["data"]["kept"].find_one() == {"_id": 1}
