"""Settings of connections: what contradicts itself, or cannot be used, is told at the start."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from shared.runtime.process import explain_bad_settings
from shared.runtime.settings import Settings
from tests.support.certificates import Authority, Issued
from tests.support.isolation import SETTINGS

SCRAM = {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_username": "registry"}


@pytest.fixture
def issued(tmp_path: Path) -> Issued:
    return Authority(tmp_path).issue("services")


def settings(**changes: Any) -> Settings:
    return Settings.model_validate(SETTINGS.model_dump() | changes)


def told(**changes: Any) -> str:
    """What is said of settings that are refused."""
    with pytest.raises(ValidationError) as caught:
        settings(**changes)
    return explain_bad_settings(caught.value)


def test_with_a_certificate_the_addresses_that_users_are_told_are_https(issued: Issued) -> None:
    secured = settings(tls_cert_file=str(issued.cert), tls_key_file=str(issued.key))
    assert secured.ingest_url == "https://localhost:8000"
    assert secured.query_url == "https://localhost:8001"
    assert settings().ingest_url == "http://localhost:8000"


def test_a_certificate_and_its_key_go_together(issued: Issued) -> None:
    for lone in ({"tls_cert_file": str(issued.cert)}, {"tls_key_file": str(issued.key)}):
        assert "TLS_KEY_FILE: Value error, TLS_CERT_FILE and TLS_KEY_FILE go together" in told(
            **lone
        )


@pytest.mark.parametrize(
    "name",
    ["mongodb_ca_file", "mongodb_client_cert_file", "minio_ca_file"],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.pem").write_text("no certificate", encoding="utf-8")
    for file in (tmp_path / "text.pem", tmp_path / "missing.pem"):
        assert told(**{name: str(file)}).startswith(f"bad settings: {name.upper()}: ")


def test_a_certificate_that_is_none_is_named(tmp_path: Path, issued: Issued) -> None:
    assert str(issued.ca) in told(tls_cert_file=str(issued.ca), tls_key_file=str(issued.key))
    missing = str(tmp_path / "missing.pem")
    assert missing in told(**SCRAM, kafka_sasl_password="secret", kafka_ca_file=missing)


def test_kafka_is_told_who_the_services_are(issued: Issued) -> None:
    kafka = settings(
        **SCRAM,
        kafka_sasl_password="secret",
        kafka_ca_file=str(issued.ca),
        kafka_client_cert_file=str(issued.cert),
        kafka_client_key_file=str(issued.key),
    ).kafka_security
    options = kafka.options()
    assert options.pop("ssl_context").get_ca_certs()
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "registry",
        "sasl_plain_password": "secret",
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (SCRAM, "SCRAM-SHA-512 needs sasl_username and sasl_password"),
        ({"kafka_sasl_username": "registry"}, "sasl_username has no use with PLAINTEXT"),
        ({"kafka_sasl_password": "secret"}, "sasl_password has no use with PLAINTEXT"),
        (
            {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_mechanism": "OAUTHBEARER"},
            "OAUTHBEARER needs an http or https address as oauth_token_url",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_and_no_secret_is_repeated(
    changes: dict[str, Any], reason: str
) -> None:
    said = told(**changes)
    assert "KAFKA_SECURITY_PROTOCOL: " in said
    assert reason in said
    assert "secret" not in said.replace("oauth_client_secret", "")


def test_signed_urls_may_have_another_scheme_than_the_services_use() -> None:
    assert settings(minio_secure=False).storage_public_scheme == "http"
    assert settings(minio_secure=True).storage_public_scheme == "https"
    behind = settings(minio_secure=False, minio_public_scheme="https")
    assert (behind.storage_scheme, behind.storage_public_scheme) == ("http", "https")
