"""How values are shown to people: sizes, moments, numbers, and texts that others wrote."""

from datetime import UTC, datetime

from markupsafe import Markup, escape

from registry.schemas.shown import moment_text, text_of

MOST_CHARACTERS = 500
"""Of a text in a list."""


def moment(at: datetime | None) -> Markup:
    """Return a moment in UTC, to the second."""
    if at is None:
        return Markup("")
    told = at.astimezone(UTC).isoformat()
    return Markup('<time datetime="{}">{}</time>').format(told, moment_text(at))


def number(value: float) -> str:
    """Return a metric with at most six digits."""
    return f"{value:.6g}"


def words(value: object, most: int = MOST_CHARACTERS) -> Markup:
    """Return a text that others wrote, cut to a length, in a direction of its own.

    What is in it cannot turn around what stands beside it, nor be read as HTML.
    """
    text = text_of(value)
    if len(text) <= most:
        return Markup("<bdi>{}</bdi>").format(text)
    return Markup("<bdi>{}…</bdi>").format(text[:most])


def label(value: object, most: int = 60) -> str:
    """Return a text that others wrote as one plain line, for drawings, which have no `bdi`.

    Characters that nobody sees, those that turn the direction among them, become a dot.
    """
    text = text_of(value)
    plain = "".join(each if each.isprintable() else "·" for each in text[: most + 1])
    return plain if len(plain) <= most else f"{plain[:most]}…"


def underlined(text: str, column: int) -> Markup:
    """Return a filter with the place marked at which it breaks a rule; columns count from 1."""
    at = max(0, column - 1)
    before, here, after = text[:at], text[at : at + 1] or "\u00a0", text[at + 1 :]
    return escape(before) + Markup('<mark class="wrong">{}</mark>').format(here) + escape(after)
