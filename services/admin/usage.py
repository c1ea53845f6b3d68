"""What is stored and what is referred to, by namespace."""

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import BaseModel

from services.indexer.context import Context
from shared.database.models import each_model
from shared.domain.deletion import is_purged, state_without_deletion
from shared.domain.names import namespace_of
from shared.domain.records import VersionRecord

MODELS = 200
PAGE = 50
"""Versions of one query, as long as they may have 1,000 files each."""
DEFAULT_NAMESPACE = "default"
"""Where models are whose name has no dot."""


class Usage(BaseModel):
    """Bytes of the models of one namespace."""

    namespace: str
    models: int = 0
    versions: int = 0
    """Those that are not purged."""
    logical_bytes: int = 0
    """All files of these, as if each had its own bytes."""
    stored_bytes: int = 0
    """What lies under the keys of its versions, also of purged ones where others refer to it."""
    shared_bytes: int = 0
    """Part of the logical bytes that lies under keys of other versions."""
    deleted_bytes: int = 0
    """Part of the stored bytes that deleted versions have, which can still be restored."""


async def usage(context: Context) -> list[Usage]:
    """Return what each namespace uses, in order of its name. Raises DatabaseUnavailable."""
    found: dict[str, Usage] = {}
    async for model in each_model(context.database, after=None, page=MODELS):
        namespace = namespace_of(model.name) or DEFAULT_NAMESPACE
        used = found.setdefault(namespace, Usage(namespace=namespace))
        used.models += 1
        reached = 0
        while page := await context.versions.records_of(model.name, after=reached, limit=PAGE):
            _add(page, used)
            reached = page[-1].number
    return [found[name] for name in sorted(found)]


@dataclass(frozen=True, slots=True)
class _Sizes:
    own: int
    shared: int
    kept: int
    """What others refer to."""


def _add(versions: Iterable[VersionRecord], used: Usage) -> None:
    for version in versions:
        sizes = _sizes(version)
        if is_purged(version):
            used.stored_bytes += sizes.kept
            continue
        if state_without_deletion(version) not in ("ready", "missing"):
            continue
        used.versions += 1
        used.logical_bytes += sizes.own + sizes.shared
        used.stored_bytes += sizes.own
        used.shared_bytes += sizes.shared
        if version.state == "deleted":
            used.deleted_bytes += sizes.own


def _sizes(version: VersionRecord) -> _Sizes:
    shared = sum(a.size_bytes for a in version.artifacts if a.location is not None)
    kept = sum(a.size_bytes for a in version.artifacts if a.references)
    return _Sizes(version.size_bytes - shared, shared, kept)
