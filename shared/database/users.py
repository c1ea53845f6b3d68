"""Users of MongoDB and their roles, made by an administrator of the server.

Users are of the database `admin`, where a connection string looks for them by itself; a role is of
the registry's database, and gives rights on nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.database.client import Database
from shared.database.collection import Document
from shared.database.errors import told_errors

USERS_OF = "admin"


@dataclass(frozen=True, slots=True)
class Privilege:
    """What may be done to one collection."""

    collection: str
    """Empty: every collection of the registry."""
    actions: tuple[str, ...]
    """MongoDB's names: find, insert, update, remove, changeStream, ..."""


async def put_role(database: Database, name: str, privileges: Sequence[Privilege]) -> None:
    """Make the role, or give it these privileges and no others; idempotent.

    Whoever has it follows it within seconds. Raises DatabaseUnavailable.
    """
    given = [
        {
            "resource": {"db": database.name, "collection": each.collection},
            "actions": list(each.actions),
        }
        for each in privileges
    ]
    command = "updateRole" if await _has_role(database, name) else "createRole"
    await _ask(database, database.name, {command: name, "privileges": given, "roles": []})


async def put_user(database: Database, name: str, password: str, role: str) -> None:
    """Make the user, or give it this password and this role alone; idempotent."""
    command = "createUser" if await roles_of(database, name) is None else "updateUser"
    roles = [{"role": role, "db": database.name}]
    await _ask(database, USERS_OF, {command: name, "pwd": password, "roles": roles})


async def remove_user(database: Database, name: str) -> None:
    """Remove the user and the role of its name, as far as they are there."""
    if await roles_of(database, name) is not None:
        await _ask(database, USERS_OF, {"dropUser": name})
    if await _has_role(database, name):
        await _ask(database, database.name, {"dropRole": name})


async def roles_of(database: Database, name: str) -> list[tuple[str, str]] | None:
    """Return the roles of a user with the database of each; None where there is no such user."""
    found = await _ask(database, USERS_OF, {"usersInfo": {"user": name, "db": USERS_OF}})
    for user in found["users"]:
        return [(each["role"], each["db"]) for each in user["roles"]]
    return None


async def _has_role(database: Database, name: str) -> bool:
    asked = {"rolesInfo": {"role": name, "db": database.name}}
    return bool((await _ask(database, database.name, asked))["roles"])


async def _ask(database: Database, of: str, command: Mapping[str, object]) -> Document:
    with told_errors():
        return await database.command(of, command)
