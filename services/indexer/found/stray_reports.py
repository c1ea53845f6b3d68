"""Reports of objects that belong to no version, kept for operators and told in the log once."""

from collections.abc import Sequence

from registry.schemas import Reason
from services.indexer.context import Context
from services.indexer.events.bucket_events import ObjectWritten
from shared.database import strays
from shared.database.strays import Stray
from shared.runtime.logs import get_logger

log = get_logger(__name__)


async def report_stray(written: ObjectWritten, code: str, detail: str, context: Context) -> None:
    """Keep a report of an object; repeats only renew its time."""
    await report_strays([(stray_of(written), Reason(code=code, detail=detail))], context)


async def report_strays(reported: Sequence[tuple[Stray, Reason]], context: Context) -> None:
    """Keep a report of each; repeats only renew their time."""
    for stray, reason in await strays.report_strays(context.database, reported):
        log.warning(
            "object belongs to no version",
            bucket=stray.bucket,
            key=stray.key,
            code=reason.code,
            detail=reason.detail,
        )


def stray_of(written: ObjectWritten) -> Stray:
    """Return the object as a report names it."""
    return Stray(written.bucket, written.key, written.object_version, written.size_bytes)
