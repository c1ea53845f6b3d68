"""How the servers are started, and what of it asks for a restart."""

import subprocess
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from local.errors import NotReadyError
from local.processes.process import ProcessPlan
from local.programs.mongo import MongoProgram
from local.servers.kafka import new_cluster_id, plan_kafka
from local.servers.minio import plan_minio
from local.servers.mongo import plan_mongo
from local.servers.services import plan_service, provision
from shared.runtime.settings import Settings

CREDENTIALS = ("user", "password")
DATA = Path("/data")


def minio_plan(topic: str = "bucket-events") -> ProcessPlan:
    return plan_minio(Path("minio"), DATA / "minio", 9000, CREDENTIALS, ("kafka:9092", topic))


def mongo_plan(*, is_mongod: bool) -> ProcessPlan:
    return plan_mongo(MongoProgram(Path("m"), is_mongod), DATA / "mongo", 27017, CREDENTIALS)


def test_minio_sends_its_events_to_the_target_that_the_settings_name() -> None:
    arn = Settings.model_fields["minio_notify_arn"].default
    target = arn.split(":")[4]
    assert minio_plan().environment[f"MINIO_NOTIFY_KAFKA_TOPIC_{target}"] == "bucket-events"


def test_minio_keeps_no_queue_folder_which_would_delay_events() -> None:
    assert not any("QUEUE_DIR" in name for name in minio_plan().environment)


def test_a_plan_that_changes_has_another_fingerprint() -> None:
    assert minio_plan().fingerprint() == minio_plan().fingerprint()
    assert minio_plan().fingerprint() != minio_plan(topic="other").fingerprint()


def test_the_readiness_check_is_no_reason_to_restart() -> None:
    plan = minio_plan()
    assert replace(plan, is_ready=lambda: True).fingerprint() == plan.fingerprint()


def test_mongod_is_a_replica_set_and_secantus_needs_no_telling() -> None:
    mongod = mongo_plan(is_mongod=True)
    secantus = mongo_plan(is_mongod=False)
    assert "--replSet" in mongod.command
    assert "--replSet" not in secantus.command


def test_mongo_asks_who_one_is() -> None:
    assert "--keyFile" in mongo_plan(is_mongod=True).command
    assert "--auth" in mongo_plan(is_mongod=False).command


def test_mongod_is_the_same_replica_set_while_its_user_is_made() -> None:
    """As a server by itself it would lose what a killed one has in its oplog alone."""
    first = mongo_plan(is_mongod=True).first()
    assert first is not None
    assert "--replSet" in first.command
    assert "--keyFile" not in first.command
    assert first.name == "mongo", "so that whatever stops the one stops the other"


def test_provisioning_that_takes_too_long_is_told_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("provision", 120)

    monkeypatch.setattr(subprocess, "run", hangs)
    log = tmp_path / "logs" / "provision.log"
    with pytest.raises(NotReadyError, match="provision did not end within") as caught:
        provision({}, log)
    assert caught.value.log == log


def test_servers_listen_on_the_loopback_address_only(tmp_path: Path) -> None:
    data = tmp_path / "data" / "kafka"
    data.mkdir(parents=True)
    (data / "meta.properties").touch()  # formatted already
    plan = plan_kafka(Path("java"), Path("jars"), data, (9092, 9093), partitions=6)
    plan.before_start()
    properties = (data.parent / "kafka.properties").read_text(encoding="utf-8")
    assert "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093" in properties
    assert "127.0.0.1:9000" in minio_plan().command


def test_cluster_ids_differ_and_cannot_be_taken_for_an_option() -> None:
    ids = {new_cluster_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(text) == 22 and not text.startswith("-") for text in ids)


def test_a_service_with_a_certificate_is_asked_by_https(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def get(url: str, **_: object) -> httpx.Response:
        asked.append(url)
        return httpx.Response(200)

    monkeypatch.setattr(httpx, "get", get)
    plain = plan_service("query", {"QUERY_PORT": "8001"})
    secured = plan_service("query", {"QUERY_PORT": "8001", "TLS_CERT_FILE": "registry.pem"})
    assert plain.is_ready()
    assert secured.is_ready()
    assert asked == [f"{s}://127.0.0.1:8001/health/ready" for s in ("http", "https")]
    assert (plain.scheme, secured.scheme) == ("http", "https")
