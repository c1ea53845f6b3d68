"""MinIO, run with its bucket events sent to Kafka.

MinIO is AGPL-3.0. It is run as a process of its own and spoken to over HTTP, never linked.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import httpx

from local.processes.ports import HOST
from local.processes.process import ProcessPlan

NOTIFY_TARGET = "REGISTRY"
"""Name of the notification target; the ARN that buckets use is arn:minio:sqs::NAME:kafka."""


def plan_minio(
    program: Path, data: Path, port: int, credentials: tuple[str, str], events: tuple[str, str]
) -> ProcessPlan:
    """MinIO on `port` with `credentials` (user, password) and `events` (Kafka address, topic)."""
    address = f"{HOST}:{port}"
    certificates = data.with_name("minio-certificates")
    # Empty, so that certificates in the home folder do not turn TLS on.
    options = ("--quiet", "--certs-dir", str(certificates), "--address", address)

    def make_folders() -> None:
        data.mkdir(parents=True, exist_ok=True)
        certificates.mkdir(exist_ok=True)

    return ProcessPlan(
        name="minio",
        command=(str(program), "server", *options, str(data)),
        environment=_server_environment(credentials, events),
        folder=data.parent,
        port=port,
        is_ready=lambda: _is_ready(address),
        before_start=make_folders,
    )


def _server_environment(credentials: tuple[str, str], events: tuple[str, str]) -> Mapping[str, str]:
    # Nothing is inherited: MINIO_ACCESS_KEY and others of the registry's own settings would
    # mean something else to this server.
    return {
        "PATH": os.defpath,
        "HOME": str(Path.home()),
        "MINIO_ROOT_USER": credentials[0],
        "MINIO_ROOT_PASSWORD": credentials[1],
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "MINIO_API_SYNC_EVENTS": "on",
        # The web page sends files here, and query's port may be another one at the next start.
        # A page of another site has no signed URL, without which nothing here is to be had.
        "MINIO_API_CORS_ALLOW_ORIGIN": "*",
        f"MINIO_NOTIFY_KAFKA_ENABLE_{NOTIFY_TARGET}": "on",
        f"MINIO_NOTIFY_KAFKA_BROKERS_{NOTIFY_TARGET}": events[0],
        f"MINIO_NOTIFY_KAFKA_TOPIC_{NOTIFY_TARGET}": events[1],
        f"MINIO_NOTIFY_KAFKA_BATCH_SIZE_{NOTIFY_TARGET}": "1",
    }


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/minio/health/ready", timeout=2).is_success
    except httpx.TransportError:
        return False
