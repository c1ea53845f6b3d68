"""Cursors of searches: what a page gave is taken, and what none gave is refused."""

import base64

import pytest

from services.query.search.language.bounds import MAX_ORDER_KEYS, MAX_TEXT_CHARACTERS
from services.query.search.statements.places import (
    MAX_CURSOR_CHARACTERS,
    decode_place,
    encode_place,
    fingerprint,
)
from shared.domain.errors import InvalidRequest

SEARCH = fingerprint("versions", "", ["tags.note"])


@pytest.mark.parametrize("value", ['"\\ud800"', "99999999999999999999", "[]", "{}"])
def test_a_value_that_no_row_can_have_is_refused(value: str) -> None:
    cursor = base64.urlsafe_b64encode(f'["{SEARCH}", {value}, "m", 1]'.encode()).decode()
    with pytest.raises(InvalidRequest, match="cursor"):
        decode_place(cursor, SEARCH, 3)


def test_the_longest_place_fits_a_cursor() -> None:
    longest = ["\x01" * MAX_TEXT_CHARACTERS] * MAX_ORDER_KEYS
    place = [*longest, "\U0001f600" * 96, 2**31]
    cursor = encode_place(SEARCH, place)
    assert len(cursor) <= MAX_CURSOR_CHARACTERS
    assert decode_place(cursor, SEARCH, len(place)) == place
