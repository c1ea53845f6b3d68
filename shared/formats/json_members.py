"""Strict JSON objects, member by member, in memory proportional to one member.

A header may be 100 MB, and a hostile one of nested empty lists would become gigabytes of Python
objects if it were parsed at once. So the object's own structure is matched by patterns that cannot
backtrack, only small pieces go through `json`, and no long string is ever copied.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Final, cast

from shared.formats.distinct import DistinctNames
from shared.formats.plan import Budget
from shared.formats.report import MAX_TEXT_CHARS, FormatError, short_text

MAX_OBJECT_BYTES: Final = 65_536
"""Longest flat object, as for one tensor: ordinary ones are about 100 bytes long."""
MAX_PIECE_BYTES: Final = 65_536
"""Longest string that is handled as one piece."""

MAX_MEMBERS: Final = 1_000_000
"""Members of one object: bounds memory to about 100 MB and time to seconds. The largest
safetensors header holds about as many tensors of ordinary length; models have thousands."""

_SPACE: Final = rb"[ \t\r\n]*+"
_QUOTED: Final = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*+"'
_OPEN: Final = re.compile(_SPACE + rb"(\{)")
_CLOSE: Final = re.compile(_SPACE + rb"(\})")
_KEY: Final = re.compile(_SPACE + rb"(" + _QUOTED + rb")" + _SPACE + rb":")
_STRING: Final = re.compile(_SPACE + rb"(" + _QUOTED + rb")")
_NULL: Final = re.compile(_SPACE + rb"(null)")
_NEXT: Final = re.compile(_SPACE + rb"([,}])")
_FLAT_OBJECT: Final = re.compile(_SPACE + rb'(\{(?:[^{}"]++|' + _QUOTED + rb")*+\})")
_END: Final = re.compile(_SPACE + rb"()\Z")
_UTF8: Final = codecs.getincrementaldecoder("utf-8")


class JsonMembers:
    """Walks one JSON text; errors carry `{code_prefix}_*` and offsets from `file_offset`."""

    def __init__(
        self, text: bytes | bytearray, code_prefix: str, file_offset: int, budget: Budget
    ) -> None:
        self.code_prefix = code_prefix
        self.key_position = 0
        """Where the key that was given last begins; `name_at` gives it again."""
        self._text = text
        self._file_offset = file_offset
        self._budget = budget
        self._position = 0

    def object_keys(self) -> Iterator[str]:
        """Enter the object that begins here; take each key's value before asking for the next.

        Of a very long key only its beginning is given. Raises:
            FormatError: `*_not_json`, `*_too_many_members`, or `*_duplicate_key` (RFC 8259 lets
                readers differ on those, so two readers of one file could see two models).

        """
        self._take(_OPEN, "an object")
        if self._try(_CLOSE) is not None:
            return
        seen = DistinctNames()
        while True:
            self._budget.count_step()
            start, end = self._take(_KEY, "a quoted key and a colon")
            if not self._is_new(seen, start, end):
                raise self.error("duplicate_key", f'repeats the key "{self.name_at(start)}"')
            if len(seen) > MAX_MEMBERS:
                raise self.error("too_many_members", f"exceeds {MAX_MEMBERS} members")
            self.key_position = start
            yield self._beginning(start, end)
            start, _ = self._take(_NEXT, "a comma or the object's end")
            if self._text[start] == ord("}"):
                return

    def name_at(self, position: int) -> str:
        """Give the key that begins at a position, as short as texts in reasons are."""
        found = _STRING.match(self._text, position)
        return short_text(self._beginning(*found.span(1))) if found is not None else ""

    def skip_string(self) -> None:
        """Take a string value; it is judged, and not kept."""
        self._check_utf8(*self._take(_STRING, "a string"))

    def null(self) -> bool:
        """Take a null, if one stands here."""
        return self._try(_NULL) is not None

    def flat_object(self) -> dict[str, object]:
        """Take an object that holds no further object; its keys are unique."""
        limit = self._position + MAX_OBJECT_BYTES
        start, end = self._take(
            _FLAT_OBJECT, f"an object of at most {MAX_OBJECT_BYTES} bytes, without objects", limit
        )
        return cast("dict[str, object]", self._parse(start, end))  # the pattern matched its braces

    def finish(self) -> None:
        """Require that only white space is left."""
        self._take(_END, "the end")

    def error(self, rule: str, sentence: str) -> FormatError:
        """Make an error about the current position."""
        offset = self._file_offset + self._position
        return FormatError(f"{self.code_prefix}_{rule}", f"The JSON at offset {offset} {sentence}.")

    def _is_new(self, seen: DistinctNames, start: int, end: int) -> bool:
        """Remember a key by what it means: two spellings of one key are the same."""
        if self._text.find(b"\\", start, end) >= 0:
            text = str(self._parse(start, end))
            return seen.add(text.encode("utf-8", "surrogatepass"))
        self._check_utf8(start, end)
        with memoryview(self._text) as text, text[start + 1 : end - 1] as name:
            return seen.add(name)

    def _beginning(self, start: int, end: int) -> str:
        """Give a quoted text, or the beginning of a very long one."""
        if end - start <= MAX_PIECE_BYTES:
            return str(self._parse(start, end))
        return self._text[start + 1 : start + 1 + 4 * MAX_TEXT_CHARS].decode("utf-8", "replace")

    def _check_utf8(self, start: int, end: int) -> None:
        """Require UTF-8; with the pattern's own rules, the quoted text is a string of JSON then."""
        decoder = _UTF8()
        try:
            for at in range(start, end, MAX_PIECE_BYTES):
                piece = self._text[at : min(end, at + MAX_PIECE_BYTES)]
                decoder.decode(piece, final=at + MAX_PIECE_BYTES >= end)
        except UnicodeDecodeError as error:
            raise self.error("not_json", f"is not UTF-8 ({error.reason})") from None

    def _parse(self, start: int, end: int) -> object:
        """Parse a small piece; what `json` refuses, deep nesting included, is `*_not_json`."""
        try:
            return _DECODER.decode(self._text[start:end].decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise self.error("not_json", f"is not strict JSON ({short_text(str(error))})") from None

    def _take(
        self, pattern: re.Pattern[bytes], expected: str, limit: int | None = None
    ) -> tuple[int, int]:
        """Move past what the pattern matches here, and give its group's place; or `*_not_json`."""
        found = self._try(pattern, limit)
        if found is None:
            raise self.error("not_json", f"must hold {expected}")
        return found

    def _try(self, pattern: re.Pattern[bytes], limit: int | None = None) -> tuple[int, int] | None:
        end = len(self._text) if limit is None else limit
        found = pattern.match(self._text, self._position, end)
        if found is None:
            return None
        self._position = found.end()
        return found.span(1)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is repeated")
    return members


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
