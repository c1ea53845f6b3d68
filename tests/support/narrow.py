"""Services with users of their own, and a MongoDB that holds them to their roles.

SecantusDB looks at a role's actions, and not at the collections that they are for. So the services
reach it through proxies which refuse what MongoDB itself would refuse.
"""

import secrets
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from local.processes.ports import choose_port
from local.processes.state import SERVICES
from local.servers.services import PORT_SETTINGS, provision
from local.stack import start_services, stop
from services.admin.provision.database_roles import database_roles
from shared.database.users import Privilege
from shared.runtime.service_users import (
    WITH_STORAGE,
    ProvisioningSettings,
    settings_of_service,
)
from tests.support.wire_faults import UNAUTHORIZED, Fault
from tests.support.wire_messages import Command
from tests.support.wire_proxy import wire_proxy

_FREE = frozenset(
    {
        *("hello", "isMaster", "ismaster", "ping", "buildInfo", "endSessions"),
        *("saslStart", "saslContinue", "commitTransaction", "abortTransaction", "getMore"),
    }
)
"""What needs no right; `getMore` goes on with what was allowed."""
_NEEDED = {
    "find": "find",
    "count": "find",
    "distinct": "find",
    "aggregate": "find",
    "insert": "insert",
    "update": "update",
    "delete": "remove",
    "listIndexes": "listIndexes",
    "createIndexes": "createIndex",
    "killCursors": "killCursors",
}


def with_users(environment: Mapping[str, str]) -> dict[str, str]:
    """The same registry, whose services have users that nobody else has."""
    token = uuid4().hex[:12]
    users: dict[str, str] = {}
    for service in SERVICES:
        prefix, name = service.upper(), f"test-{token}-{service}"
        users |= {
            f"{prefix}_MONGODB_USERNAME": name,
            f"{prefix}_MONGODB_PASSWORD": secrets.token_hex(16),
        }
        if service in WITH_STORAGE:
            users |= {
                f"{prefix}_MINIO_ACCESS_KEY": name,
                f"{prefix}_MINIO_SECRET_KEY": secrets.token_hex(16),
            }
    return {**environment, **users}


def provisioning_settings(environment: Mapping[str, str]) -> ProvisioningSettings:
    """Settings from these variables alone."""
    return ProvisioningSettings.model_validate(
        {name.lower(): value for name, value in environment.items()}
    )


class RoleCheck:
    """A rule of the proxy: what the role does not allow is answered Unauthorized, and kept."""

    def __init__(self, privileges: Sequence[Privilege]) -> None:
        self._allowed = {
            (each.collection, action) for each in privileges for action in each.actions
        }
        self.denied: set[str] = set()

    def __call__(self, command: Command) -> Fault | None:
        lacking = [
            action
            for action in needed(command)
            if not self._allowed & {("", action), (command.collection, action)}
        ]
        if not lacking:
            return None
        self.denied.add(f"{command.name} {command.collection}: {', '.join(lacking)}")
        return UNAUTHORIZED


def needed(command: Command) -> set[str]:
    """The actions that MongoDB asks for before it carries a command out."""
    if command.name in _FREE:
        return set()
    actions = {_NEEDED.get(command.name, f"a right for {command.name}")}
    if command.name == "update" and any(each.get("upsert") for each in command.documents):
        actions.add("insert")
    if command.name == "aggregate":
        pipeline: list[Mapping[str, Any]] = command.body["pipeline"]
        if pipeline and "$changeStream" in pipeline[0]:
            actions.add("changeStream")
    return actions


@contextmanager
def narrow_services(root: Path, environment: Mapping[str, str]) -> Generator[dict[str, str]]:
    """Run the services with users of their own, each held to its role at MongoDB.

    At the end none of them may have been denied anything.
    """
    ports = {PORT_SETTINGS[name]: str(choose_port(name, "free", None)) for name in SERVICES}
    complete = {**environment, **ports}
    provision(complete, root / "provision.log")
    makes_groups = complete.get("STORAGE_GROUPS_ALLOW_NEW") == "true"
    roles = database_roles(makes_groups=makes_groups)
    checks = {name: RoleCheck(roles[name]) for name in SERVICES}
    with ExitStack() as stack:

        def start(name: str) -> None:
            own = settings_of_service(name, complete) | {"MONGODB_URL": ways[name].url}
            start_services(root / name, own, "free", names=[name])

        ways = {
            name: stack.enter_context(
                wire_proxy(settings_of_service(name, complete)["MONGODB_URL"])
            )
            for name in SERVICES
        }
        for name, check in checks.items():
            ways[name].rules.append(check)
            stack.callback(stop, root / name, [name])
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(start, SERVICES):
                pass
        yield complete
    denied = {name: sorted(check.denied) for name, check in checks.items() if check.denied}
    assert not denied, f"the roles of services lack: {denied}"
