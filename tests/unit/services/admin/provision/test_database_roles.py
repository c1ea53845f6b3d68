"""The table of rights in MongoDB: whole, and no wider than the brief of each service."""

import pytest

from services.admin.provision.database_roles import database_roles
from shared.database.client import Database
from shared.database.collection import Collection

OPERATORS_ALONE = frozenset[str]()
"""Collections that no service needs."""
WRITES = {"insert", "update", "remove"}


class AnyClient:
    """Stands for the driver's client: only names are looked at."""

    def get_database(self, *_: object, **__: object) -> "AnyClient":
        return self

    def __getitem__(self, name: str) -> "Named":
        return Named(name)


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


def collections() -> set[str]:
    database = Database(AnyClient(), "metadata", 1.0)  # pyright: ignore[reportArgumentType]
    return {each.name for each in vars(database).values() if isinstance(each, Collection)}


def rights(service: str, *, makes_groups: bool = False) -> dict[str, set[str]]:
    privileges = database_roles(makes_groups=makes_groups)[service]
    return {each.collection: set(each.actions) for each in privileges}


def test_every_collection_is_somebodys_and_no_other_is_named() -> None:
    named = {name for service in database_roles(makes_groups=False) for name in rights(service)}
    assert named - {""} == collections() - OPERATORS_ALONE


def test_query_changes_nothing_but_the_last_use_of_a_token_sessions_and_the_audit() -> None:
    written = {name: actions & WRITES for name, actions in rights("query").items()}
    assert {name: actions for name, actions in written.items() if actions} == {
        "tokens": {"update"},
        "browser_sessions": {"insert", "remove"},
        "audit": {"insert", "update"},
    }


def test_the_indexer_sees_no_token() -> None:
    assert not {"tokens", "audit"} & rights("indexer").keys()


@pytest.mark.parametrize("service", ["query", "indexer"])
def test_secrets_of_webhooks_are_read_by_who_makes_them_and_who_signs_alone(service: str) -> None:
    assert "webhook_secrets" not in rights(service)


def test_the_notifier_changes_no_model_no_version_and_no_token() -> None:
    written = {name for name, actions in rights("notifier").items() if actions & WRITES}
    assert written == {"subscriptions", "deliveries", "delivery_queues", "outbox", "audit"}


@pytest.mark.parametrize("service", ["ingest", "query"])
def test_whoever_answers_users_forgets_nothing_of_the_audit(service: str) -> None:
    assert "remove" not in rights(service)["audit"]


@pytest.mark.parametrize("service", ["ingest", "query", "indexer"])
def test_nobody_removes_a_version_a_model_or_an_index(service: str) -> None:
    found = rights(service)
    assert "remove" not in found["versions"] | found["models"]
    assert not {"dropIndex", "createIndex", "dropCollection"} & set[str]().union(*found.values())


def test_ingest_changes_storage_groups_only_where_it_may_make_them() -> None:
    assert rights("ingest")["storage_groups"] == {"find"}
    assert rights("ingest", makes_groups=True)["storage_groups"] >= WRITES
    for service in ("query", "indexer"):
        assert rights(service) == rights(service, makes_groups=True)
