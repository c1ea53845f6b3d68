"""The command line, against a registry in memory."""

import io
import json
import logging
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import registry
from registry.cli.exit_codes import exit_code
from registry.cli.kafka_outages import told_outages
from registry.schemas import UploadRequest
from tests.unit.cli_command import Command
from tests.unit.client_fake import SECRET, FakeRegistry, composite, times


@pytest.fixture
def fake(serving_fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    fake = serving_fake

    def connect(_url: str | None) -> registry.ModelRegistryClient:
        return fake.blocking_client()

    monkeypatch.setattr("registry.client.ModelRegistryClient", connect)
    return fake


def test_upload_says_everything_there_is_to_say(
    fake: FakeRegistry, command: Command, tmp_path: Path
) -> None:
    file = tmp_path / "m.bin"
    file.write_bytes(b"w")
    done = command(
        *("upload", "churn", str(file), "--version", "1.0", "--metric", "auc=0.9"),
        *("--param", "n=3", "--param", "kind=tree", "--tag", "team=a=b", "--framework", "x"),
        *("--description", "d", "--storage-group", "ml-models", "--id", "mine", "--json"),
    )
    assert (done.status, done.err) == (0, "")
    version = json.loads(done.out)
    assert version["parameters"] == {"n": 3, "kind": "tree"}
    assert (version["metrics"], version["tags"]) == ({"auc": 0.9}, {"team": "a=b"})
    assert (version["label"], version["client_id"]) == ("1.0", "mine")
    assert version["storage_group"] == "ml-models"


def test_upload_from_stdin(
    fake: FakeRegistry, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"piped"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert command("upload", "m", "-", "--path", "m.pkl").status == 0
    assert fake.objects == {"m/1/m.pkl": b"piped"}


def test_download_show_list_versions(fake: FakeRegistry, command: Command, tmp_path: Path) -> None:
    with fake.blocking_client() as client:
        client.upload("m", b"one", version="a", metrics={"auc": 0.5})
        client.upload("m", b"two", version="b")
    target = tmp_path / "x"
    assert command("download", "m", "a", "--to", str(target)).out == f"{target}\n"
    assert target.read_bytes() == b"one"
    shown = command("show", "m", "1").out
    assert "version:       1 (a)" in shown
    assert "auc=0.5" in shown
    assert [
        json.loads(line)["number"] for line in command("versions", "m", "--json").out.splitlines()
    ] == [2, 1]
    assert json.loads(command("list", "--json").out)["version_count"] == 2
    assert "VERSIONS" in command("list").out
    assert re.search(r"^2 +b +ready", command("versions", "m").out, re.MULTILINE)
    assert json.loads(command("download", "m", "--to", str(target), "--json").out) == {
        "path": str(target)
    }


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        ((), 2, "Missing command"),
        (("nonsense",), 2, "nonsense"),
        (("upload", "m"), 2, "SOURCE"),
        (("upload", "m", "/nowhere/at/all"), 2, "cannot read /nowhere/at/all"),
        (("upload", "m", "{file}", "--metric", "auc"), 2, "--metric takes name=value"),
        (("upload", "m", "{file}", "--metric", "auc=x"), 2, "--metric takes name=number"),
        (("upload", "../m", "{file}"), 2, "model: must be"),
        (("show", "m", "9"), 3, "no version 9"),
        (("download", "m", "9"), 3, "no version 9"),
        (("uploads", "abort"), 2, "UPLOAD_ID"),
        (("uploads", "abort", "nowhere"), 3, "no upload nowhere"),
        (("events", "--model", "nowhere"), 3, "no model nowhere"),
        (("events", "--from", "x"), 2, "--from"),
        (("events", "--from", "3"), 2, "--model"),
    ],
)
def test_an_error_is_one_line_and_a_status(
    fake: FakeRegistry,
    command: Command,
    tmp_path: Path,
    arguments: tuple[str, ...],
    status: int,
    text: str,
) -> None:
    file = tmp_path / "m.bin"
    file.write_bytes(b"w")
    failed = command(*(argument.format(file=file) for argument in arguments))
    assert (failed.status, failed.out) == (status, "")
    assert re.fullmatch(r"registry: error: [^\n]+\n", failed.err)
    assert text in failed.err


def test_statuses_of_a_failing_upload(fake: FakeRegistry, command: Command, tmp_path: Path) -> None:
    file = tmp_path / "m.bin"
    file.write_bytes(b"w")
    fake.verdict = "rejected"
    assert command("upload", "m", str(file)).status == 5
    fake.verdict = "verifying"
    assert command("upload", "m", str(file), "--timeout", "0").status == 6
    assert command("upload", "m", str(file), "--no-wait").status == 0
    fake.faults = [times(99, "^PUT", httpx.Response(403))]
    refused = command("upload", "other", str(file))
    assert refused.status == 4
    assert SECRET not in refused.err


