"""What the client of the database takes from the connection string."""

from typing import Any

import pytest

from shared.database.client import open_database
from shared.runtime.settings import Settings


@pytest.mark.parametrize(
    ("option", "repeats"), [("", True), ("&retryWrites=false", False), ("&retryReads=false", True)]
)
async def test_writes_are_repeated_unless_the_url_says_otherwise(
    option: str, repeats: bool
) -> None:
    settings = Settings.model_validate(
        {
            "mongodb_url": f"mongodb://127.0.0.1:9/?directConnection=true{option}",
            "minio_endpoint": "127.0.0.1:9",
            "minio_access_key": "nobody",
            "minio_secret_key": "nothing",
        }
    )
    async with open_database(settings) as database:
        client: Any = database.versions.driver.database.client
        assert client.options.retry_writes is repeats
        assert client.options.retry_reads
