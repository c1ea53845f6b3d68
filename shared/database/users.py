"""Users of MongoDB and their roles, made by an administrator of the server.

Users are of the database `admin`, where a connection string looks for them by itself; a role is of
the registry's database, and gives rights on nothing else.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from pymongo.errors import OperationFailure

from shared.database.client import Database
from shared.database.collection import Document
from shared.database.errors import told_errors

USERS_OF = "admin"
_THERE = frozenset((51002, 51003))
"""MongoDB's codes for making a role or a user that is there."""
_ABSENT = frozenset((11, 31))
"""Those for removing a user or a role that is not."""


@dataclass(frozen=True, slots=True)
class Privilege:
    """What may be done to one collection."""

    collection: str
    """Empty: every collection of the registry."""
    actions: tuple[str, ...]
    """MongoDB's names: find, insert, update, remove, changeStream, ..."""

    def of(self, database_name: str) -> Document:
        """Return it as `createRole` takes it."""
        resource = {"db": database_name, "collection": self.collection}
        return {"resource": resource, "actions": list(self.actions)}


async def put_role(database: Database, name: str, privileges: Sequence[Privilege]) -> None:
    """Make the role, or give it these privileges and no others; idempotent.

    Whoever has it follows it within seconds. Raises DatabaseUnavailable.
    """
    given = [each.of(database.name) for each in privileges]
    await _put(database, database.name, "Role", name, {"privileges": given, "roles": []})


async def put_user(database: Database, name: str, password: str, role: str) -> None:
    """Make the user, or give it this password and this role alone; idempotent."""
    roles = [{"role": role, "db": database.name}]
    await _put(database, USERS_OF, "User", name, {"pwd": password, "roles": roles})


async def remove_user(database: Database, name: str) -> None:
    """Remove the user and the role of its name, as far as they are there."""
    for of, what in (USERS_OF, "User"), (database.name, "Role"):
        await _unless(_ABSENT, database, of, {f"drop{what}": name})


async def roles_of(database: Database, name: str) -> list[tuple[str, str]] | None:
    """Return the roles of a user with the database of each; None where there is no such user."""
    found = await _ask(database, USERS_OF, {"usersInfo": {"user": name, "db": USERS_OF}})
    for user in found["users"]:
        return [(each["role"], each["db"]) for each in user["roles"]]
    return None


async def _put(
    database: Database, of: str, what: str, name: str, fields: Mapping[str, object]
) -> None:
    """Make it, or change what is there, also where another makes it at this moment."""
    if not await _unless(_THERE, database, of, {f"create{what}": name, **fields}):
        await _ask(database, of, {f"update{what}": name, **fields})


async def _unless(
    codes: Container[int | None], database: Database, of: str, command: Mapping[str, object]
) -> bool:
    """Run the command; False where the server answers that there is nothing to do."""
    try:
        await _ask(database, of, command)
    except OperationFailure as error:
        if error.code not in codes:
            raise
        return False
    return True


async def _ask(database: Database, of: str, command: Mapping[str, object]) -> Document:
    with told_errors():
        return await database.command(of, command)
