"""Get the programs that are missing, side by side."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from local.errors import LocalError, SeveralErrors
from local.programs.cache import cache_folder
from local.programs.java import install_java
from local.programs.kafka import install_kafka
from local.programs.minio import install_minio
from local.programs.mongo import MongoProgram, install_mongo
from local.programs.progress import Observer, Report, silent

T = TypeVar("T")


@dataclass(frozen=True)
class Programs:
    """Where the programs are that run the servers."""

    minio: Path
    kafka_jars: Path
    java: Path
    mongo: MongoProgram


def prepare(observer: Observer = silent, cache: Path | None = None) -> Programs:
    """Download and build what is neither on the PATH nor in the cache folder.

    Raises UnavailableError, ChecksumError or both as SeveralErrors, once every item has ended.
    """
    folder = cache or cache_folder()
    pool = ThreadPoolExecutor()
    try:
        minio = pool.submit(_install, "MinIO", install_minio, folder, observer)
        kafka = pool.submit(_install, "Kafka", install_kafka, folder, observer)
        java = pool.submit(_install, "Java", install_java, folder, observer)
        mongo = pool.submit(_install, "MongoDB", install_mongo, folder, observer)
        _wait_for_all(minio, kafka, java, mongo)
        return Programs(minio.result(), kafka.result(), java.result(), mongo.result())
    finally:
        pool.shutdown(wait=False)  # so that Ctrl-C need not wait for the downloads


def _wait_for_all(*jobs: Future[Any]) -> None:
    """Raise what went wrong in the jobs, all of it, once none is running."""
    wait(jobs)
    errors = [error for job in jobs if (error := job.exception())]
    told = [error for error in errors if isinstance(error, LocalError)]
    if len(told) > 1 and len(told) == len(errors):
        raise SeveralErrors(told)
    if errors:
        raise errors[0]


def _install(name: str, install: Callable[[Path, Report], T], cache: Path, observer: Observer) -> T:
    with observer(name) as report:
        return install(cache, report)
