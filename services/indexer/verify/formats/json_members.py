"""Strict JSON objects, member by member, in memory proportional to one member.

A header may be 100 MB, and a hostile one of nested empty lists would become gigabytes of Python
objects if it were parsed at once. So the object's own structure is matched by patterns that cannot
backtrack, and only small pieces go through `json`.
"""

import json
import re
from collections.abc import Iterator
from typing import Final, cast

from services.indexer.verify.formats.report import FormatError, short_text

MAX_OBJECT_BYTES: Final = 65_536
"""Longest flat object, as for one tensor: ordinary ones are about 100 bytes long."""

MAX_MEMBERS: Final = 1_000_000
"""Members of one object: bounds memory to a few hundred MB and time to seconds. The largest
safetensors header holds about as many tensors of ordinary length; models have thousands."""

_SPACE: Final = rb"[ \t\r\n]*+"
_QUOTED: Final = rb'"(?:[^"\\\x00-\x1f]++|\\.)*+"'
_OPEN: Final = re.compile(_SPACE + rb"(\{)")
_CLOSE: Final = re.compile(_SPACE + rb"(\})")
_KEY: Final = re.compile(_SPACE + rb"(" + _QUOTED + rb")" + _SPACE + rb":")
_STRING: Final = re.compile(_SPACE + rb"(" + _QUOTED + rb")")
_NULL: Final = re.compile(_SPACE + rb"(null)")
_NEXT: Final = re.compile(_SPACE + rb"([,}])")
_FLAT_OBJECT: Final = re.compile(_SPACE + rb'(\{(?:[^{}"]++|' + _QUOTED + rb")*+\})")
_END: Final = re.compile(_SPACE + rb"()\Z")


class JsonMembers:
    """Walks one JSON text; errors carry `{code_prefix}_*` and offsets from `file_offset`."""

    def __init__(self, text: bytes, code_prefix: str, file_offset: int) -> None:
        self.code_prefix = code_prefix
        self._text = text
        self._file_offset = file_offset
        self._position = 0

    def object_keys(self) -> Iterator[str]:
        """Enter the object that begins here; take each key's value before asking for the next.

        Raises:
            FormatError: `*_not_json`, `*_too_many_members`, or `*_duplicate_key` (RFC 8259 lets
                readers differ on those, so two readers of one file could see two models).

        """
        self.match(_OPEN, "an object")
        if self._try(_CLOSE) is not None:
            return
        seen: set[str] = set()
        while True:
            key = str(self.parse(self.match(_KEY, "a quoted key and a colon")))
            if key in seen:
                raise self.error("duplicate_key", f'repeats the key "{short_text(key)}"')
            if len(seen) == MAX_MEMBERS:
                raise self.error("too_many_members", f"exceeds {MAX_MEMBERS} members")
            seen.add(key)
            yield key
            if self.match(_NEXT, "a comma or the object's end") == b"}":
                return

    def string(self) -> str:
        """Take a string value."""
        return str(self.parse(self.match(_STRING, "a string")))

    def null(self) -> bool:
        """Take a null, if one stands here."""
        return self._try(_NULL) is not None

    def flat_object(self) -> dict[str, object]:
        """Take an object that holds no further object; its keys are unique."""
        limit = self._position + MAX_OBJECT_BYTES
        text = self.match(
            _FLAT_OBJECT, f"an object of at most {MAX_OBJECT_BYTES} bytes, without objects", limit
        )
        return cast("dict[str, object]", self.parse(text))  # the pattern matched its braces

    def finish(self) -> None:
        """Require that only white space is left."""
        self.match(_END, "the end")

    def match(self, pattern: re.Pattern[bytes], expected: str, limit: int | None = None) -> bytes:
        """Take what the pattern's group matches here, or raise `*_not_json`."""
        found = self._try(pattern, limit)
        if found is None:
            raise self.error("not_json", f"must hold {expected}")
        return found

    def parse(self, piece: bytes) -> object:
        """Parse a small piece; what `json` refuses, deep nesting included, is `*_not_json`."""
        try:
            return _DECODER.decode(piece.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise self.error("not_json", f"is not strict JSON ({short_text(str(error))})") from None

    def error(self, rule: str, sentence: str) -> FormatError:
        """Make an error about the current position."""
        offset = self._file_offset + self._position
        return FormatError(f"{self.code_prefix}_{rule}", f"The JSON at offset {offset} {sentence}.")

    def _try(self, pattern: re.Pattern[bytes], limit: int | None = None) -> bytes | None:
        end = len(self._text) if limit is None else limit
        found = pattern.match(self._text, self._position, end)
        if found is None:
            return None
        self._position = found.end()
        return found.group(1)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is repeated")
    return members


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
