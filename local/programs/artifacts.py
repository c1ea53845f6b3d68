"""Java artifacts by a committed lock: one line each, coordinates and SHA-256.

Fetched by coordinates with jgo, which knows Maven Central; it only warns on a wrong checksum
(and compares SHA-1), so every file is checked here before it is given its final name.
"""

import hashlib
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from local.errors import ChecksumError, LockFormatError, UnavailableError

PARALLEL_DOWNLOADS = 8
ATTEMPTS = 4
TIMEOUT_SECONDS = 30
SHA256_HEX_DIGITS = 64


@dataclass(frozen=True)
class LockedArtifact:
    """One jar: where it is published and what its bytes must be."""

    group: str
    name: str
    version: str
    sha256: str
    """Lower-case hex digits."""

    @property
    def filename(self) -> str:
        """Name of the jar file."""
        return f"{self.name}-{self.version}.jar"

    def as_line(self) -> str:
        """The artifact's line in a lock file."""
        return f"{self.group}:{self.name}:{self.version} {self.sha256}"


def parse_lock(text: str) -> tuple[LockedArtifact, ...]:
    """The artifacts of a lock file; `#` starts a comment.

    Raises LockFormatError at the first line that is not `group:name:version sha256`.
    """
    artifacts: list[LockedArtifact] = []
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.partition("#")[0].split()
        if content:
            artifacts.append(_parse_line(number, line, content))
    return tuple(artifacts)


def verify_file(path: Path, name: str, sha256: str) -> None:
    """Raise ChecksumError unless the file's SHA-256 is the one given."""
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != sha256:
        raise ChecksumError(name, sha256, actual)


def fetch_artifacts(
    artifacts: tuple[LockedArtifact, ...], folder: Path, report: Callable[[str], None]
) -> None:
    """Put every jar that is not there yet into `folder`, several at a time.

    Raises ChecksumError for a file that is not the locked one, UnavailableError when one cannot
    be fetched. What was fetched before that stays.
    """
    missing = [artifact for artifact in artifacts if not (folder / artifact.filename).exists()]
    if not missing:
        return
    report(f"{len(missing)} jars")
    folder.mkdir(parents=True, exist_ok=True)
    staging = folder.with_name("staging")
    pool = ThreadPoolExecutor(PARALLEL_DOWNLOADS)
    try:
        jobs = [pool.submit(_fetch, artifact, staging, folder) for artifact in missing]
        for count, job in enumerate(jobs, start=1):
            job.result()
            report(f"{count} of {len(missing)} jars")
    finally:
        pool.shutdown(cancel_futures=True)
    shutil.rmtree(staging, ignore_errors=True)


def _parse_line(number: int, line: str, content: list[str]) -> LockedArtifact:
    parts = [*content[0].split(":"), *content[1:]]
    if len(parts) != 4 or not all(parts) or len(parts[3]) != SHA256_HEX_DIGITS:
        raise LockFormatError(number, line)
    return LockedArtifact(*parts)


def _fetch(artifact: LockedArtifact, staging: Path, folder: Path) -> None:
    """Download into `staging`, check, and only then rename into `folder`."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            downloaded = _download(artifact, staging)
        except OSError as error:  # every network error of requests is one
            if attempt == ATTEMPTS:
                raise _unavailable(artifact, "the network failed") from error
            time.sleep(attempt)  # a name server that was overrun needs the pause
        except RuntimeError as error:  # jgo's answer for a file that is not there
            raise _unavailable(artifact, "Maven Central does not have it") from error
        else:
            verify_file(downloaded, artifact.filename, artifact.sha256)
            downloaded.replace(folder / artifact.filename)
            return


def _download(artifact: LockedArtifact, staging: Path) -> Path:
    # Imported late: once the jars are in the cache, nothing needs jgo.
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=staging, timeout=TIMEOUT_SECONDS)
    component = context.project(artifact.group, artifact.name).at_version(artifact.version)
    jar = component.artifact()
    if jar.cached_path is not None:
        # What an interrupted run left would be taken for the whole file.
        jar.cached_path.unlink(missing_ok=True)
    return jar.resolve()


def _unavailable(artifact: LockedArtifact, reason: str) -> UnavailableError:
    remedy = "check the network or its proxy settings and run this again"
    return UnavailableError(artifact.filename, reason, remedy)
