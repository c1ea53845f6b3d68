"""Searching models and versions by MLflow's filters, in the copy that our own search reads."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field as Described

from registry.schemas import Model, VersionSummary
from services.query.context import Context
from services.query.mlflow.filters import equal_name, read_filter
from services.query.mlflow.lookups import whole_models
from services.query.search.finding import Wanted
from services.query.search.language.bounds import MAX_ORDER_KEYS
from services.query.search.language.errors import InvalidSearch
from services.query.search.language.fields import Kind
from services.query.search.language.nodes import And, Field, Node, Not, OneOf, OrderKey
from services.query.search.pages import read_page
from services.query.search.statements.order import width_of
from services.query.search.statements.places import decode_place, encode_place, fingerprint
from shared.database.models import find_model
from shared.domain.access.decision import NameFilter
from shared.web.mlflow.shapes import MlflowAnswer, ModelVersion, RegisteredModel, told_version

PAGE = 500
"""Items that are read at once."""
MOST_VERSIONS = 2000
"""Versions of one answer: clients ask for 10,000 and read on by the token."""
MOST_MODELS = 200
_KEY = re.compile(r"\s*(?:attributes?\.)?[`\"]?(\w+)[`\"]?(?:\s+(ASC|DESC))?\s*", re.IGNORECASE)
_ORDERS: Mapping[Kind, Mapping[str, str]] = {
    "models": {
        "name": "name",
        "timestamp": "created_at",
        "creation_timestamp": "created_at",
        "last_updated_timestamp": "created_at",
    },
    "versions": {
        "name": "name",
        "version_number": "version",
        "creation_timestamp": "created_at",
        "last_updated_timestamp": "ready_at",
    },
}
_DEFAULT: Mapping[Kind, Sequence[OrderKey]] = {
    "models": (OrderKey(Field("name")),),
    "versions": (OrderKey(Field("created_at"), descending=True),),
}
_DELETED = OneOf(Field("state"), ("deleted",))


class ModelVersions(MlflowAnswer):
    """A page of versions."""

    model_versions: list[ModelVersion] = Described(default_factory=list[ModelVersion])
    next_page_token: str = ""


class RegisteredModels(MlflowAnswer):
    """A page of models."""

    registered_models: list[RegisteredModel] = Described(default_factory=list[RegisteredModel])
    next_page_token: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as the request has it."""

    text: str
    order: Sequence[str]
    most: int
    token: str | None


async def search_versions(asked: Asked, names: NameFilter, context: Context) -> ModelVersions:
    """Return versions that were not deleted; raises InvalidRequest, Unavailable."""
    items, token = await _search("versions", asked, names, MOST_VERSIONS, context)
    url = context.settings.query_url
    found = [told_version(VersionSummary.model_validate_json(each), url) for each in items]
    return ModelVersions(model_versions=found, next_page_token=token)


async def search_models(asked: Asked, names: NameFilter, context: Context) -> RegisteredModels:
    """Return models with their aliases and latest versions; raises InvalidRequest, Unavailable."""
    items, token = await _search("models", asked, names, MOST_MODELS, context)
    models = [Model.model_validate_json(each) for each in items]
    whole = await whole_models(models, context)
    return RegisteredModels(registered_models=whole, next_page_token=token)


async def _search(
    kind: Kind, asked: Asked, names: NameFilter, most: int, context: Context
) -> tuple[Sequence[str], str]:
    """Return items as JSON, and the token of what follows them."""
    terms = read_filter(asked.text, kind)
    order = read_order(asked.order, kind)
    told = fingerprint(f"mlflow {kind}", asked.text, asked.order)
    place = decode_place(asked.token, told, width_of(order, kind)) if asked.token else None
    seen = await _seen(equal_name(terms), names, context)
    node = _all_of([*terms, Not(_DELETED)] if kind == "versions" else terms)
    items: list[str] = []
    left = min(asked.most, most)
    while left > 0:
        wanted = Wanted(kind, node, order, names, min(left, PAGE), place)
        found = await read_page(wanted, seen, context)
        items += found.items
        left -= len(found.items)
        place, seen = found.place, {}
        if place is None:
            return items, ""
    return items, encode_place(told, place) if place is not None else ""


async def _seen(name: str | None, names: NameFilter, context: Context) -> dict[str, int]:
    """Return up to which event the search is to be, where it asks for one model.

    So whoever has changed something of it finds that, as in MLflow.
    """
    if name is None or not names.has(name):
        return {}
    model = await find_model(context.database, name)
    return {name: model.sequence} if model and model.sequence else {}


def _all_of(terms: Sequence[Node]) -> Node | None:
    return And(terms) if terms else None


def read_order(keys: Sequence[str], kind: Kind) -> Sequence[OrderKey]:
    """Return what is sorted by; raises InvalidSearch."""
    if len(keys) > MAX_ORDER_KEYS:
        raise InvalidSearch("order_by", f"must be at most {MAX_ORDER_KEYS} keys", 1)
    found = [_key(each, kind) for each in keys]
    if len({each.field for each in found}) != len(found):
        raise InvalidSearch("order_by", "must name each field once", 1)
    return found or _DEFAULT[kind]


def _key(text: str, kind: Kind) -> OrderKey:
    known = _ORDERS[kind]
    match = _KEY.fullmatch(text[:200])
    if match is None or match[1] not in known:
        rule = f"must be one of {', '.join(known)}, and then ASC or DESC"
        raise InvalidSearch("order_by", rule, 1, list(known))
    return OrderKey(Field(known[match[1]]), (match[2] or "").upper() == "DESC")
