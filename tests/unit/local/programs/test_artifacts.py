"""The lock of Java artifacts: what it says, and that nothing else gets in."""

import hashlib
from pathlib import Path
from unittest.mock import Mock

import pytest

from local.errors import ChecksumError, LockFormatError, UnavailableError
from local.programs import artifacts
from local.programs.artifacts import LockedArtifact, fetch_artifacts, parse_lock, verify_file
from local.programs.kafka import LOCK
from local.programs.kafka_lock import describe_jar

JAR = b"the bytes of a jar"
DIGEST = hashlib.sha256(JAR).hexdigest()
ARTIFACT = LockedArtifact("org.example", "thing", "1.0", DIGEST)


def serve(monkeypatch: pytest.MonkeyPatch, *answers: bytes | Exception) -> None:
    """Stand in for the download: each call gives the next answer."""
    remaining = iter(answers)

    def download(artifact: LockedArtifact, staging: Path) -> Path:
        answer = next(remaining)
        if isinstance(answer, Exception):
            raise answer
        staging.mkdir(exist_ok=True)
        path = staging / artifact.filename
        path.write_bytes(answer)
        return path

    monkeypatch.setattr(artifacts, "_download", download)
    monkeypatch.setattr(artifacts.time, "sleep", Mock(return_value=None))


def fetch(folder: Path) -> list[str]:
    reports: list[str] = []
    fetch_artifacts((ARTIFACT,), folder, reports.append)
    return reports


def test_a_lock_gives_its_artifacts_without_comments_and_blank_lines() -> None:
    text = f"# a comment\n\n{ARTIFACT.as_line()}  # another\n"
    assert parse_lock(text) == (ARTIFACT,)


@pytest.mark.parametrize(
    "line",
    [
        "org.example:thing:1.0",
        f"org.example:thing {DIGEST}",
        f"org.example::1.0 {DIGEST}",
        f"org.example:thing:1.0:extra {DIGEST}",
        "org.example:thing:1.0 abc",
        f"org.example:thing:1.0 {DIGEST} more",
    ],
)
def test_a_line_that_cannot_be_read_is_named(line: str) -> None:
    with pytest.raises(LockFormatError, match="line 2"):
        parse_lock(f"# header\n{line}\n")


def test_the_committed_lock_can_be_read_and_names_no_file_twice() -> None:
    filenames = [artifact.filename for artifact in parse_lock(LOCK.read_text(encoding="utf-8"))]
    assert len(set(filenames)) == len(filenames)
    assert any(name.startswith("kafka_2.13-") for name in filenames)


def test_a_file_with_other_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "thing.jar"
    path.write_bytes(JAR)
    verify_file(path, "thing.jar", DIGEST)
    path.write_bytes(JAR + b"!")
    with pytest.raises(ChecksumError, match=r"thing\.jar"):
        verify_file(path, "thing.jar", DIGEST)


def test_a_fetched_jar_gets_its_name_and_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, JAR)
    assert fetch(tmp_path / "jars")[-1] == "1 of 1 jars"
    assert (tmp_path / "jars" / "thing-1.0.jar").read_bytes() == JAR
    assert fetch(tmp_path / "jars") == []


def test_a_jar_with_other_bytes_never_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, b"something else")
    with pytest.raises(ChecksumError):
        fetch(tmp_path / "jars")
    assert list((tmp_path / "jars").iterdir()) == []


def test_a_failed_download_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, OSError("no route"), JAR)
    fetch(tmp_path / "jars")
    assert (tmp_path / "jars" / "thing-1.0.jar").exists()


def test_a_download_that_keeps_failing_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, *[OSError("no route")] * artifacts.ATTEMPTS)
    with pytest.raises(UnavailableError, match=r"thing-1\.0\.jar is not available: the network"):
        fetch(tmp_path / "jars")


def test_a_jar_in_a_maven_layout_is_described_by_its_path(tmp_path: Path) -> None:
    jar = tmp_path / "org" / "example" / "thing" / "1.0" / "thing-1.0.jar"
    jar.parent.mkdir(parents=True)
    jar.write_bytes(JAR)
    assert describe_jar(jar, tmp_path) == ARTIFACT


def test_a_jar_with_a_classifier_has_no_place_in_the_lock(tmp_path: Path) -> None:
    jar = tmp_path / "org" / "thing" / "1.0" / "thing-1.0-linux.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    with pytest.raises(ValueError, match="classifier"):
        describe_jar(jar, tmp_path)
