"""Tokens as texts, and what is kept of them."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.access.tokens import TokenRecord, TokenText

NOW = datetime(2026, 11, 28, tzinfo=UTC)


def record(text: TokenText, **fields: object) -> TokenRecord:
    known = {
        "id": text.id,
        "name": "ci",
        "prefix": text.shown,
        "sha256": text.digest,
        "owner": "administrator",
        "grants": ("reader:*",),
        "created_at": NOW,
    }
    return TokenRecord.model_validate(known | fields)


def test_a_token_is_read_as_it_was_written() -> None:
    text = TokenText.new()
    assert TokenText.parse(str(text)) == text
    assert str(text).startswith("mr_")
    assert len(bytes.fromhex(text.secret)) == 32


def test_two_tokens_are_never_alike() -> None:
    assert len({str(TokenText.new()) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("text", ["", "mr_", "mr_x", "mr__x", "xx_a_b", "eyJ.a.b"])
def test_a_text_of_another_form_is_no_token(text: str) -> None:
    assert TokenText.parse(text) is None


def test_a_token_of_an_upload_says_of_which() -> None:
    assert TokenText.of_upload("abc").uploads_version == "abc"
    assert TokenText.new().uploads_version is None


def test_what_is_shown_and_kept_is_not_the_secret() -> None:
    text = TokenText.new()
    kept = record(text).model_dump_json()
    assert text.secret not in kept
    assert text.secret[5:] not in text.shown
    assert text.secret not in repr(text)


def test_a_token_counts_until_it_expires_or_is_revoked() -> None:
    text, soon = TokenText.new(), NOW + timedelta(seconds=1)
    assert record(text).is_valid(text.digest, NOW)
    assert record(text, expires_at=soon).is_valid(text.digest, NOW)
    assert not record(text, expires_at=soon).is_valid(text.digest, soon)
    assert not record(text, revoked_at=NOW).is_valid(text.digest, NOW)
    assert not record(text).is_valid(TokenText.new(text.id).digest, NOW)
