"""An issuer's documents over real HTTP: what is taken, and what makes the issuer count as away."""

import gzip
import json
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import trustme
from joserfc.jwk import OctKey, OKPKey

from shared.domain.access.issuers import TrustedIssuer
from shared.web.access.oidc import documents
from shared.web.access.oidc.documents import (
    MAX_DOCUMENT_BYTES,
    MAX_KEYS,
    MAX_RSA_CHARACTERS,
    IssuerAway,
    fetch_keys,
)
from tests.support.oidc_issuer import DISCOVERY, KEYS, PublishedIssuer, published_issuer, send
from tests.support.oidc_tokens import ec_key, ed_key, rsa_key

pytestmark = pytest.mark.usefixtures("socket_enabled", "no_proxy")
EC = ec_key("ec")


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def issuer(socket_enabled: None) -> Iterator[PublishedIssuer]:
    with published_issuer() as published:
        published.publish(EC)
        yield published


def trusted(url: str, ca_file: str | None = None) -> TrustedIssuer:
    return TrustedIssuer(
        url=url, audiences=("registry",), allow_loopback_http=True, ca_file=ca_file
    )


async def fails(issuer: PublishedIssuer, reason: str) -> None:
    with pytest.raises(IssuerAway, match=reason):
        await fetch_keys(trusted(issuer.url))


async def test_keys_are_found_by_discovery(issuer: PublishedIssuer) -> None:
    found = await fetch_keys(trusted(issuer.url))
    assert {kid: key.as_dict() for kid, key in found.items()} == {"ec": EC.as_dict(private=False)}
    assert issuer.asked == [DISCOVERY, KEYS]


async def test_what_no_signature_can_be_verified_with_is_passed_over(
    issuer: PublishedIssuer,
) -> None:
    with pytest.warns(match="2048"):
        weak = rsa_key("weak", 1024)
    strong, ed = rsa_key("strong"), ed_key("ed")
    issuer.publish(
        OctKey.generate_key(256, {"kid": "hmac"}).as_dict(),
        OKPKey.generate_key("X25519", {"kid": "x25519", "use": "enc"}),
        EC.as_dict(private=False, kid="encrypts", use="enc"),
        EC.as_dict(private=False, kid=""),
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "no-point"},
        {"kty": "EC", "crv": "P-256", "kid": "half"},
        {"kty": "AKP", "kid": "of-a-later-kind"},
        {"kty": "RSA", "n": "_" * 2 * MAX_RSA_CHARACTERS, "e": "AQAB", "kid": "huge"},
        {"kid": ["list"], "kty": "EC"},
        {},
        weak,
        strong,
        ed,
        EC.as_dict(private=False, kid="strong"),  # a kid that is taken
    )
    issuer.documents[KEYS]["keys"] += [None, "text", [EC.as_dict(private=False)]]
    found = await fetch_keys(trusted(issuer.url))
    assert {kid: key.key_type for kid, key in found.items()} == {"strong": "RSA", "ed": "OKP"}


async def test_an_issuer_without_keys_is_there_all_the_same(issuer: PublishedIssuer) -> None:
    issuer.publish()
    assert await fetch_keys(trusted(issuer.url)) == {}


@pytest.mark.parametrize("told", ["https://other.example", "", None, ["x"]])
async def test_the_document_of_another_issuer_is_not_taken(
    issuer: PublishedIssuer, told: object
) -> None:
    issuer.documents[DISCOVERY]["issuer"] = told
    await fails(issuer, "of another issuer")
    assert issuer.asked == [DISCOVERY]


async def test_a_slash_at_the_end_makes_it_another_issuer(issuer: PublishedIssuer) -> None:
    with pytest.raises(IssuerAway, match="of another issuer"):
        await fetch_keys(trusted(f"{issuer.url}/"))


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example/keys",
        "file:///etc/passwd",
        "//127.0.0.1/keys",
        "http://user:secret@127.0.0.1/keys",
        "http://[::1/keys",
        None,
        7,
    ],
)
async def test_keys_are_taken_from_a_safe_address_alone(
    issuer: PublishedIssuer, url: object
) -> None:
    issuer.documents[DISCOVERY]["jwks_uri"] = url
    await fails(issuer, "jwks_uri may not be asked")


