"""The command line, against a registry in memory."""

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

import registry
from registry.cli import lookups, run, transfers
from registry.cli.exit_codes import MEANINGS, ExitCode, exit_code
from tests.unit.client_fake import SECRET, FakeRegistry, times

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    fake = FakeRegistry()

    def connect(_url: str) -> registry.ModelRegistryClient:
        return fake.blocking_client()

    for module in (lookups, transfers):
        monkeypatch.setattr(module, "ModelRegistryClient", connect)
    return fake


class Result:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


Command = Callable[..., Result]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: str) -> Result:
        status = run(arguments)
        out, err = capsys.readouterr()
        return Result(status, out, err)

    return call


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
    fake.faults = [times(1, "^GET storage", wrong)]
    assert command("download", "m", "--to", str(tmp_path / "x")).status == 7
    fake.verdict = "rejected"
    assert command("download", "m", "--to", str(tmp_path / "x")).status == 4


def test_an_interruption_has_its_own_status(
    fake: FakeRegistry,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(_url: str) -> registry.ModelRegistryClient:
        raise KeyboardInterrupt

    monkeypatch.setattr(lookups, "ModelRegistryClient", interrupt)
    stopped = command("list")
    assert (stopped.status, stopped.err) == (130, "registry: error: interrupted\n")


def test_unexpected_errors_have_their_own_status() -> None:
    assert exit_code(ZeroDivisionError()) == 1
    assert exit_code(registry.ProtocolError()) == 1


def test_the_documented_statuses_are_the_statuses() -> None:
    table = DOCS.read_text(encoding="utf-8").split("## Exit status")[1]
    documented = {int(n): text for n, text in re.findall(r"^\| (\d+) \| (.+) \|$", table, re.M)}
    assert documented == {int(code): text for code, text in MEANINGS.items()}
    assert set(MEANINGS) == set(ExitCode)


def test_every_command_and_option_is_documented(command: Command) -> None:
    text = DOCS.read_text(encoding="utf-8")
    names = re.findall(r"^│ (\w+)", command("--help").out, re.MULTILINE)
    assert names == re.findall(r"^## `registry (\w+)", text, re.MULTILINE)
    for name in names:
        section = text.split(f"## `registry {name}")[1].split("\n## ")[0]
        known = set(re.findall(r"`(--[a-z-]+)", text.split("## `registry")[0] + section))
        assert set(re.findall(r"--[a-z-]+", command(name, "--help").out)) <= known, name
