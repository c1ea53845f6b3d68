"""A model goes in, is announced and comes out, and nothing of it travels in the clear."""

import asyncio
import ssl
import time
from pathlib import Path

import httpx
import pytest

import registry
from local.processes.state import SERVICES
from local.servers.services import PORT_SETTINGS
from registry.cli import run
from shared.runtime.settings import MIB
from tests.processes.machine import Machine
from tests.support.certificates import Authority
from tests.support.secured_servers import SecuredServers

pytestmark = pytest.mark.servers

LARGE = bytes(range(256)) * (6 * MIB // 256)


async def test_a_model_goes_in_is_announced_and_comes_out(
    url: str, servers: SecuredServers, model: str, tmp_path: Path
) -> None:
    subscription = registry.subscribe(url, model=model, kafka=servers.kafka_security())
    async with registry.AsyncModelRegistryClient(url) as client, subscription as events:
        uploaded = await client.upload(model, LARGE, path="model.bin")  # in two parts
        assert uploaded.state == "ready"
        async with asyncio.timeout(30):
            async for event in events:
                if event.type == "registry.version.ready.v1":
                    break
        downloads = await client.get_downloads(model)
        fetched = await client.download(model, uploaded.number, to=tmp_path / "model.bin")
    assert fetched.read_bytes() == LARGE
    assert [file.url.partition(":")[0] for file in downloads.files] == ["https"]


async def test_every_service_answers_by_https_alone_and_tells_so(
    url: str, environment: dict[str, str]
) -> None:
    async with registry.AsyncModelRegistryClient(url) as client:
        told = await client.discover()
    assert told.ingest_url == url
    assert told.query_url == f"https://localhost:{environment['QUERY_PORT']}"
    context = ssl.create_default_context(cafile=environment["MINIO_CA_FILE"])
    async with httpx.AsyncClient(verify=context, trust_env=False) as http:
        for service in SERVICES:
            place = f"localhost:{environment[PORT_SETTINGS[service]]}/health/ready"
            answer = await http.get(f"https://{place}")
            assert (answer.status_code, answer.json()["waits_for"]) == (200, [])
            with pytest.raises(httpx.RemoteProtocolError):
                await http.get(f"http://{place}")


def test_a_command_without_the_authority_fails_at_once_and_says_what_to_do(
    url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("REGISTRY_CA_FILE")
    begun = time.monotonic()
    assert run(["list", "--url", url]) == 2
    assert time.monotonic() - begun < 5, "no waiting mends it"
    told = capfd.readouterr().err
    assert told.count("\n") == 1
    assert f"the certificate of {url} is not trusted" in told
    assert "REGISTRY_CA_FILE" in told


async def test_the_url_of_mongodb_may_say_what_the_settings_say_of_it(
    folder: Path, environment: dict[str, str]
) -> None:
    ca_file, own = environment["MONGODB_CA_FILE"], environment["MONGODB_CLIENT_CERT_FILE"]
    by_url = f"{environment['MONGODB_URL']}&tls=true&tlsCAFile={ca_file}"
    without = {"MONGODB_CA_FILE": "", "MONGODB_CLIENT_CERT_FILE": ""}
    async with Machine.beside(folder, environment) as machine:
        given = f"{by_url}&tlsCertificateKeyFile={own}"
        await machine.launch("query", MONGODB_URL=given, **without)
        await machine.until_it_waits_for("query")


@pytest.mark.parametrize(
    ("service", "setting", "told"),
    [
        ("query", "MONGODB_CA_FILE", "CERTIFICATE_VERIFY_FAILED"),
        ("ingest", "MINIO_CA_FILE", "MinIO (UntrustedCertificate)"),
        ("indexer", "KAFKA_CA_FILE", "Kafka (untrusted certificate: "),
    ],
)
async def test_a_server_of_another_authority_is_told_by_readiness(
    folder: Path, environment: dict[str, str], service: str, setting: str, told: str
) -> None:
    other = str(Authority(folder / "other").ca)
    async with Machine.beside(folder, environment) as machine:
        await machine.launch(service, **{setting: other})
        await machine.until_it_tells(service, told)
