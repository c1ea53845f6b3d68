"""One folder of a bucket, read by boto3. Everything here blocks: call it in a thread.

boto3 finds the key as it always does: variables of the environment, profiles, roles.
"""

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from registry.errors import InvalidRequestError, MissingExtraError, SourceError, UnavailableError

try:
    import boto3
    from boto3.exceptions import RetriesExceededError
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConnectionError,
        HTTPClientError,
        IncompleteReadError,
        SSLError,
    )
except ImportError:  # pragma: no cover - the tests' environment has it
    raise MissingExtraError(
        "reading a bucket needs boto3: pip install 'model-version-registry[s3]'"
    ) from None

CONNECT_SECONDS = 10
READ_SECONDS = 60
ATTEMPTS = 5
PARTS_AT_ONCE = 4
_ADDRESS = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9.-]{1,61}[A-Za-z0-9])(?:/(.*))?\Z", re.DOTALL)
_TRANSIENT_CODES = frozenset({"SlowDown", "RequestTimeout", "Throttling", "ThrottlingException"})


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing tells it."""

    key: str
    size: int
    """Bytes."""
    etag: str


class Bucket:
    """The objects of a bucket below a prefix, which the names given here begin after."""

    def __init__(self, address: str, endpoint: str | None) -> None:
        """`endpoint` is the address of a storage other than AWS; raises
        InvalidRequestError, SourceError."""
        self._bucket, self._prefix = _parsed(address)
        self.address = f"s3://{self._bucket}/{self._prefix}"
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        )
        with self._plain_errors():
            self._client: Any = boto3.client("s3", endpoint_url=endpoint, config=config)  # pyright: ignore[reportUnknownMemberType] - boto3 has no types

    def folders(self, below: str) -> Iterator[list[str]]:
        """Yield the names of the folders below a name, in their order, a page at a time."""
        for page in self._pages(below, Delimiter="/"):
            start = len(self._prefix) + len(below)
            prefixes = [each["Prefix"] for each in page.get("CommonPrefixes", ())]
            yield [prefix[start:-1] for prefix in prefixes]

    def objects(self, below: str) -> Iterator[Listed]:
        """Yield the objects below a name, by their keys' order; marks of folders are none."""
        for page in self._pages(below):
            for each in page.get("Contents", ()):
                if not each["Key"].endswith("/"):
                    yield Listed(each["Key"], each["Size"], each["ETag"])

    def key(self, name: str) -> str:
        """Return the whole key of a name."""
        return self._prefix + name

    def small(self, name: str, limit: int) -> bytes | None:
        """Return the bytes of a small object; None where there is none.

        Raises SourceError for one of more than `limit` bytes.
        """
        try:
            with self._plain_errors():
                answer = self._client.get_object(Bucket=self._bucket, Key=self.key(name))
                content: bytes = answer["Body"].read(limit + 1)
        except _NoSuchObject:
            return None
        if len(content) > limit:
            raise SourceError(f"{self.address}{name} has more than {limit} bytes")
        return content

    def fetch(self, listed: Listed, target: Path) -> None:
        """Write an object to a file that does not exist yet, in a folder that does.

        Raises SourceError where it is no longer the object that was listed, and OSError.
        """
        where = f"s3://{self._bucket}/{listed.key}"
        with self._plain_errors():
            self._client.download_file(
                self._bucket,
                listed.key,
                str(target),
                Config=TransferConfig(max_concurrency=PARTS_AT_ONCE),
            )
            now = self._client.head_object(Bucket=self._bucket, Key=listed.key)
        if now["ETag"] != listed.etag or target.stat().st_size != listed.size:
            raise SourceError(f"{where} was changed while it was read")

    def _pages(self, below: str, **options: str) -> Iterator[dict[str, Any]]:
        paginator = self._client.get_paginator("list_objects_v2")
        pages = paginator.paginate(Bucket=self._bucket, Prefix=self.key(below), **options)
        with self._plain_errors():
            yield from pages

    @contextmanager
    def _plain_errors(self) -> Generator[None]:
        """Turn boto3's errors into ours: away for now, or refused for good."""
        try:
            yield
        except ClientError as error:
            told: Any = error.response
            status = told.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            code = str(told.get("Error", {}).get("Code", ""))
            if code in ("NoSuchKey", "404"):
                raise _NoSuchObject(f"{self.address}: an object is gone") from error
            detail = f"{self.address}: storage answered {status} {code}"
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR or code in _TRANSIENT_CODES:
                raise UnavailableError(detail) from error
            raise SourceError(detail) from error
        except SSLError as error:  # a certificate, so no outage
            raise SourceError(f"{self.address}: {error}") from error
        except (
            ConnectionError,
            HTTPClientError,
            IncompleteReadError,
            RetriesExceededError,
        ) as error:
            raise UnavailableError(f"{self.address}: {error}") from error
        except (BotoCoreError, ValueError) as error:
            raise SourceError(f"{self.address}: {error}") from error


def _parsed(address: str) -> tuple[str, str]:
    """Return bucket and prefix; the prefix is empty or ends with a slash."""
    found = _ADDRESS.match(address)
    if found is None:
        told = f"the address {address!r} must be s3://BUCKET or s3://BUCKET/PREFIX"
        raise InvalidRequestError(told, code="invalid_request", status=422)
    prefix = (found[2] or "").rstrip("/")
    return found[1], f"{prefix}/" if prefix else ""


class _NoSuchObject(SourceError):
    """There is no object of this key."""
