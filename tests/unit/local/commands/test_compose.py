"""Addresses of containers as this machine reaches them."""

from typing import Any

import pytest

from local.commands.compose import host_settings


def service(published: int, target: int, **environment: str) -> dict[str, Any]:
    ports = [{"target": target, "published": str(published)}]
    return {"ports": ports, "environment": environment}


def config(**environment: str) -> dict[str, Any]:
    url = "mongodb://user:secret@mongodb:27017/?directConnection=true"
    environment = {"MONGODB_URL": url, "MINIO_ENDPOINT": "minio:9000", **environment}
    services = {
        "minio": service(19000, 9000),
        "kafka": service(19092, 9094),
        "mongodb": service(37017, 27017),
        "provision": {"environment": environment},
        "ingest": service(18000, 8000),
        "query": service(18001, 8001),
        "indexer": {},
        "notifier": {},
    }
    return {"services": services}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("MINIO_ENDPOINT", "127.0.0.1:19000"),
        ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:19092"),
        ("MONGODB_URL", "mongodb://user:secret@127.0.0.1:37017/?directConnection=true"),
        ("REGISTRY_PORT", "18000"),
        ("QUERY_PORT", "18001"),
    ],
)
def test_addresses_are_those_that_the_containers_publish(setting: str, expected: str) -> None:
    assert host_settings(config())[setting] == expected


def test_a_service_that_publishes_no_port_has_no_port_setting() -> None:
    assert "INDEXER_PORT" not in host_settings(config())


def test_the_public_kafka_address_wins() -> None:
    settings = host_settings(config(KAFKA_PUBLIC_BOOTSTRAP_SERVERS="kafka.example:9092"))
    assert settings["KAFKA_BOOTSTRAP_SERVERS"] == "kafka.example:9092"


def test_other_settings_stay_and_foreign_variables_are_dropped() -> None:
    settings = host_settings(config(MINIO_BUCKET="models", PATH="/bin"))
    assert settings["MINIO_BUCKET"] == "models"
    assert "PATH" not in settings
