"""An upload that one command opens, and another one sends."""

import json
from pathlib import Path

import pytest

from tests.unit.cli_command import Command
from tests.unit.client_fake import URL, FakeRegistry
from tests.unit.registry.cli.conftest import ADMINISTRATOR


@pytest.fixture(autouse=True)
def administrator(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", ADMINISTRATOR)
    monkeypatch.setenv("REGISTRY_ORIGINS", f"{fake.ingest_url},{fake.query_url}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "model.bin"
    file.write_bytes(b"one")
    return file


def test_an_upload_is_handed_over(command: Command, fake: FakeRegistry, file: Path) -> None:
    opened = command("uploads", "open", "m", str(file), "--metric", "auc=0.9", "--json")
    assert opened.status == 0
    answer = json.loads(opened.out)
    assert (answer["model"], answer["number"], answer["url"]) == ("m", 1, URL)
    assert answer["token"].startswith("mr_up")
    assert answer["origins"] == ["http://ingest.test", "http://query.test", URL]
    assert fake.objects == {}
    sent = command("upload", "--into", answer["upload_id"], str(file), "--json")
    assert json.loads(sent.out)["metrics"] == {"auc": 0.9}
    assert fake.objects == {"m/1/model.bin": b"one"}


def test_files_that_are_elsewhere_are_declared(
    command: Command, fake: FakeRegistry, file: Path
) -> None:
    opened = command("uploads", "open", "m", "--declare", "w.bin=3", "--json")
    upload_id = json.loads(opened.out)["upload_id"]
    assert command("upload", "--into", upload_id, str(file)).status == 0
    assert fake.objects == {"m/1/w.bin": b"one"}


def test_as_text_the_variables_of_the_job_go_to_stdout(command: Command, file: Path) -> None:
    opened = command("uploads", "open", "m", str(file))
    names = [line.partition("=")[0] for line in opened.out.splitlines()]
    assert names == ["REGISTRY_URL", "REGISTRY_ORIGINS", "REGISTRY_TOKEN"]
    assert "registry upload --into upload-0 SOURCE" in opened.err
    assert "mr_up" not in opened.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("uploads", "open", "m"),
        ("uploads", "open", "m", "{file}", "--declare", "w=3"),
        ("uploads", "open", "m", "--declare", "w"),
        ("uploads", "open", "m", "--declare", "w=three"),
        ("uploads", "open", "m", "--declare", "w=0"),
        ("upload", "--into", "upload-0", "m", "{file}"),
        ("upload", "--into", "upload-0", "{file}", "--metric", "auc=1"),
        ("upload", "--into", "upload-0", "{file}", "--version", "2"),
        ("upload", "{file}"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(
    command: Command, fake: FakeRegistry, file: Path, arguments: tuple[str, ...]
) -> None:
    failed = command(*(argument.format(file=file) for argument in arguments))
    assert (failed.status, failed.out) == (2, "")
    assert fake.uploads == []


def test_other_bytes_than_were_declared_are_refused(
    command: Command, fake: FakeRegistry, file: Path
) -> None:
    command("uploads", "open", "m", str(file))
    file.write_bytes(b"two")
    refused = command("upload", "--into", "upload-0", str(file))
    assert refused.status == 4
    assert "other bytes than were declared" in refused.err
    assert command("upload", "--into", "nowhere", str(file)).status == 3
