"""A commit as its client sends it: one JSON object a line, the first one its message."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import Field, StringConstraints, ValidationError

from registry.schemas.aliases import MAX_REASON_CHARACTERS, Why
from registry.schemas.metadata import MAX_DESCRIPTION_CHARACTERS
from registry.schemas.names import FilePath, Sha256, WholeNumber
from registry.schemas.uploads import MAX_FILES, MAX_OBJECT_BYTES
from services.ingest.hub.bodies import HubBody
from shared.domain.commits import Added, Commit, Deleted, Operation
from shared.domain.errors import InvalidRequest
from shared.domain.strict_json import parse_object

MAX_LINES = 2 * MAX_FILES + 1
"""As many as would remove all files of a version, and give it all that it can have."""
Body = TypeVar("Body", bound=HubBody)


class _Header(HubBody):
    summary: Why = ""
    """Also the reason of the move of an alias that stands for the branch."""
    description: str = Field(
        default="", max_length=MAX_DESCRIPTION_CHARACTERS - MAX_REASON_CHARACTERS - 2
    )
    parent: Annotated[
        str | None, Field(alias="parentCommit"), StringConstraints(pattern=r"^[0-9a-f]{40}$")
    ] = None


class _File(HubBody):
    path: FilePath
    content: str
    encoding: Literal["base64", "utf-8"] = "base64"


class _LfsFile(HubBody):
    path: FilePath
    algo: Literal["sha256"] = "sha256"
    oid: Sha256
    size: Annotated[WholeNumber, Field(ge=1, le=MAX_OBJECT_BYTES)] | None = None


class _Deleted(HubBody):
    path: Annotated[str, StringConstraints(max_length=1024)]


def read_commit(body: bytes) -> Commit:
    """Return what a body asks for; raises InvalidRequest with the line and its rule."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    if not lines:
        raise InvalidRequest("body", "must have a line of JSON for the commit's message, and more")
    if len(lines) > MAX_LINES:
        raise InvalidRequest("body", f"must have at most {MAX_LINES} lines")
    header: _Header | None = None
    operations: list[Operation] = []
    for number, line in enumerate(lines, 1):
        key, value = _members(number, line)
        if key == "header":
            if header is not None:
                raise InvalidRequest(f"line {number}", "must not be a second header")
            header = _checked(number, _Header, value)
        else:
            operations.append(_operation(number, key, value))
    if header is None:
        raise InvalidRequest("body", "must have a line whose key is 'header'")
    if not operations:
        raise InvalidRequest("body", "must change something")
    return Commit(header.summary, header.description, header.parent, tuple(operations))


def _operation(number: int, key: str, value: Mapping[str, Any]) -> Operation:
    match key:
        case "file":
            file = _checked(number, _File, value)
            content = _content(number, file)
            digest = hashlib.sha256(content).hexdigest()
            return Added(file.path, digest, len(content), content)
        case "lfsFile":
            large = _checked(number, _LfsFile, value)
            return Added(large.path, large.oid, large.size)
        case "deletedFile" | "deletedFolder":
            gone = _checked(number, _Deleted, value)
            is_folder = key == "deletedFolder"
            path = gone.path.strip("/") if is_folder else gone.path
            return Deleted("" if is_folder and path == "." else path, is_folder)
        case _:
            raise InvalidRequest(f"line {number}.key", f"{key[:40]!r} is not supported")


def _content(number: int, file: _File) -> bytes:
    try:
        if file.encoding == "utf-8":
            return file.content.encode()
        return base64.b64decode(file.content, validate=True)
    except ValueError:  # half a surrogate pair, or letters beyond ASCII, among others
        rule = f"must be {file.encoding}"
        raise InvalidRequest(f"line {number}.value.content", rule) from None


def _members(number: int, line: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        found = parse_object(line.decode())
    except ValueError as error:  # also bytes that are no UTF-8
        rule = "must be UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise InvalidRequest(f"line {number}", rule) from None
    key, value = found.get("key"), found.get("value")
    if not isinstance(key, str) or not isinstance(value, dict):
        raise InvalidRequest(f"line {number}", 'must be an object with "key" and "value"')
    return key, cast("Mapping[str, Any]", value)


def _checked(number: int, kind: type[Body], value: Mapping[str, Any]) -> Body:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join([f"line {number}", "value", *map(str, first["loc"])])
        raise InvalidRequest(place, first["msg"].removeprefix("Value error, ")) from None
