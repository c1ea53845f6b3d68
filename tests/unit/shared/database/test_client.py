"""What the client of the database takes from the connection string."""

from typing import Any

import pytest
from pydantic import SecretStr

from shared.database.client import open_database
from tests.support.isolation import SETTINGS


@pytest.mark.parametrize(
    ("option", "repeats"), [("", True), ("&retryWrites=false", False), ("&retryReads=false", True)]
)
async def test_writes_are_repeated_unless_the_url_says_otherwise(
    option: str, repeats: bool
) -> None:
    url = SecretStr(f"mongodb://127.0.0.1:9/?directConnection=true{option}")
    settings = SETTINGS.model_copy(update={"mongodb_url": url})
    async with open_database(settings) as database:
        client: Any = database.versions.driver.database.client
        assert client.options.retry_writes is repeats
        assert client.options.retry_reads
