"""Digests between storage's form and ours."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.digests import composite, to_base64, to_hex


@given(st.binary(min_size=32, max_size=32))
def test_both_forms_are_the_same_digest(digest: bytes) -> None:
    assert to_base64(digest.hex()) == base64.b64encode(digest).decode()
    assert to_hex(to_base64(digest.hex())) == digest.hex()


@pytest.mark.parametrize("text", ["no base64!", "AAA", "AA==\n"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|padding|Incorrect"):
        to_hex(text)


def test_the_composite_is_the_digest_of_the_parts_digests_in_order() -> None:
    one, two = hashlib.sha256(b"one"), hashlib.sha256(b"two")
    whole = hashlib.sha256(one.digest() + two.digest()).digest()
    assert composite([one.hexdigest(), two.hexdigest()]) == f"{base64.b64encode(whole).decode()}-2"
    assert composite([two.hexdigest(), one.hexdigest()]) != composite(
        [one.hexdigest(), two.hexdigest()]
    )
    assert composite([one.hexdigest()]).endswith("-1"), "one part is not the digest of the whole"
