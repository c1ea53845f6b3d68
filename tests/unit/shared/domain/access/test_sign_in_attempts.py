"""Attempts to sign in at an issuer: all that is told of one comes from one secret."""

import base64
import hashlib

import pytest

from shared.domain.access.sign_in_attempts import Attempt


def test_what_is_told_of_an_attempt_tells_no_other_part_of_it() -> None:
    one, other = Attempt.new(), Attempt.new()
    parts = [
        (each.secret, each.state, each.nonce, each.verifier, each.challenge)
        for each in (one, other)
    ]
    assert len({*parts[0], *parts[1]}) == 10
    assert one.secret not in repr(one)
    assert Attempt.parse(one.secret) == one


def test_the_verifier_is_one_of_rfc_7636() -> None:
    made = Attempt.new()
    assert 43 <= len(made.verifier) <= 128
    digest = hashlib.sha256(made.verifier.encode()).digest()
    assert base64.urlsafe_b64decode(made.challenge + "=") == digest


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "g" * 64, "0" * 64 + "\n", "A" * 64])
def test_other_texts_are_no_attempt(text: str) -> None:
    assert Attempt.parse(text) is None
