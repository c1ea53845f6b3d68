"""How one text names a version, and perhaps a file of it: `churn@production`, `registry://churn:3/m.bin`.

Example:
    >>> parse_ref("registry://churn@production/model.safetensors")
    Ref(model='churn', version='@production', path='model.safetensors')
    >>> parse_ref("churn:1.2.0").version, parse_ref("churn@3").version, parse_ref("churn").version
    ('1.2.0', '3', 'latest')
"""

from dataclasses import dataclass

from registry.errors import FieldError, InvalidRequestError
from registry.schemas.aliases import check_alias

SCHEME = "registry://"
MAX_CHARACTERS = 2048
"""Of a reference: a model's name, a version and the longest path of a file."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A version of a model, and perhaps a file or folder of it."""

    model: str
    version: str
    """As the client's calls take it: "latest", "3", "1.2.0", "@production", "@production?at=…"."""
    path: str = ""
    """Below the version, without a slash before it; empty: the version itself."""

    def __str__(self) -> str:
        """Return it in its one spelling."""
        return spell(self.model, self.version) + (f"/{self.path}" if self.path else "")


def spell(model: str, version: str | int) -> str:
    """Return the text that names a version: `churn@production`, `churn:3`."""
    text = str(version)
    if text == "latest":
        return model
    return f"{model}{text}" if text.startswith("@") else f"{model}:{text}"


def parse_ref(text: str) -> Ref:
    """Read a reference, with or without `registry://` before it.

    `MODEL` is its latest version. Behind `@` stands an alias, perhaps with `?at=TIME`; what can be
    no alias is a number or a label, such as `@3`. Behind `:` stands a number or a label. What
    follows the first slash is the path of a file. Raises InvalidRequestError.
    """
    if len(text) > MAX_CHARACTERS or not text.isprintable():
        raise _invalid(text, f"must be at most {MAX_CHARACTERS} printable characters")
    named, _, path = text.removeprefix(SCHEME).partition("/")
    places = [place for sign in "@:" if (place := named.find(sign)) >= 0]
    at = min(places, default=len(named))
    model, sign, version = named[:at], named[at : at + 1], named[at + 1 :]
    if not model or model in (".", "..") or (sign and not version):
        raise _invalid(text, "must be MODEL, MODEL@ALIAS or MODEL:VERSION")
    return Ref(model, _version(sign, version) if sign else "latest", path)


def _version(sign: str, version: str) -> str:
    if sign == ":" or version == "latest":
        return version
    alias, question, _ = version.partition("?")
    try:
        check_alias(alias)
    except ValueError:
        if not question:
            return version  # a number, or a label such as 1.2.0
    return f"@{version}"


def _invalid(text: str, rule: str) -> InvalidRequestError:
    error = FieldError("ref", rule)
    return InvalidRequestError(
        f"{text[:80]!r} names no version", code="invalid_request", status=422, errors=[error]
    )
