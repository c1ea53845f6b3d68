"""The buckets that a walk can compare with."""

from services.indexer.reconcile.pace import Round


async def present_buckets(walk: Round) -> set[str]:
    """Return the buckets of ours that are there; the others are told in the report.

    Raises Unavailable where a server is away.
    """
    buckets: set[str] = set()
    for bucket in await walk.context.groups.all():
        async with walk.telling(f"bucket {bucket!r}"):  # it alone may be denied to us
            if await walk.context.storage.buckets.exists(bucket):
                buckets.add(bucket)
            else:
                # Rather a wrong address than a thousand models that are gone at once.
                walk.report.add_error(f"bucket {bucket!r} is not there")
    return buckets
