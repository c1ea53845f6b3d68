"""The digest of an upload request: equal for requests that mean the same."""

import hashlib
import json
from typing import cast

from pydantic import JsonValue

from registry.schemas import UploadRequest

DIGITS_OF_A_FLOAT = 2**53
"""Above it not every whole number is a float: what is written as one stays one."""


def request_digest(request: UploadRequest) -> str:
    """Return the hex digest of what the request says, however it is written.

    The order of names does not count, nor whether a default is written out (so that a field of a
    newer release changes nothing where it is not used), nor how a number is written.
    """
    said = cast("JsonValue", request.model_dump(mode="json", exclude_defaults=True))
    text = json.dumps(_canonical(said), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def is_same_request(request: UploadRequest, digest: str) -> bool:
    """Whether the digest that is recorded is of this request, also one of an earlier release."""
    return digest in (request_digest(request), _earlier_digest(request))


def _canonical(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {name: _canonical(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= DIGITS_OF_A_FLOAT:
        return int(value)
    return value


def _earlier_digest(request: UploadRequest) -> str:
    """Return the digest as it was until 0.1: of the request as it was written, defaults and all."""
    if request.lineage is not None:
        return ""  # none of theirs had it
    text = request.model_dump_json(exclude={"lineage"})
    return hashlib.sha256(text.encode()).hexdigest()
