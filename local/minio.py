"""MinIO: built from source once, run with its bucket events sent to Kafka.

MinIO is AGPL-3.0. It is run as a process of its own and spoken to over HTTP, never linked.
"""

import os
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from local.cache import exclusive
from local.errors import UnavailableError
from local.go import install_go
from local.ports import HOST
from local.process import ProcessPlan

VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
MINIMUM_GO = (1, 24, 8)
"""What the go.mod of that version asks for."""
NOTIFY_TARGET = "REGISTRY"
"""Name of the notification target; the ARN that buckets use is arn:minio:sqs::NAME:kafka."""


def install_minio(cache: Path, report: Callable[[str], None]) -> Path:
    """The MinIO program, built into the cache folder when it is not there yet.

    Raises UnavailableError when there is no Go toolchain to be had or the build fails.
    """
    program = cache / "minio" / VERSION / "minio"
    with exclusive(cache / "locks" / "minio", report):
        if not program.exists():
            _build(program, cache / "build", report)
    return program


def _build(program: Path, build: Path, report: Callable[[str], None]) -> None:
    go = install_go(MINIMUM_GO, build, report)
    staging = build / "bin"
    package = f"github.com/minio/minio@{VERSION}"
    command = [str(go), "install", "-v", "-trimpath", "-ldflags", "-s -w", package]
    _run(command, _build_environment(build, staging), report)
    program.parent.mkdir(parents=True, exist_ok=True)
    (staging / "minio").replace(program)
    # About 2 GB of sources and objects, of no use once the program is there.
    shutil.rmtree(build)


def _build_environment(build: Path, staging: Path) -> dict[str, str]:
    """Everything that Go writes stays below `build`, and can be deleted."""
    flags = f"{os.environ.get('GOFLAGS', '')} -modcacherw".strip()
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": flags,
        "GOPATH": str(build / "gopath"),
        "GOMODCACHE": str(build / "modules"),
        "GOCACHE": str(build / "objects"),
        "GOBIN": str(staging),
    }


def _run(command: list[str], environment: dict[str, str], report: Callable[[str], None]) -> None:
    last = deque[str](maxlen=1)
    packages = 0
    with subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        for line in process.stderr or ():
            last.append(line.strip())
            downloading = line.startswith("go: downloading")
            packages += not downloading
            report("downloading modules" if downloading else f"{packages} packages compiled")
    if process.returncode != 0:
        reason = last.pop() if last else "go install failed"
        raise UnavailableError("MinIO", reason, "check the network and run this again")


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
