"""Random filters over random versions, answered by query over HTTP and by plain Python.

`SEARCH_FILTERS=10000 SEARCH_VERSIONS=5000` asks as many of as many; each test run asks fewer.
"""

import os
import random

from shared.database.client import Database
from shared.runtime.settings import Settings
from tests.support.search_oracle import in_order, random_filter, random_order, random_versions
from tests.support.search_service import found_by, insert_versions, running_query

FILTERS = int(os.environ.get("SEARCH_FILTERS", "200"))
VERSIONS = int(os.environ.get("SEARCH_VERSIONS", "300"))
OF_EACH = 25
MOST_PAGES = 20
SEED = 29


async def test_each_random_filter_finds_what_plain_python_finds_in_each_order_and_on_each_page(
    database: Database, settings: Settings
) -> None:
    rng = random.Random(SEED)  # noqa: S311
    records = random_versions(rng, VERSIONS // OF_EACH, OF_EACH)
    await insert_versions(database, records)
    matched = 0
    async with running_query(settings) as http:
        for _ in range(FILTERS):
            asked, order = random_filter(rng, records), random_order(rng)
            wanted = in_order([each for each in records if asked.matches(each)], order)
            sizes = [size for size in (1, 7, 100, 500) if len(wanted) <= size * MOST_PAGES]
            keys = [each.text for each in order]
            found = await found_by(http, asked.text, keys, rng.choice(sizes))
            assert [each["id"] for each in found] == [each.id for each in wanted], asked.text
            matched += bool(wanted)
    assert matched > FILTERS / 2, "most filters are to match something"
