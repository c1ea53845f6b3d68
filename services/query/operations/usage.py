"""What namespaces have, counted by search's copy: no model is read for it."""

import sqlite3

from registry.schemas.operations import NamespaceUsage, UsagePage
from services.query.context import Context
from services.query.search.failures import read_told

_COUNTED = """
SELECT coalesce(namespace, ''), count(DISTINCT model), count(*), coalesce(sum(size), 0)
FROM versions WHERE state IN ('ready', 'missing')
GROUP BY 1 ORDER BY 4 DESC, 1 LIMIT ?
"""


async def usage_by_namespace(limit: int, context: Context) -> UsagePage:
    """Return the largest namespaces; raises InvalidRequest, TooManyRequests, Unavailable."""

    def count(connection: sqlite3.Connection) -> list[NamespaceUsage]:
        names = ("namespace", "models", "versions", "logical_bytes")
        rows = connection.execute(_COUNTED, (limit + 1,)).fetchall()
        return [NamespaceUsage.model_validate(dict(zip(names, row, strict=True))) for row in rows]

    found = await read_told(context.search, count)
    return UsagePage(items=found[:limit], is_complete=len(found) <= limit)
