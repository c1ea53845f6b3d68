"""One registry with every connection encrypted, and all certificates of an authority of the tests.

Kafka asks clients for a certificate and for who they are, and MongoDB for a certificate.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import start_services, stop
from shared.runtime.settings import MIB
from tests.support.access import ADMIN_TOKEN
from tests.support.certificates import Authority, Issued
from tests.support.isolation import isolated
from tests.support.secured_servers import HOSTS, SecuredServers


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the processes, which are stopped at the end."""
    path = tmp_path_factory.mktemp("tls")
    try:
        yield path
    finally:
        stop(path)


@pytest.fixture(scope="session")
def authority(folder: Path) -> Authority:
    return Authority(folder / "authority")


@pytest.fixture(scope="session")
def servers(folder: Path, authority: Authority) -> SecuredServers:
    """MinIO, Kafka and MongoDB, which `environment` starts."""
    return SecuredServers(folder, authority.issue("servers", *HOSTS))


@pytest.fixture(scope="session")
def shown(authority: Authority) -> Issued:
    """What the HTTP services show."""
    return authority.issue("services", *HOSTS)


@pytest.fixture(scope="session")
def environment(folder: Path, servers: SecuredServers, shown: Issued) -> dict[str, str]:
    """Settings of the services, which run."""
    settings = {
        **isolated(servers.start()),
        "TLS_CERT_FILE": str(shown.cert),
        "TLS_KEY_FILE": str(shown.key),
        "UPLOAD_SINGLE_PUT_MAX_BYTES": str(MIB),
        "UPLOAD_PART_SIZE_BYTES": str(5 * MIB),
    }
    return start_services(folder, settings, "free")


@pytest.fixture
def url(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the registry is, as a user knows it who has its token and its authority."""
    monkeypatch.setenv("REGISTRY_TOKEN", ADMIN_TOKEN)
    monkeypatch.setenv("REGISTRY_ORIGINS", f"https://localhost:{environment['QUERY_PORT']}")
    monkeypatch.setenv("REGISTRY_CA_FILE", environment["MINIO_CA_FILE"])
    return f"https://localhost:{environment['REGISTRY_PORT']}"
