"""Apache Kafka: the broker's jars, by a committed lock."""

from collections.abc import Callable
from pathlib import Path

from local.programs.artifacts import fetch_artifacts, parse_lock
from local.programs.cache import LOCKS, exclusive, lock_digest

LOCK = LOCKS / "kafka.lock"


def install_kafka(cache: Path, report: Callable[[str], None]) -> Path:
    """The folder with the broker's jars, fetched into the cache folder when not there yet.

    Raises ChecksumError for a jar that is not the locked one, UnavailableError when one cannot
    be fetched.
    """
    jars = cache / "kafka" / lock_digest(LOCK) / "jars"
    with exclusive(cache / "locks" / "kafka", report):
        fetch_artifacts(parse_lock(LOCK.read_text(encoding="utf-8")), jars, report)
    return jars