def test_statuses_of_a_failing_download(
    fake: FakeRegistry, command: Command, tmp_path: Path
) -> None:
    with fake.blocking_client() as client:
        client.upload("m", b"one")
    wrong = httpx.Response(200, stream=httpx.ByteStream(b"eno"))
    fake.faults = [times(9, "^GET storage", wrong)]
    assert command("download", "m", "--to", str(tmp_path / "x")).status == 7
    fake.verdict = "rejected"
    assert command("download", "m", "--to", str(tmp_path / "x")).status == 4


def test_a_place_that_cannot_be_written_is_wrong_usage(
    fake: FakeRegistry, command: Command, tmp_path: Path
) -> None:
    with fake.blocking_client() as client:
        client.upload("m", b"one")
    (tmp_path / "file").write_bytes(b"in the way")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for place in ("/proc/x", tmp_path / "file" / "x", tmp_path / "loop" / "x", "/" + "x" * 300):
        failed = command("download", "m", "--to", str(place))
        assert (failed.status, failed.out) == (2, "")
        assert failed.err.startswith(f"registry: error: cannot write {place}: ")
        assert failed.err.count("\n") == 1
        assert "[Errno" not in failed.err


def test_a_digest_that_is_still_to_come_is_pending(fake: FakeRegistry, command: Command) -> None:
    with fake.blocking_client() as client:
        upload = {"model": "m", "files": [{"path": "w", "size_bytes": 3, "sha256": None}]}
        fake.single_put_max_bytes = 0
        client.open_upload(UploadRequest.model_validate(upload), idempotency_key="k")
        assert "w (3 bytes, pending)" in command("show", "m").out
        client.upload("large", b"x" * 1001)
    parts = composite([b"x" * 1000, b"x"])
    assert f"(1001 bytes, pending, composite {parts})" in command("show", "large").out


def test_an_upload_is_aborted_by_its_id(fake: FakeRegistry, command: Command) -> None:
    fake.faults = [times(99, "^PUT", httpx.Response(403))]
    with fake.blocking_client() as client, pytest.raises(registry.StorageError):
        client.upload("m", b"w")
    upload_id = fake.uploads[0].id
    assert command("uploads", "abort", upload_id).out == f"aborted {upload_id}\n"
    assert fake.uploads[0].state == "aborted"
    again = command("uploads", "abort", upload_id, "--json")
    assert json.loads(again.out) == {"upload_id": upload_id, "state": "aborted"}


def test_an_outage_of_kafka_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("aiokafka.consumer.fetcher")
    with told_outages("kafka.test:9092") as outages:
        log.error("Failed fetch messages from 0")
        log.error("Failed fetch messages from 0")
        outages.over()
        log.warning("a broker is slow")
        log.error("Failed fetch messages from 0")
    assert capsys.readouterr().err == 2 * "registry: waiting for Kafka at kafka.test:9092\n"


@pytest.mark.parametrize("follow", [True, False])
def test_events_wait_for_kafka_in_one_line(
    fake: FakeRegistry,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    *,
    follow: bool,
) -> None:
    def subscribe(_url: str, **_options: object) -> AsyncIterator[registry.ModelEvent]:
        async def read() -> AsyncIterator[registry.ModelEvent]:
            for _ in range(3):
                logging.getLogger("aiokafka").error("Unable to request metadata")
            raise registry.UnavailableError("Kafka: KafkaConnectionError")
            yield

        return read()

    monkeypatch.setattr("registry.subscription.subscribe", subscribe)
    ended = command("events", *(["--follow", "--model", "to.come"] if follow else []))
    assert ended.status == 6
    assert ended.err.splitlines() == [
        "registry: waiting for Kafka at kafka.test:9092",
        "registry: error: Kafka: KafkaConnectionError",
    ]


def test_an_interruption_has_its_own_status(
    fake: FakeRegistry,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(_url: str) -> registry.ModelRegistryClient:
        raise KeyboardInterrupt

    monkeypatch.setattr("registry.client.ModelRegistryClient", interrupt)
    stopped = command("list")
    assert (stopped.status, stopped.err) == (130, "registry: error: interrupted\n")


def test_unexpected_errors_have_their_own_status() -> None:
    assert exit_code(ZeroDivisionError()) == 1
    assert exit_code(registry.ProtocolError()) == 1
