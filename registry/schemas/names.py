"""Names that users choose, and the one rule for each.

A name becomes part of an object key `<model>/<number>/<file path>`, so each rule keeps the key
unambiguous, under S3's 1,024 bytes, and harmless when it is turned back into a local path.
"""

import math
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    JsonValue,
    StrictInt,
    StrictStr,
    StringConstraints,
)

MAX_MODEL_CHARACTERS = 96
MAX_LABEL_CHARACTERS = 128
MAX_PATH_BYTES = 700  # with model, number and slashes still under S3's 1,024-byte key
DOWNLOAD_FOLDER_PREFIX = ".registry-download-"
"""Begins the name of the folder that a download arrives in; no part of a file's path begins so."""
MAX_ENTRY_NAME_CHARACTERS = 250
MAX_ENTRIES = 1000
MAX_REQUESTED_NUMBER = 10**9  # the numbers that follow it need room
MAX_NESTING = 16

_MODEL = re.compile(r"[^\W_](?:[\w.-]*\w)?\Z")
_LABEL = re.compile(r"[^\W_](?:[\w .+@-]*[\w+@-])?\Z")
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]\Z")
_IP_ADDRESS = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+\Z")
_BUCKET_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_BUCKET_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
# Reserved: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_MODEL_RULE = (
    "must be letters, digits or any of . _ -, start with a letter or digit, end with a letter, "
    "digit or _, and not contain '..' or '--'"
)
_LABEL_RULE = (
    "must be letters, digits, space or any of . _ - + @, start with a letter or digit, "
    "not end with a space or dot, and not contain '..'"
)


def check_model_name(value: str) -> str:
    """Return the name of a model unchanged, or raise ValueError with the rule.

    It is one segment that other tools' rules allow as well: `@` separates an alias there, and
    Hugging Face refuses `--`. What stands before the first dot is its namespace. Names that were
    given under an earlier rule stay readable.
    """
    if len(value) > MAX_MODEL_CHARACTERS or len(value.encode(errors="replace")) > 256:
        raise ValueError(f"must be at most {MAX_MODEL_CHARACTERS} characters (256 bytes of UTF-8)")
    if ".." in value or "--" in value or not _MODEL.match(value):
        raise ValueError(_MODEL_RULE)
    return value


def check_label(value: str) -> str:
    """Return a version's label unchanged, or raise ValueError with the rule."""
    if len(value) > MAX_LABEL_CHARACTERS or len(value.encode(errors="replace")) > 256:
        raise ValueError(f"must be at most {MAX_LABEL_CHARACTERS} characters (256 bytes of UTF-8)")
    if ".." in value or not _LABEL.match(value):
        raise ValueError(_LABEL_RULE)
    return value


def check_file_path(value: str) -> str:
    """Return a relative POSIX path unchanged, or raise ValueError with the rule."""
    if len(value.encode(errors="surrogatepass")) > MAX_PATH_BYTES:
        raise ValueError(f"must be at most {MAX_PATH_BYTES} bytes of UTF-8")
    if not value.isprintable() or "\\" in value:
        raise ValueError("must not contain backslashes, NUL or other unprintable characters")
    if any(part in ("", ".", "..") for part in value.split("/")):
        raise ValueError("must be a relative path without empty, '.' or '..' parts")
    # In any case: some file systems do not tell upper case from lower.
    if any(part.casefold().startswith(DOWNLOAD_FOLDER_PREFIX) for part in value.split("/")):
        raise ValueError(f"must not have a part that begins with {DOWNLOAD_FOLDER_PREFIX!r}")
    return value


def check_bucket_name(value: str) -> str:
    """Return a storage group unchanged, or raise ValueError with S3's rule for bucket names."""
    if not _BUCKET.match(value) or ".." in value or ".-" in value or "-." in value:
        raise ValueError(
            "must be an S3 bucket name: 3 to 63 lower-case letters, digits, dots or hyphens, "
            "each part between dots beginning and ending with a letter or digit"
        )
    if _IP_ADDRESS.match(value):
        raise ValueError("must be an S3 bucket name, which is not formatted as an IP address")
    for prefix in _BUCKET_PREFIXES:
        if value.startswith(prefix):
            raise ValueError(f"must be an S3 bucket name, which does not start with {prefix!r}")
    for suffix in _BUCKET_SUFFIXES:
        if value.endswith(suffix):
            raise ValueError(f"must be an S3 bucket name, which does not end with {suffix!r}")
    return value


def check_version(value: str | int) -> str | int:
    """Return a requested version: an int is the number, a text that is no number is the label."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        value = int(value)
    if isinstance(value, int):
        if isinstance(value, bool) or not 1 <= value < 2**31:
            raise ValueError("must, as a number, be from 1 to 2147483647")
        return value
    if value.isdigit() or value.lower() == "latest":
        raise ValueError("must not be 'latest' or all digits: those name other versions")
    return check_label(value)


def check_entries(entries: dict[str, Any]) -> dict[str, Any]:
    """Return a metadata mapping unchanged, or raise ValueError naming the entry and the rule.

    At every depth `$` and `.` are refused in names, to which MongoDB gives a meaning there, and
    values that JSON or BSON cannot hold.
    """
    _check_entry_names(entries, MAX_NESTING)
    return entries


def _check_entry_names(value: JsonValue, depth: int) -> None:
    if depth == 0:
        raise ValueError(f"must not nest deeper than {MAX_NESTING} levels")
    _check_value(value)
    if isinstance(value, list):
        for item in value:
            _check_entry_names(item, depth - 1)
    if not isinstance(value, dict):
        return
    if len(value) > MAX_ENTRIES:
        raise ValueError(f"must have at most {MAX_ENTRIES} entries")
    for name, item in value.items():
        if not 1 <= len(name) <= MAX_ENTRY_NAME_CHARACTERS:
            raise ValueError(
                f"entry name {name[:40]!r} must have 1 to {MAX_ENTRY_NAME_CHARACTERS} characters"
            )
        if not name.isprintable() or "$" in name or "." in name:
            raise ValueError(
                f"entry name {name[:40]!r} must not contain '$', '.' or unprintable characters"
            )
        _check_entry_names(item, depth - 1)


def _check_value(value: JsonValue) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must have finite numbers only: JSON has no NaN or infinity")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError("must have integers of at most 64 bits")
    if isinstance(value, str) and not value.isprintable():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("must have texts that are Unicode, without lone surrogates") from None


def _check_requested(value: str | int) -> str | int:
    version = check_version(value)
    if isinstance(version, int) and version > MAX_REQUESTED_NUMBER:
        raise ValueError(f"must, as a number, be at most {MAX_REQUESTED_NUMBER}")
    return version


ModelName = Annotated[str, StringConstraints(min_length=1), AfterValidator(check_model_name)]
FilePath = Annotated[str, StringConstraints(min_length=1), AfterValidator(check_file_path)]
StorageGroup = Annotated[str, AfterValidator(check_bucket_name)]
RequestedVersion = Annotated[StrictStr | StrictInt, AfterValidator(_check_requested)]


def number_alone(value: object) -> object:
    """Refuse what would pass as a number although JSON has another type for it."""
    if isinstance(value, (bool, str, bytes)):
        raise ValueError("must be a number")
    return value


Number = Annotated[float, BeforeValidator(number_alone)]
"""A finite number; NumPy's scalars pass too, texts and booleans do not."""
WholeNumber = Annotated[int, BeforeValidator(number_alone)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
