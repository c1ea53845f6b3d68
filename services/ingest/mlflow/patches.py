"""What MLflow's clients change, as merge patches of what is said of a model or a version."""

from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import ValidationError

from registry.schemas.edits import Patch
from registry.schemas.mlflow import OWN_TAGS, entry_name
from services.ingest.edits.edits import Asked
from services.ingest.mlflow.requests import Tag
from shared.domain.edits import first_broken_rule
from shared.domain.errors import InvalidRequest
from shared.web.access.caller import Caller

P = TypeVar("P", bound=Patch)


def patch_of(kind: type[P], **fields: Any) -> P:
    """Return a patch of these fields; raises InvalidRequest with the field and the rule."""
    try:
        return kind(**fields)
    except ValidationError as error:
        raise first_broken_rule(error) from None


def tag_patch(kind: type[P], key: str, value: str | None) -> P:
    """Return the patch that sets a tag, or with None removes it; raises InvalidRequest."""
    return patch_of(kind, tags={tag_name(key): value})


def tag_name(key: str) -> str:
    """Return the name under which a tag is kept; raises InvalidRequest for one of our own."""
    if key in OWN_TAGS:
        raise InvalidRequest("key", f"must not be {key}, which holds a field of the version")
    return entry_name(key)


def tags_of(tags: Iterable[Tag]) -> dict[str, str]:
    """Return tags as they are kept; of those with one key the last counts."""
    return {tag_name(each.key): each.value for each in tags}


def asked_by(caller: Caller) -> Asked:
    """Return how MLflow's clients ask for an edit: without a revision, a reason or a key."""
    return Asked(caller, None, "", None)
