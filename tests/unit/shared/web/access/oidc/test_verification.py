"""Which tokens count, and that all others are refused whatever they try."""

import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, Key
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode

from shared.domain.access.issuers import ALGORITHMS, TrustedIssuer
from shared.web.access.oidc.verification import Refused, UnverifiedToken, verified_claims
from tests.support.oidc_tokens import (
    AUDIENCE,
    claims_of,
    ec_key,
    ed_key,
    public,
    rsa_key,
    signed,
    signed_as,
    unsigned,
    with_header,
)

URL = "https://issuer.example"
ISSUER = TrustedIssuer(url=URL, audiences=("https://other.example", AUDIENCE))
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SKEW = timedelta(seconds=ISSUER.clock_skew_seconds)
SECOND = timedelta(seconds=1)
EC, RSA, ED = ec_key("ec"), rsa_key("rsa"), ed_key("ed")


def claims(**changed: Any) -> dict[str, Any]:
    return claims_of(URL, NOW.timestamp(), **changed)


def verify(token: str, key: Key = EC, issuer: TrustedIssuer = ISSUER) -> dict[str, Any]:
    return dict(verified_claims(UnverifiedToken.read(token), public(key), issuer, NOW))


def reason(token: str, key: Key = EC, issuer: TrustedIssuer = ISSUER) -> str:
    with pytest.raises(Refused) as caught:
        verify(token, key, issuer)
    return str(caught.value)


def at(moment: datetime) -> int:
    return int(moment.timestamp())


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        *(("RS256", RSA), ("PS256", RSA), ("ES256", EC), ("EdDSA", ED), ("Ed25519", ED)),
        ("ES384", ECKey.generate_key("P-384", {"kid": "384"})),
        ("ES512", ECKey.generate_key("P-521", {"kid": "521"})),
    ],
)
def test_a_token_of_each_algorithm_counts(algorithm: str, key: Key) -> None:
    assert verify(signed(key, claims(), algorithm), key) == claims()


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_what_the_settings_of_the_issuer_leave_out_is_refused(algorithm: str) -> None:
    narrow = ISSUER.model_copy(update={"algorithms": ("ES256", "RS512")})
    assert "unsupported_algorithm" in reason(signed(RSA, claims(), algorithm), RSA, narrow)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ["https://elsewhere.example", AUDIENCE]},
        {"nbf": None, "iat": None},
        {"exp": at(NOW - SKEW + SECOND)},
        {"nbf": at(NOW + SKEW)},
        {"iat": at(NOW + SKEW)},
        {"exp": 1e300},
        {"exp": NOW.timestamp() + 0.5},
    ],
)
def test_a_token_counts_within_its_time_and_the_skew_of_clocks(changed: dict[str, Any]) -> None:
    assert verify(signed(EC, claims(**changed)))["iss"] == URL


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"exp": at(NOW - SKEW)}, "expired_token: exp"),
        ({"exp": None}, "missing_claim: exp"),
        ({"exp": "4102444800"}, "invalid_claim: exp"),
        ({"exp": True}, "invalid_claim: exp"),
        ({"exp": [at(NOW + SKEW)]}, "invalid_claim: exp"),
        ({"nbf": at(NOW + SKEW + SECOND)}, "invalid_claim: nbf"),
        ({"iat": at(NOW + SKEW + SECOND)}, "invalid_claim: iat"),
        ({"aud": "https://elsewhere.example"}, "invalid_claim: aud"),
        ({"aud": AUDIENCE + "/"}, "invalid_claim: aud"),
        ({"aud": []}, "invalid_claim: aud"),
        ({"aud": {AUDIENCE: True}}, "invalid_claim: aud"),
        ({"aud": [[AUDIENCE]]}, "invalid_claim: aud"),
        ({"aud": None}, "missing_claim: aud"),
        ({"iss": URL + "/"}, "invalid_claim: iss"),
        ({"iss": "https://issuer.example.evil.example"}, "invalid_claim: iss"),
        ({"iss": [URL]}, "no issuer is named"),
        ({"iss": None}, "no issuer is named"),
        ({"sub": None}, "missing_claim: sub"),
        ({"sub": ""}, "invalid_claim: sub"),
        ({"sub": 7}, "invalid_claim: sub"),
        ({"sub": "a\r\nb"}, "the subject is too long, or cannot be printed"),
        ({"sub": "a" * 1025}, "the subject is too long, or cannot be printed"),
    ],
)
def test_claims_that_do_not_hold_are_refused(changed: dict[str, Any], expected: str) -> None:
    assert reason(signed(EC, claims(**changed))) == expected


def test_nothing_is_signed_by_saying_so() -> None:
    assert reason(unsigned(claims(), kid=EC.kid)) == "unsupported_algorithm"
    assert reason(unsigned(claims(), kid=EC.kid, alg="NONE")) == "unsupported_algorithm"
    assert reason(unsigned(claims(), kid=EC.kid, alg="ES256")) == "bad_signature"


@pytest.mark.parametrize(
    ("algorithm", "expected"), [("HS256", "unsupported_algorithm"), ("RS256", "bad_signature")]
)
def test_a_public_key_is_no_secret_to_sign_with(algorithm: str, expected: str) -> None:
    header = json.dumps({"alg": algorithm, "kid": "rsa", "typ": "JWT"})
    text = with_header(signed(RSA, claims(), "RS256"), header).rpartition(".")[0]
    mac = hmac.digest(RSA.as_pem(private=False), text.encode(), "sha256")
    assert reason(f"{text}.{urlsafe_b64encode(mac).decode()}", RSA) == expected


