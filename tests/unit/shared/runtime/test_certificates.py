"""A server's certificate: renewed while it is shown, and never replaced by one that is broken."""

import shutil
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from structlog.testing import capture_logs

from shared.runtime.certificates import Certificate
from shared.runtime.pem_files import load_certificate
from tests.support.certificates import Authority, Issued


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def used(authority: Authority) -> Issued:
    return authority.issue("used")


def certificate_of(issued: Issued) -> Certificate:
    return Certificate(str(issued.cert), str(issued.key), "1.2")


def shown_by(server: ssl.SSLContext, ca: Path, *, name: str | None = "localhost") -> bytes | None:
    """What a client is shown in a handshake between two buffers; without a name it names no host.

    Raises ssl.SSLError where they do not come to terms.
    """
    client = ssl.create_default_context(cafile=ca)
    client.check_hostname = name is not None
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for end in (ours, theirs, ours, theirs):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return ours.getpeercert(binary_form=True)


def content_of(issued: Issued) -> bytes:
    return ssl.PEM_cert_to_DER_cert(issued.cert.read_text(encoding="ascii"))


def replace(target: Issued, source: Issued) -> None:
    shutil.copyfile(source.cert, target.cert)
    shutil.copyfile(source.key, target.key)


@pytest.mark.parametrize("name", ["localhost", None])
def test_a_new_connection_is_shown_the_renewed_certificate(
    authority: Authority, used: Issued, name: str | None
) -> None:
    certificate = certificate_of(used)
    assert shown_by(certificate.context, authority.ca, name=name) == content_of(used)
    renewed = authority.issue("renewed")
    replace(used, renewed)
    assert shown_by(certificate.context, authority.ca, name=name) == content_of(renewed)


@pytest.mark.parametrize("broken", ["cut off", "of another key", "gone"])
def test_a_broken_renewal_keeps_the_one_before_and_is_logged_once(
    authority: Authority, used: Issued, broken: str
) -> None:
    certificate, before = certificate_of(used), content_of(used)
    if broken == "cut off":
        used.cert.write_bytes(used.cert.read_bytes()[:200])
    elif broken == "of another key":
        shutil.copyfile(authority.issue("other").cert, used.cert)
    else:
        used.key.unlink()
    with capture_logs() as logs:
        for _ in range(3):
            assert shown_by(certificate.context, authority.ca) == before
    [told] = logs
    assert (told["event"], told["log_level"]) == ("certificate not renewed", "error")
    assert str(used.cert) in told["detail"]
    mended = authority.issue("mended")
    replace(used, mended)
    assert shown_by(certificate.context, authority.ca) == content_of(mended)


def test_files_that_stay_are_not_read_again(authority: Authority, used: Issued) -> None:
    certificate = certificate_of(used)
    assert certificate.refresh() is certificate.refresh()


def test_a_client_of_an_older_tls_is_refused(authority: Authority, used: Issued) -> None:
    server = load_certificate(str(used.cert), str(used.key), "1.3")
    client = ssl.create_default_context(cafile=authority.ca)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        ours.do_handshake()
    with pytest.raises(ssl.SSLError, match="UNSUPPORTED_PROTOCOL"):
        server.wrap_bio(to_server, to_client, server_side=True).do_handshake()


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(used: Issued) -> None:
    key = serialization.load_pem_private_key(used.key.read_bytes(), None)
    used.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ValueError, match="the key is encrypted"):
        certificate_of(used)
