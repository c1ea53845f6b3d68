"""Sessions of browsers as texts, and what binds them to a token."""

import pytest

from shared.domain.access.browser_sessions import HandedOnText, SessionText, proof_of
from shared.domain.access.tokens import TokenText


def test_a_session_is_read_as_it_was_made() -> None:
    made = SessionText.new()
    assert SessionText.parse(str(made)) == made
    assert made.secret not in repr(made)


@pytest.mark.parametrize("text", ["", "mrs_", "mrs_" + "0" * 63, "mr_" + "0" * 64, "0" * 68])
def test_other_texts_are_no_session(text: str) -> None:
    assert SessionText.parse(text) is None


def test_a_session_is_no_token_and_a_token_no_session() -> None:
    assert TokenText.parse(str(SessionText.new())) is None
    assert SessionText.parse(str(TokenText.new())) is None


def test_what_is_kept_and_what_forms_carry_tells_no_secret() -> None:
    made, other = SessionText.new(), SessionText.new()
    assert len({made.secret, made.digest, made.form_key, other.digest, other.form_key}) == 5


def test_a_proof_is_for_one_session_and_one_token() -> None:
    assert len({proof_of(session, token) for session in "ab" for token in "cd"}) == 4


def test_what_is_handed_on_takes_the_cookie_and_what_is_kept() -> None:
    made, other = SessionText.new(), SessionText.new()
    handed_on = made.handed_on("a")
    assert HandedOnText.parse(str(handed_on)) == handed_on
    assert made.secret not in str(handed_on)
    others = (made.handed_on("b"), other.handed_on("a"))
    assert len({handed_on.secret, *(each.secret for each in others)}) == 3
    assert SessionText.parse(str(handed_on)) is None
    assert HandedOnText.parse(str(made)) is None


@pytest.mark.parametrize("text", ["", "mrh_", "mrh_a", "mrh_a_", "mrh__a", "mr_a_b"])
def test_other_texts_are_not_handed_on(text: str) -> None:
    assert HandedOnText.parse(text) is None
