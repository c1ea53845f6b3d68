"""Requests that are sent again."""

import pytest

from shared.domain.errors import IdempotencyKeyReused
from shared.domain.repeats import require_same


def test_a_key_is_of_what_it_was_first_used_for() -> None:
    require_same("digest", "digest")
    with pytest.raises(IdempotencyKeyReused):
        require_same("digest", "other")


def test_of_an_earlier_release_it_is_not_known_what_a_key_was_used_for() -> None:
    require_same(None, "digest")
