"""Make `locks/kafka.lock` again after a change of `locks/kafka-pom.xml`.

    python -m local.programs.kafka_lock

Needs Maven (`mvn`) on the PATH; only a maintainer runs it. Maven resolves the dependencies and
checks its downloads; the lock then fixes the bytes for everybody else.
"""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from local.programs.artifacts import LockedArtifact
from local.programs.cache import LOCKS

HEADER = """\
# Made by `python -m local.programs.kafka_lock` from kafka-pom.xml: group:name:version sha256
"""


def resolve_jars(pom: Path, folder: Path) -> list[LockedArtifact]:
    """Let Maven copy the pom's runtime jars into `folder`, and describe each."""
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"]
    layout = ["-Dmdep.useRepositoryLayout=true", f"-DoutputDirectory={folder}"]
    subprocess.run(["mvn", "-q", "-B", "-f", str(pom), *goal, *layout], check=True)  # noqa: S607 -- the maintainer's mvn
    return [describe_jar(jar, folder) for jar in folder.rglob("*.jar")]


def describe_jar(jar: Path, folder: Path) -> LockedArtifact:
    """Coordinates and digest of a jar in a Maven repository layout below `folder`."""
    *group, name, version, filename = jar.relative_to(folder).parts
    digest = hashlib.sha256(jar.read_bytes()).hexdigest()
    artifact = LockedArtifact(".".join(group), name, version, digest)
    if artifact.filename != filename:
        raise ValueError(f"{filename}: the lock has no place for a classifier")
    return artifact


def main() -> int:
    """Write `kafka.lock`."""
    with tempfile.TemporaryDirectory() as folder:
        artifacts = resolve_jars(LOCKS / "kafka-pom.xml", Path(folder))
    lines = sorted(artifact.as_line() for artifact in artifacts)
    (LOCKS / "kafka.lock").write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"kafka.lock: {len(lines)} jars")
    return 0


if __name__ == "__main__":
    sys.exit(main())
