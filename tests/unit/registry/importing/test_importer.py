"""What one thing that cannot be brought in does to the others: nothing."""

from pathlib import Path

import pytest

from registry.importing.directories import FolderSource
from registry.importing.importer import Importer
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