@pytest.mark.parametrize("path", [DISCOVERY, KEYS])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no json", "must be JSON"),
        ("[]", "must be a JSON object"),
        ('{"keys": [], "keys": []}', "each name once"),
        ("[" * 100_000, "nested so deeply"),
        (" " * MAX_DOCUMENT_BYTES + "{}", "more than"),
    ],
)
async def test_what_is_no_document_is_not_taken(
    issuer: PublishedIssuer, path: str, text: str, reason: str
) -> None:
    issuer.documents[path] = text
    await fails(issuer, reason)


@pytest.mark.parametrize("keys", ['{"keys": {}}', "{}"])
async def test_a_document_of_keys_lists_them(issuer: PublishedIssuer, keys: str) -> None:
    issuer.documents[KEYS] = keys
    await fails(issuer, "lists none")


async def test_more_keys_than_anybody_needs_are_not_taken(issuer: PublishedIssuer) -> None:
    issuer.publish(*({"kid": str(number)} for number in range(MAX_KEYS + 1)))
    await fails(issuer, "more than 100 keys")


async def test_an_error_is_no_document_and_a_redirect_is_not_followed(
    issuer: PublishedIssuer,
) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b"", status=302, location=f"{issuer.url}/elsewhere")

    issuer.documents["/elsewhere"] = issuer.documents[KEYS]
    issuer.answers[KEYS] = redirect
    await fails(issuer, "answers 302")
    assert "/elsewhere" not in issuer.asked
    issuer.answers[KEYS] = lambda handler: send(handler, b"{}", status=500)
    await fails(issuer, "answers 500")


async def test_what_grows_when_it_is_unpacked_is_not_unpacked(issuer: PublishedIssuer) -> None:
    def bomb(handler: BaseHTTPRequestHandler) -> None:
        assert handler.headers["accept-encoding"] == "identity"
        send(handler, gzip.compress(b" " * 2**24 + b"{}"), content_encoding="gzip")

    issuer.answers[KEYS] = bomb
    await fails(issuer, "compressed")


async def test_an_answer_that_never_ends_is_given_up(
    issuer: PublishedIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b" ")
                handler.wfile.flush()
        except ConnectionError:
            pass

    issuer.answers[KEYS] = drip
    monkeypatch.setattr(documents, "MAX_DOCUMENT_BYTES", 2**62)
    monkeypatch.setattr(documents, "FETCH_SECONDS", 0.2)
    await fails(issuer, r"no answer within 0\.2 s")


async def test_an_issuer_that_is_not_there_is_away() -> None:
    with published_issuer() as gone:
        pass
    await fails(gone, "ConnectError")


class Certificates:
    """An authority of a company's own, and a server certificate of it."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self.tls)  # pyright: ignore[reportUnknownMemberType] - it also takes pyOpenSSL's
        self.file = str(folder / "ca.pem")
        authority.cert_pem.write_to_path(self.file)


async def test_an_authority_of_ones_own_counts_where_it_is_named(tmp_path: Path) -> None:
    ours, others = Certificates(tmp_path), Certificates(tmp_path_of(tmp_path, "others"))
    with published_issuer(ours.tls) as issuer:
        issuer.publish(EC)
        assert set(await fetch_keys(trusted(issuer.url, ours.file))) == {"ec"}
        for ca_file in (None, others.file):
            with pytest.raises(IssuerAway, match="CERTIFICATE_VERIFY_FAILED"):
                await fetch_keys(trusted(issuer.url, ca_file))


async def test_a_file_of_authorities_that_cannot_be_read_is_told(
    issuer: PublishedIssuer, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").touch()
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(IssuerAway, match=r"FileNotFoundError|SSLError"):
            await fetch_keys(trusted(issuer.url, str(tmp_path / name)))


def tmp_path_of(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


def test_the_largest_set_of_keys_fits_the_bound() -> None:
    key = json.dumps(rsa_key("a" * 64).as_dict(private=False, alg="RS256"))
    assert len(key) * MAX_KEYS < MAX_DOCUMENT_BYTES
