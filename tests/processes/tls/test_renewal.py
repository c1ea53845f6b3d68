"""A certificate is renewed while its service runs."""

import shutil
import socket
import ssl
from pathlib import Path

import pytest

from local.processes.ports import HOST
from tests.support.certificates import Authority, Issued

pytestmark = pytest.mark.servers


def shown_by(port: str, ca_file: str) -> bytes | None:
    """What a new connection is shown."""
    context = ssl.create_default_context(cafile=ca_file)
    with (
        socket.create_connection((HOST, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as secured,
    ):
        return secured.getpeercert(binary_form=True)


@pytest.mark.parametrize(
    ("service", "port"),
    [("ingest", "REGISTRY_PORT"), ("query", "QUERY_PORT"), ("indexer", "INDEXER_PORT")],
)
def test_new_connections_are_shown_the_new_one_once_its_key_is_there(
    folder: Path,
    environment: dict[str, str],
    authority: Authority,
    shown: Issued,
    service: str,
    port: str,
) -> None:
    ca_file, log = environment["MINIO_CA_FILE"], folder / "logs" / f"{service}.log"
    before = shown_by(environment[port], ca_file)
    renewed = authority.issue(f"renewed-for-{service}")
    shutil.copyfile(renewed.cert, shown.cert)  # and its key is still the one before
    assert shown_by(environment[port], ca_file) == before
    assert "certificate not renewed" in log.read_text(encoding="utf-8")
    shutil.copyfile(renewed.key, shown.key)
    expected = ssl.PEM_cert_to_DER_cert(renewed.cert.read_text(encoding="ascii"))
    assert shown_by(environment[port], ca_file) == expected
