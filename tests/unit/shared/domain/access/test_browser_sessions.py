"""Sessions of browsers as texts, and what binds them to a token."""

import pytest

from shared.domain.access.browser_sessions import SessionText, proof_of
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
