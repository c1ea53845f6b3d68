"""Random filters and orders over random versions, compared with plain Python."""

import json
import os
import random
import sqlite3
from collections.abc import Iterator, Sequence

import pytest

from services.query.search.finding import Wanted, find
from services.query.search.language.ordering import parse_order
from services.query.search.language.parsing import parse_filter
from services.query.search.projection.rows import model_row, version_row
from services.query.search.projection.tables import make_tables, open_file
from services.query.search.projection.writing import Writer
from services.query.search.statements.sql import Bound
from shared.domain.access.decision import EVERY_NAME, NameFilter
from shared.domain.records import VersionRecord
from tests.support.search_oracle import (
    in_order,
    models_of,
    random_filter,
    random_order,
    random_versions,
)

SEED = 11
FILTERS = int(os.environ.get("SEARCH_FILTERS", "150"))


@pytest.fixture(scope="module")
def records() -> list[VersionRecord]:
    return random_versions(random.Random(SEED), 20, 10)  # noqa: S311


@pytest.fixture(scope="module")
def connection(
    records: Sequence[VersionRecord], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sqlite3.Connection]:
    found = open_file(tmp_path_factory.mktemp("search") / "search.sqlite")
    make_tables(found)
    writer = Writer(found)
    with writer.transaction():
        writer.put("versions", (row for each in records if (row := version_row(each))))
        writer.put("models", map(model_row, models_of(records)))
    yield found
    found.close()


def found_by(
    connection: sqlite3.Connection,
    text: str,
    order: Sequence[str],
    limit: int,
    names: NameFilter = EVERY_NAME,
) -> list[str]:
    """The ids that all pages of a search have, in order."""
    node, keys = parse_filter(text, "versions"), parse_order(order, "versions")
    ids: list[str] = []
    place: Sequence[Bound] | None = None
    while True:
        page = find(connection, Wanted("versions", node, keys, names, limit, place))
        ids += [json.loads(item)["id"] for item in page.items]
        place = page.place
        if place is None:
            return ids


def test_random_filters_find_what_plain_python_finds_in_every_order_and_page_size(
    connection: sqlite3.Connection, records: Sequence[VersionRecord]
) -> None:
    rng = random.Random(SEED)  # noqa: S311
    matched = 0
    for _ in range(FILTERS):
        asked, order = random_filter(rng, records), random_order(rng)
        wanted = [each.id for each in in_order([r for r in records if asked.matches(r)], order)]
        limit = rng.choice((1, 7, 100)) if len(wanted) < 40 else rng.choice((7, 100))
        found = found_by(connection, asked.text, [each.text for each in order], limit)
        assert found == wanted, (asked.text, [each.text for each in order], limit)
        matched += bool(wanted)
    assert matched > FILTERS / 2, "most filters are to match something"