def test_a_key_of_another_kind_or_of_another_issuer_is_refused() -> None:
    assert reason(signed(EC, claims()), RSA) == "invalid_key_type"
    assert reason(signed(RSA, claims(), "RS256"), EC) == "invalid_key_type"
    assert reason(signed(ec_key("ec"), claims())) == "bad_signature"


def test_a_key_serves_the_algorithm_that_its_issuer_made_it_for() -> None:
    bound = rsa_key("rsa")
    told = type(bound).import_key(bound.as_dict(private=False, alg="RS256"))
    token = UnverifiedToken.read(signed(bound, claims(), "PS256"))
    with pytest.raises(Refused, match="unsupported_key_alg"):
        verified_claims(token, told, ISSUER, NOW)


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
def test_keys_that_a_token_brings_along_are_not_looked_at(name: str) -> None:
    own = ec_key("ec")
    brought: dict[str, Any] = {"jwk": own.as_dict(private=False), "x5c": ["MIIB"]}
    header: dict[str, Any] = {name: brought.get(name, "https://evil.example/jwks.json")}
    assert reason(signed(own, claims(), **header)) == "bad_signature"
    assert verify(signed(EC, claims(), **header)) == claims()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"kid": None}, "no key is named"),
        ({"kid": ""}, "no key is named"),
        ({"kid": "k" * 257}, "no key is named"),
        ({"typ": "logout+jwt"}, "the type is that of something else"),
        ({"typ": "dpop+jwt"}, "the type is that of something else"),
    ],
)
def test_a_header_that_is_of_something_else_is_refused(
    header: dict[str, Any], expected: str
) -> None:
    assert reason(signed(EC, claims(), **header)) == expected


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "at+jwt", "application/at+jwt"])
def test_an_id_token_and_an_access_token_count(typ: str | None) -> None:
    assert verify(signed(EC, claims(), typ=typ)) == claims()


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"ES256","kid":"ec","crit":["exp"],"exp":1}',
        '{"alg":"ES256","kid":"ec","crit":[]}',
        '{"alg":"ES256","kid":"ec","b64":false,"crit":["b64"]}',
        '{"alg":"none","alg":"ES256","kid":"ec"}',
        '{"alg":"ES256","kid":"other","kid":"ec"}',
        '{"alg":["ES256"],"kid":"ec"}',
        '{"alg":null,"kid":"ec"}',
        '{"kid":"ec"}',
        '{"alg":"ES256","kid":["ec"]}',
        '{"alg":"ES256","kid":{"path":"../../dev/null"}}',
        '"ES256"',
        "[]",
        "",
        '{"alg":"ES256","kid":"ec"}trailing',
        '{"a":' * 900 + "1" + "}" * 900,
    ],
)
def test_a_header_that_can_be_read_in_two_ways_is_refused_though_it_was_signed(
    header: str,
) -> None:
    assert reason(signed_as(EC, header, claims())) != "bad_signature"


def test_what_a_header_says_besides_does_not_matter() -> None:
    assert verify(signed(EC, claims(), nonce="x", x5t="y" * 600)) == claims()


@pytest.mark.parametrize("name", ["aud", "iss", "sub", "exp", "custom"])
def test_a_claim_that_is_there_twice_is_refused(name: str) -> None:
    once = json.dumps(claims(custom="x"))
    twice = f'{once[:-1]},"{name}":{json.dumps(claims(custom="x")[name])}}}'
    assert "each name once" in reason(signed(EC, twice))
    assert "each name once" in reason(signed(EC, f'{{"inner":{twice},{once[1:]}'))


@pytest.mark.parametrize("text", ['{"exp": NaN}', "[]", "null", "", "\ufeff{}", "[" * 3000])
def test_claims_that_are_no_object_are_refused(text: str) -> None:
    assert reason(signed(EC, text)).startswith("the claims must ")


def test_another_alphabet_or_padding_is_another_token() -> None:
    token = signed(EC, claims())
    head, body, mac = token.split(".")
    variants = [f"{token}=", f"{head}=.{body}.{mac}", f"{token}.", f"{head}.{body}", f" {token}"]
    variants += [f"{head}.{body}.{mac}.{mac}", f"{head}\n.{body}.{mac}", f"{head}..{mac}", ""]
    for variant in variants:
        reason(variant)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_token_of_which_any_byte_is_another_is_refused(place: int, byte: int) -> None:
    token = signed(EC, claims()).encode("latin-1")
    at = place % len(token)
    changed = token[:at] + bytes([byte]) + token[at + 1 :]
    if changed != token:
        reason(changed.decode("latin-1"))


@given(st.text(max_size=200))
def test_any_text_is_refused_and_nothing_else_is_raised(text: str) -> None:
    reason(text)
    reason(f"{text}.{text}.{text}")


def test_the_reason_holds_nothing_of_the_token() -> None:
    secret = "this-is-in-the-token"
    for token in (
        signed(EC, claims(aud=secret)),
        signed(EC, claims(sub=secret * 100)),
        signed(EC, claims(), typ=secret),
        with_header(signed(EC, claims()), f'{{"{secret}":1,"{secret}":2}}'),
        with_header(signed(EC, claims()), f'{{"alg":"{secret}","kid":"ec"}}'),
    ):
        assert secret not in reason(token)


def test_every_algorithm_that_settings_can_name_is_one_of_the_library() -> None:
    assert set(ALGORITHMS) <= JWSRegistry.algorithms.keys()
