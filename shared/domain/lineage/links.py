"""The links of one version: added, removed, and told to whom may see them. Pure decisions."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from registry.schemas import Version, VersionState
from registry.schemas.links import (
    MAX_LINKS,
    MAX_LINKS_BYTES,
    DatasetRequest,
    LineageRequest,
    Link,
    VersionLinks,
)
from shared.domain.access.decision import NameFilter
from shared.domain.errors import Conflict
from shared.domain.records import VersionRecord, new_id

_TARGET = ("kind", "relation", "version_id", "uri", "name", "digest", "revision")
"""What two links have in common that say the same."""
_ID_DIGITS = 16


class LinkedVersion(BaseModel):
    """As much of a version as graphs tell of it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    model: str
    number: int
    label: str | None = None
    state: VersionState
    created_at: datetime
    ready_at: datetime | None = None
    lineage: list[Link] = Field(default_factory=list[Link])


def outside_links(request: LineageRequest, at: datetime, by: str) -> list[Link]:
    """Return the links to what is not here: parents elsewhere, data sets, run and code."""
    told: list[dict[str, Any]] = [
        {"kind": "external", "relation": parent.relation, "uri": parent.uri}
        for parent in request.parents
        if parent.uri is not None
    ]
    told += [_dataset(each) for each in request.datasets]
    if (run := request.run) is not None:
        told.append(
            {"kind": "run", "relation": "produced_by", "uri": run.uri, "name": run.id},
        )
    if (code := request.code) is not None:
        told.append(
            {"kind": "code", "relation": "built_from", "uri": code.uri, "revision": code.revision}
        )
    return [_link(each, at, by) for each in told]


def version_link(parent: Version | VersionRecord, relation: str, at: datetime, by: str) -> Link:
    """Return the link to a parent that is here."""
    told = {
        "kind": "version",
        "relation": relation,
        "version_id": parent.id,
        "model": parent.model,
        "number": parent.number,
    }
    return _link(told, at, by)


def with_links(before: Sequence[Link], added: Iterable[Link]) -> list[Link]:
    """Return the links with those that say something new; raises Conflict for too many."""
    links = list(before)
    known = {_target(link) for link in links}
    for link in added:
        if (target := _target(link)) not in known:
            known.add(target)
            links.append(link)
    size = sum(len(link.model_dump_json().encode()) for link in links)
    if len(links) > MAX_LINKS or size > MAX_LINKS_BYTES:
        detail = (
            f"a version has at most {MAX_LINKS} links, of {MAX_LINKS_BYTES} bytes as JSON together"
        )
        raise Conflict("too_many_links", detail)
    return links


def without_link(before: Sequence[Link], link_id: str) -> list[Link]:
    """Return the links without this one, which may be gone already."""
    return [link for link in before if link.id != link_id]


def parent_ids(links: Iterable[Link]) -> list[str]:
    """Return the ids of the parents that are here, each once."""
    return list(dict.fromkeys(link.version_id for link in links if link.version_id is not None))


def require_linkable(version: Version | VersionRecord) -> None:
    """Raise Conflict where a version can be nobody's parent, and have none."""
    if version.state in ("rejected", "deleted"):
        detail = f"version {version.number} of model {version.model!r} is {version.state}"
        raise Conflict(f"version_{version.state}", detail)


def lineage_cycle(child: VersionRecord) -> Conflict:
    """Return the error of a parent that is the version itself, or was made from it."""
    detail = (
        f"version {child.number} of model {child.model!r} would be made from itself:"
        " the parent is this version, or was made from it"
    )
    return Conflict("lineage_cycle", detail)


def told_links(record: VersionRecord, names: NameFilter) -> VersionLinks:
    """Return the links of a version as who may read these names is told them."""
    links = [_hidden(link) if _is_hidden(link, names) else link for link in record.lineage]
    return VersionLinks(model=record.model, number=record.number, links=links)


def _is_hidden(link: Link, names: NameFilter) -> bool:
    return link.model is not None and not names.has(link.model)


def _hidden(link: Link) -> Link:
    return Link(id=link.id, kind="hidden", relation=link.relation, at=link.at, by=link.by)


def _dataset(asked: DatasetRequest) -> dict[str, Any]:
    return {"kind": "dataset", **asked.model_dump()}


def _link(told: dict[str, Any], at: datetime, by: str) -> Link:
    # Its id is random: made of what it names, it would tell that to who may not see it.
    return Link.model_validate({"id": new_id()[:_ID_DIGITS], "at": at, "by": by, **told})


def _target(link: Link) -> str:
    return json.dumps([getattr(link, name) for name in _TARGET])
