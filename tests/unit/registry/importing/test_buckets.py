"""A bucket whose keys make no files here: what it spoils is one version, never the run."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from registry.errors import DestinationError
from registry.importing.s3.bucket import Bucket, Listed
from registry.importing.s3.source import BucketSource
from registry.importing.sources import FoundVersion, ImportRefused


class Keys:
    """A bucket that has these files below each version, and hands out none."""

    def __init__(self, *paths: str) -> None:
        self._paths = paths

    def key(self, name: str) -> str:
        return f"nightly/{name}"

    def objects(self, below: str) -> Iterator[Listed]:
        yield from (Listed(self.key(below) + path, 1, "etag") for path in self._paths)


@pytest.mark.parametrize(
    ("paths", "error"),
    [
        (("a", "a/b"), ImportRefused),
        (("x/../y",), ImportRefused),
        (("y//z",), ImportRefused),
        (("x" * 300,), DestinationError),
        (("x" * 300 + "/y",), DestinationError),
    ],
)
async def test_keys_that_no_folder_can_have_refuse_their_version(
    paths: tuple[str, ...], error: type[Exception], tmp_path: Path
) -> None:
    source = BucketSource(cast("Bucket", Keys(*paths)), "nightly")
    with pytest.raises(error):
        await source.fetch(FoundVersion("churn", 1, "identity", "churn/1/"), tmp_path)
