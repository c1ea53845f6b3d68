"""Versions by what a user calls them: a number, a label, an @alias, or "latest".

Other tools do not tell labels from aliases: `names_meant` says which of both they get.
"""

from datetime import datetime

from registry.schemas import Version
from registry.schemas.names import check_version
from shared.database.aliases import find_alias_at
from shared.database.client import Database
from shared.database.models import find_model
from shared.database.rules import read_effective
from shared.database.versions import Versions
from shared.domain.aliases import alias_not_found
from shared.domain.errors import InvalidRequest, checked, model_not_found, version_not_found
from shared.domain.names import names_of_reference
from shared.domain.rules import protection_of


async def find_named(
    database: Database, model: str, name: str, *, at: datetime | None = None
) -> Version:
    """Return a version of a model by number, label, @alias or "latest" (the highest ready number).

    With `at`, the one that the alias pointed at then. Raises NotFound, or InvalidRequest for a text
    that is none of these.
    """
    alias = name[1:] if name.startswith("@") else None
    if alias is not None:
        found = await _by_alias(database, model, alias, at)
    elif at is not None:
        raise InvalidRequest("at", "goes with an alias alone, such as @production")
    else:
        found = await _by_name(database, model, name)
    if found is not None:
        return found
    if await find_model(database, model) is None:
        raise model_not_found(model)
    raise version_not_found(model, name) if alias is None else alias_not_found(model, alias)


async def names_meant(database: Database, model: str, reference: str) -> tuple[str, ...]:
    """Return what other tools' reference to a version may be, by which wins.

    A label comes before an alias. Where the model's rules protect the alias, no label is meant,
    also while the alias points nowhere: whoever may upload gives labels, and so could let a version
    be fetched that nobody approved.
    """
    names = names_of_reference(reference)
    if len(names) == 1 or protection_of(await read_effective(database, model), reference) is None:
        return names
    return names[1:]


async def _by_alias(
    database: Database, model: str, alias: str, at: datetime | None
) -> Version | None:
    if at is None:
        return await Versions(database).by_alias(model, alias)
    move = await find_alias_at(database, model, alias, at)
    if move is None or move.to_number is None:
        return None
    return await Versions(database).by_number(model, move.to_number)


async def _by_name(database: Database, model: str, name: str) -> Version | None:
    versions = Versions(database)
    if name == "latest":
        found = await find_model(database, model)
        if found is None or found.latest_number is None:
            return None
        return await versions.by_number(model, found.latest_number)
    return await versions.by_number_or_label(model, checked("version", check_version, name))
