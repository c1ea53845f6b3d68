"""What one thing that cannot be brought in does to the others: nothing."""

from pathlib import Path

import httpx
import pytest

from registry._certificates import find_certificates
from registry._retry import RetryPolicy
from registry.importing.directories import FolderSource
from registry.importing.importer import Importer
from registry.importing.mlflow.server import MlflowServer
from registry.importing.mlflow.source import MlflowSource
from tests.unit.client_fake import FakeRegistry


@pytest.fixture
def fake() -> FakeRegistry:
    return FakeRegistry()


async def test_a_folder_that_is_no_version_is_refused_and_the_others_are_brought_in(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    for version in ("1", "0", "latest", "zeta"):
        (tmp_path / "churn" / version).mkdir(parents=True)
        (tmp_path / "churn" / version / "w.bin").write_bytes(b"w")
    (tmp_path / "churn" / "_model.json").write_text('{"aliases": {"production": 1}}')
    async with fake.client() as client:
        report = await Importer(FolderSource(tmp_path), client, dry_run=True).run()
    assert (report.imported, report.aliases_moved, report.refused) == (2, 1, 2)
    assert sorted(str(each.version) for each in report.problems) == ["0", "latest"]


async def test_a_model_of_which_no_word_can_be_read_is_refused_and_the_others_are_brought_in(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    for model in ("churn", "fraud"):
        (tmp_path / model / "1").mkdir(parents=True)
        (tmp_path / model / "1" / "w.bin").write_bytes(b"w")
    (tmp_path / "churn" / "_model.json").write_text("{")
    async with fake.client() as client:
        report = await Importer(FolderSource(tmp_path), client, dry_run=True).run()
    assert (report.models, report.imported, report.refused) == (2, 1, 1)
    assert [each.model for each in report.problems] == ["churn"]


async def test_a_model_that_was_asked_for_and_is_not_there_is_refused(fake: FakeRegistry) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, json={"message": "no such model"})

    transport = httpx.MockTransport(answer)
    server = MlflowServer("http://mlflow.test", find_certificates(), RetryPolicy(), transport)
    async with fake.client() as client:
        report = await Importer(MlflowSource(server, server, ["tpyo"]), client).run()
    assert [(each.model, each.kind) for each in report.problems] == [("tpyo", "refused")]


async def test_who_watches_is_told_of_versions_and_bytes(
    fake: FakeRegistry, tmp_path: Path
) -> None:
    for version in ("1", "2", "0"):
        (tmp_path / "churn" / version).mkdir(parents=True)
        (tmp_path / "churn" / version / "w.bin").write_bytes(b"weights")
    told: list[tuple[int, int]] = []

    def watch(versions: int, sent_bytes: int) -> None:
        told.append((versions, sent_bytes))

    async with fake.client() as client:
        report = await Importer(FolderSource(tmp_path), client, watch=watch).run()
    assert (report.imported, report.refused) == (2, 1)
    assert told == sorted(told)
    assert told[-1] == (3, 14)
