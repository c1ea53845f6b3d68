"""The servers as containers, with the images and settings of docker-compose.yml."""

import re
import secrets
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from local.processes.ports import choose_port
from shared.runtime.service_users import with_user

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
MINIO, KAFKA, MONGO = "minio/minio", "apache/kafka", "mongo"
"""Repositories of the images; the compose file has their tags."""

ENGINE_SECONDS = 10
PULL_SECONDS = 120
READY_SECONDS = 60
_KEY = "/tmp/replica-set-key"  # noqa: S108 - in the container
_WITH_KEY = f"""
head -c 96 /dev/urandom | base64 --wrap=0 >{_KEY}
chmod 400 {_KEY}
chown 999:999 {_KEY}
exec docker-entrypoint.sh "$@"
"""
"""As docker-compose.yml does: a replica set with users needs a key, also of one member."""
_NOT_YET_INITIALIZED = 94
"""MongoDB's error code for a replica set that `replSetInitiate` was not yet sent to."""


class DockerUnavailableError(Exception):
    """No engine answers, or it cannot provide the images."""


@contextmanager
def containers() -> Generator[Mapping[str, str]]:
    """Run MinIO, Kafka and MongoDB, and give their addresses as settings.

    Raises DockerUnavailableError before anything is started.
    """
    _require_images()
    with ExitStack() as stack:
        # Imported late: without an engine its configuration complains.
        from testcontainers.core.config import testcontainers_config
        from testcontainers.core.network import Network

        testcontainers_config.ryuk_disabled = True  # one image less; this block cleans up
        network = stack.enter_context(Network())
        kafka = _start_kafka(stack, network)
        mongo = _start_mongo(stack)
        minio = _start_minio(stack, network)
        yield {**kafka, **mongo, **minio}


def image_of(repository: str) -> str:
    """The image of this repository that the compose file names."""
    pattern = rf"^ +image: ({re.escape(repository)}:\S+)$"
    [image] = re.findall(pattern, COMPOSE.read_text(encoding="utf-8"), re.MULTILINE)
    return image


def _require_images() -> None:
    _docker(ENGINE_SECONDS, "info")
    for image in map(image_of, (MINIO, KAFKA, MONGO)):
        try:
            _docker(ENGINE_SECONDS, "image", "inspect", image)
        except DockerUnavailableError:
            _docker(PULL_SECONDS, "pull", "--quiet", image)


def _docker(timeout_seconds: float, *arguments: str) -> None:
    command = ("docker", *arguments)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_seconds)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DockerUnavailableError(f"{' '.join(command[:2])}: {error}") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["failed"]
        raise DockerUnavailableError(f"{' '.join(command[:2])}: {lines[-1]}")


def _start_kafka(stack: ExitStack, network: Any) -> Mapping[str, str]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.docker_client import DockerClient
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    address = f"{DockerClient().host()}:{choose_port('kafka', 'free', None)}"
    container = (
        DockerContainer(image_of(KAFKA))
        .with_network(network)
        .with_network_aliases("kafka")
        .with_bind_ports(9092, int(address.rpartition(":")[2]))
        .with_envs(
            KAFKA_NODE_ID="1",
            KAFKA_PROCESS_ROLES="broker,controller",
            KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9093",
            KAFKA_CONTROLLER_LISTENER_NAMES="CONTROLLER",
            KAFKA_LISTENERS="INSIDE://:19092,OUTSIDE://:9092,CONTROLLER://:9093",
            KAFKA_ADVERTISED_LISTENERS=f"INSIDE://kafka:19092,OUTSIDE://{address}",
            KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=(
                "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT"
            ),
            KAFKA_INTER_BROKER_LISTENER_NAME="INSIDE",
            KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR="1",
            KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS="5",
            KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR="1",
            KAFKA_TRANSACTION_STATE_LOG_MIN_ISR="1",
            KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS="0",
            KAFKA_NUM_PARTITIONS="3",
            KAFKA_HEAP_OPTS="-Xmx512m",
        )
        .waiting_for(LogMessageWaitStrategy("Kafka Server started"))
    )
    stack.enter_context(container)
    return {"KAFKA_BOOTSTRAP_SERVERS": address}


def _start_minio(stack: ExitStack, network: Any) -> Mapping[str, str]:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import HttpWaitStrategy

    access_key, secret_key = "test-access", secrets.token_hex(16)
    container = (
        DockerContainer(image_of(MINIO))
        .with_network(network)
        .with_exposed_ports(9000)
        .with_envs(
            MINIO_ROOT_USER=access_key,
            MINIO_ROOT_PASSWORD=secret_key,
            MINIO_API_SYNC_EVENTS="on",
            MINIO_NOTIFY_KAFKA_ENABLE_REGISTRY="on",
            MINIO_NOTIFY_KAFKA_BROKERS_REGISTRY="kafka:19092",
            MINIO_NOTIFY_KAFKA_TOPIC_REGISTRY="bucket-events",
            MINIO_NOTIFY_KAFKA_BATCH_SIZE_REGISTRY="1",
        )
        .with_command("server /data")
        .waiting_for(HttpWaitStrategy(9000, "/minio/health/ready"))
    )
    stack.enter_context(container)
    return {
        "MINIO_ENDPOINT": f"{container.get_container_host_ip()}:{container.get_exposed_port(9000)}",
        "MINIO_ACCESS_KEY": access_key,
        "MINIO_SECRET_KEY": secret_key,
    }


def _start_mongo(stack: ExitStack) -> Mapping[str, str]:
    from testcontainers.core.container import DockerContainer

    user, password = "test-administrator", secrets.token_hex(16)
    container = (
        DockerContainer(image_of(MONGO))
        .with_exposed_ports(27017)
        .with_envs(MONGO_INITDB_ROOT_USERNAME=user, MONGO_INITDB_ROOT_PASSWORD=password)
        .with_kwargs(entrypoint=["bash", "-ec", _WITH_KEY, "entrypoint"])
        .with_command(f"mongod --replSet registry --keyFile {_KEY} --bind_ip_all")
    )
    stack.enter_context(container)
    host, port = container.get_container_host_ip(), container.get_exposed_port(27017)
    url = with_user(f"mongodb://{host}:{port}/?directConnection=true", user, password)
    _wait_primary(url)
    return {"MONGODB_URL": url}


def _wait_primary(url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=1000) as client:
        while not _is_primary(client):
            if time.monotonic() > deadline:
                raise TimeoutError(f"MongoDB did not become primary in {READY_SECONDS} s")
            time.sleep(0.1)


def _is_primary(client: MongoClient[dict[str, Any]]) -> bool:
    try:
        if client.admin.command("hello")["isWritablePrimary"]:
            return True
        client.admin.command("replSetGetStatus")
    except OperationFailure as failure:
        if failure.code == _NOT_YET_INITIALIZED:
            members = [{"_id": 0, "host": "localhost:27017"}]
            client.admin.command("replSetInitiate", {"_id": "registry", "members": members})
    except PyMongoError:
        pass
    return False
