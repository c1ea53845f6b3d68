"""MinIO, Kafka and a MongoDB-protocol server for one test run, wherever they come from."""

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from local.servers.mongo import NO_RETRIES, without_retries
from local.stack import start_servers, stop
from shared.runtime.settings import Settings
from tests.support.containers import DockerUnavailableError, containers

CHOICE = "TEST_SERVERS"
"""Environment variable: local, docker, external or running; absent: docker if it can, else local.

external: servers that somebody else runs. running: the services as well, such as those of compose;
then run the end-to-end tests without parallel workers, which would share one bucket.
"""
RUNNING = "running"

_EXTERNAL = (
    "kafka_bootstrap_servers",
    "kafka_bucket_events_topic",
    "minio_endpoint",
    "minio_notify_arn",
    "minio_region",
    "minio_secure",
    "mongodb_url",
)
"""Settings that say where servers are which somebody else runs."""

Addresses = Mapping[str, str]
"""Environment variables by the names of `shared.settings`."""
Say = Callable[[str], None]


def retrying(mongodb_url: str) -> str:
    """The same database, where the driver repeats writes by itself, as it does with services."""
    return mongodb_url.replace(f"&{NO_RETRIES}", "")


@contextmanager
def running_servers(root: Path, say: Say) -> Generator[Addresses]:
    """Have the servers running inside the block; `root` is a folder for those made here.

    With "external" they are somebody else's, found by the usual settings; what tests make there
    (databases, buckets and topics whose names start with "test") stays.
    """
    choice = os.environ.get(CHOICE, "")
    with ExitStack() as stack:
        if choice == "external":
            say("external servers")
            yield _external()
        elif choice == RUNNING:
            say("external servers and services")
            names = (name.upper() for name in Settings.model_fields)
            yield {name: os.environ[name] for name in names if name in os.environ}
        elif choice == "local":
            yield stack.enter_context(_local(root, say))
        elif choice in ("", "docker"):
            yield _docker(stack, root, say, required=choice == "docker")
        else:
            raise ValueError(f"{CHOICE} must be local, docker, external or running, not {choice!r}")


def _external() -> Addresses:
    settings = Settings()  # pyright: ignore[reportCallIssue] - required values come from the environment
    secrets = {
        "MINIO_ACCESS_KEY": settings.minio_access_key.get_secret_value(),
        "MINIO_SECRET_KEY": settings.minio_secret_key.get_secret_value(),
        "MONGODB_URL": settings.mongodb_url.get_secret_value(),
    }
    return {name.upper(): str(getattr(settings, name)) for name in _EXTERNAL} | secrets


@contextmanager
def _local(root: Path, say: Say) -> Generator[Addresses]:
    try:
        addresses = start_servers(root, "free")
        say(f"servers run from {root}")
        found = addresses.settings_env()
        # Tests that prove repeated writes have servers or a proxy of their own.
        yield {**found, "MONGODB_URL": without_retries(found["MONGODB_URL"])}
    finally:
        stop(root)


def _docker(stack: ExitStack, root: Path, say: Say, *, required: bool) -> Addresses:
    try:
        addresses = stack.enter_context(containers())
    except DockerUnavailableError as reason:
        if required:
            raise
        say(f"no containers ({reason}); running the servers without Docker")
        return stack.enter_context(_local(root, say))
    say("servers run in containers")
    return addresses
