"""Provisioning on the real servers: repeatable, rotating, verified by services without rights."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from pydantic import SecretStr
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from local.processes.state import SERVICES
from services.admin.operator import open_operator
from services.admin.provision.provision import plan_provision, provision
from shared.database.client import Database, open_database
from shared.database.collection import Document
from shared.database.errors import DatabaseUnavailable
from shared.domain.errors import Conflict
from shared.runtime.service_users import WITH_STORAGE, user_of
from shared.runtime.settings import Settings
from shared.storage.adapter import open_storage
from shared.storage.connection import StorageUnavailable
from shared.storage.groups import NotProvisioned
from tests.integration.provisioned import Registry, opened_registry
from tests.support.narrow import provisioning_settings, with_users
from tests.support.servers import Addresses

READERS = ("ingest", "indexer")
"""The services that look at buckets."""


@pytest.fixture
async def registry(addresses: Addresses) -> AsyncIterator[Registry]:
    async with opened_registry(addresses) as opened:
        yield opened


async def reads_storage(settings: Settings) -> bool:
    """Whether storage knows these credentials."""
    async with open_storage(settings) as storage:
        try:
            return await storage.buckets.exists(settings.minio_bucket)
        except StorageUnavailable as error:
            if not error.is_denied:
                raise
            return False


async def reads_database(settings: Settings) -> bool:
    """Whether the database knows these credentials."""
    async with open_database(settings) as database:
        try:
            await database.ping()
        except DatabaseUnavailable as error:
            if not error.is_refused:
                raise
            return False
    return True


async def test_it_may_be_repeated_and_tells_what_there_is(registry: Registry) -> None:
    settings = registry.operator.settings
    first = await provision(registry.operator)
    assert await provision(registry.operator) == first
    assert first.buckets == [settings.manifest_bucket, settings.minio_bucket]
    assert list(first.storage_users) == list(WITH_STORAGE)
    assert list(first.database_users) == list(SERVICES)
    assert first.missing_indexes == ""
    secrets = [user.secret for user in settings.storage_users.values()]
    assert not any(secret in first.model_dump_json() for secret in secrets)


@pytest.mark.parametrize("service", READERS)
async def test_a_service_without_rights_finds_all_as_it_must_be(
    registry: Registry, service: str
) -> None:
    async with registry.groups_of(service) as groups:
        await groups.prepare()
        assert await groups.knows(registry.operator.settings.minio_bucket)


@pytest.mark.parametrize("service", READERS)
async def test_a_service_says_what_is_missing_and_which_command_mends_it(
    addresses: Addresses, service: str
) -> None:
    async with opened_registry(addresses) as registry:
        named = f"test-{uuid4().hex[:12]}"
        changed = {**registry.environment, "STORAGE_GROUPS": named}
        async with registry.groups_of(service, storage_groups=named) as groups:
            with pytest.raises(NotProvisioned) as caught:
                await groups.prepare()
            assert named in caught.value.waits_for
            assert "python -m services.admin provision" in caught.value.waits_for
            operator = replace(registry.operator, settings=provisioning_settings(changed))
            async with open_operator(operator.settings) as anew:
                await provision(anew)
            await groups.prepare()


@pytest.mark.parametrize(
    ("flaw", "told"),
    [("events", "it sends no events"), ("versions", "it keeps no object versions")],
)
async def test_what_somebody_changed_of_a_bucket_is_told_and_a_start_with_rights_mends_it(
    registry: Registry, flaw: str, told: str
) -> None:
    bucket = {"Bucket": registry.operator.settings.minio_bucket}
    if flaw == "events":
        registry.s3.put_bucket_notification_configuration(**bucket, NotificationConfiguration={})
    else:
        suspended = {"Status": "Suspended"}
        registry.s3.put_bucket_versioning(**bucket, VersioningConfiguration=suspended)
    async with registry.groups_of("indexer") as groups:
        with pytest.raises(NotProvisioned, match=told):
            await groups.prepare()
        await registry.operator.groups.prepare()  # as a service does that has all rights
        await groups.prepare()


async def test_a_service_with_an_administrators_credentials_needs_no_provisioning(
    addresses: Addresses,
) -> None:
    async with opened_registry(addresses, provisioned=False) as registry:
        groups = registry.operator.groups
        await groups.prepare()
        assert await groups.all() == [registry.operator.settings.minio_bucket]


async def test_users_are_rotated_one_beside_the_other_and_the_old_ones_retired(
    registry: Registry,
) -> None:
    before = {name: registry.service(name) for name in SERVICES}
    renewed = with_users(registry.environment)
    async with open_operator(provisioning_settings(renewed)) as operator:
        await provision(operator)
        after = {name: Registry(renewed, operator).service(name) for name in SERVICES}
        for settings in (before["ingest"], after["ingest"]):
            assert await reads_storage(settings), "both work until the old one goes"
            assert await reads_database(settings)
        old = [user.name for user in registry.operator.settings.storage_users.values()]
        report = await provision(operator, retire=[*old, "nobody-is-called-so"])
        assert report.retired == old
    assert await reads_storage(after["ingest"])
    assert await reads_database(after["query"])
    assert not await reads_storage(before["ingest"])
    assert not await reads_database(before["query"])


@pytest.mark.parametrize("made", ["createRole", "createUser"])
async def test_a_user_that_another_provisioning_makes_at_this_moment_is_made_once(
    addresses: Addresses, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    async with opened_registry(addresses, provisioned=False) as registry:
        command = Database.command

        async def overtaken(self: Database, of: str, said: Mapping[str, object]) -> Document:
            if made in said:
                monkeypatch.undo()
                await provision(registry.operator)
            return await command(self, of, said)

        monkeypatch.setattr(Database, "command", overtaken)
        await provision(registry.operator)
        assert await reads_database(registry.service("ingest"))


async def test_a_secret_that_changes_under_one_name_is_the_new_one(registry: Registry) -> None:
    before = registry.service("ingest")
    changed = {**registry.environment, "INGEST_MINIO_SECRET_KEY": uuid4().hex}
    async with open_operator(provisioning_settings(changed)) as operator:
        await provision(operator)
    assert not await reads_storage(before)
    assert await reads_storage(Registry(changed, registry.operator).service("ingest"))


async def test_a_user_that_settings_name_is_not_retired(registry: Registry) -> None:
    name = registry.operator.settings.storage_users["query"].name
    with pytest.raises(Conflict, match=name):
        await provision(registry.operator, retire=[name])
    assert await reads_database(registry.service("query"))


@asynccontextmanager
async def renewed(registry: Registry, **changes: str) -> AsyncGenerator[Registry]:
    """The same registry under other settings, which are not provisioned yet."""
    environment = {**registry.environment, **changes}
    async with open_operator(provisioning_settings(environment)) as operator:
        yield Registry(environment, operator)


async def refusal(registry: Registry, retire: Sequence[str] = ()) -> str:
    """The code with which provisioning refuses to begin."""
    with pytest.raises(Conflict) as caught:
        await provision(registry.operator, retire=retire)
    return caught.value.code


@pytest.mark.parametrize("server", ["MINIO", "MONGODB"])
async def test_a_user_of_one_server_is_replaced_alone(registry: Registry, server: str) -> None:
    """The other server has a user of the same name, as by default, which stays."""
    name = registry.operator.settings.storage_users["ingest"].name
    assert name == registry.operator.settings.database_users["ingest"].name
    before = registry.service("ingest")
    setting, secret = {
        "MINIO": ("INGEST_MINIO_ACCESS_KEY", "INGEST_MINIO_SECRET_KEY"),
        "MONGODB": ("INGEST_MONGODB_USERNAME", "INGEST_MONGODB_PASSWORD"),
    }[server]
    async with renewed(registry, **{setting: f"{name}-2", secret: uuid4().hex}) as anew:
        report = await provision(anew.operator, retire=[name])
        assert report.retired == [name]
        after = anew.service("ingest")
        assert await reads_storage(after)
        assert await reads_database(after)
    assert await reads_storage(before) == (server == "MONGODB")
    assert await reads_database(before) == (server == "MINIO")


async def test_a_removal_that_was_cut_off_is_gone_on_with(registry: Registry) -> None:
    name = f"test-{uuid4().hex}"
    users = registry.operator.storage_users
    policy = await users.policy(registry.operator.settings.storage_users["query"].name)
    assert policy is not None
    await users.put_policy(name, policy)  # the user is gone already
    report = await provision(registry.operator, retire=[name])
    assert report.retired == [name]
    assert await users.policy(name) is None


def allowed(policy: Mapping[str, Any] | None) -> list[tuple[str, list[str], list[str]]]:
    """What a policy says; MinIO tells actions and resources in any order."""
    assert policy is not None
    return [
        (each["Effect"], sorted(each["Action"]), sorted(each["Resource"]))
        for each in policy["Statement"]
    ]


async def test_a_user_of_minio_that_is_somebody_elses_is_neither_changed_nor_removed(
    registry: Registry, addresses: Addresses
) -> None:
    async with opened_registry(addresses) as other:
        theirs = other.operator.settings.storage_users["query"].name
        users = registry.operator.storage_users
        policy = allowed(await users.policy(theirs))
        async with renewed(registry, INGEST_MINIO_ACCESS_KEY=theirs) as taking:
            assert await refusal(taking) == "user_foreign"
        assert await refusal(registry, retire=[theirs]) == "user_foreign"
        assert allowed(await users.policy(theirs)) == policy
        assert await reads_storage(other.service("ingest"))


@pytest.mark.parametrize("policy", ["readwrite", "consoleAdmin"])
async def test_a_policy_that_minio_came_with_is_no_user_of_ours(
    registry: Registry, policy: str
) -> None:
    before = await registry.operator.storage_users.policy(policy)
    async with renewed(registry, QUERY_MINIO_ACCESS_KEY=policy) as taking:
        assert await refusal(taking) == "user_foreign"
    assert await refusal(registry, retire=[policy]) == "user_foreign"
    assert await registry.operator.storage_users.policy(policy) == before


async def test_a_user_of_mongodb_that_is_somebody_elses_is_neither_changed_nor_removed(
    registry: Registry, addresses: Addresses
) -> None:
    async with opened_registry(addresses) as other:
        theirs = other.operator.settings.database_users["indexer"].name
        async with renewed(registry, QUERY_MONGODB_USERNAME=theirs) as taking:
            assert await refusal(taking) == "user_foreign"
        assert await refusal(registry, retire=[theirs]) == "user_foreign"
        assert await reads_database(other.service("indexer"))


@pytest.mark.parametrize("setting", ["INGEST_MINIO_ACCESS_KEY", "INGEST_MONGODB_USERNAME"])
async def test_two_services_have_no_user_in_common(registry: Registry, setting: str) -> None:
    theirs = registry.environment[setting.replace("INGEST", "QUERY")]
    async with renewed(registry, **{setting: theirs}) as sharing:
        assert await refusal(sharing) == "user_shared"


async def test_the_administrator_is_no_services_user_and_is_not_removed(
    registry: Registry,
) -> None:
    root = registry.environment["MINIO_ACCESS_KEY"]
    admin = user_of(registry.environment["MONGODB_URL"])
    async with renewed(registry, INGEST_MINIO_ACCESS_KEY=root) as taking:
        assert await refusal(taking) == "user_shared"
    assert await registry.operator.storage_users.policy(root) is None
    if admin is None:
        pytest.skip("this server asks nobody who they are")
    async with renewed(registry, INGEST_MONGODB_USERNAME=admin) as taking:
        assert await refusal(taking) == "user_shared"
    await provision(registry.operator, retire=[root, admin])
    await provision(registry.operator)


async def test_a_plan_has_every_right_and_changes_nothing(addresses: Addresses) -> None:
    async with opened_registry(addresses, provisioned=False) as registry:
        plan = await plan_provision(registry.operator)
        assert list(plan.policies) == list(WITH_STORAGE)
        assert list(plan.roles) == list(SERVICES)
        assert registry.operator.settings.minio_bucket in str(plan.policies["query"])
        assert not await registry.operator.storage.buckets.exists(
            registry.operator.settings.minio_bucket
        )
        assert not await reads_storage(registry.service("ingest"))


async def test_a_store_without_an_admin_api_is_told_apart(
    addresses: Addresses,
) -> None:
    async def answer(_: web.Request) -> web.Response:
        error = "<Error><Code>NoSuchBucket</Code><Message>minio</Message></Error>"
        return web.Response(text=error, status=404, content_type="application/xml")

    application = web.Application()
    application.router.add_route("*", "/minio/admin/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        async with opened_registry(addresses, provisioned=False) as registry:
            other = registry.operator.settings.model_copy(
                update={"minio_endpoint": f"{host}:{port}"}
            )
            async with open_operator(other) as elsewhere:
                mixed = replace(registry.operator, storage_users=elsewhere.storage_users)
                with pytest.raises(Conflict, match="--dry-run") as caught:
                    await provision(mixed)
        assert caught.value.code == "no_admin_api"
    finally:
        await runner.cleanup()


DENIED: Mapping[str, tuple[str, ...]] = {
    "create an index": SERVICES,
    "drop a collection": SERVICES,
    "make a user": SERVICES,
    "read another database": SERVICES,
}
"""What SecantusDB can refuse, which looks at databases and not at collections."""


@pytest.mark.parametrize("name", DENIED)
@pytest.mark.parametrize("service", SERVICES)
async def test_mongodb_refuses_what_no_role_gives(
    registry: Registry, service: str, name: str
) -> None:
    url = registry.service(service).mongodb_url.get_secret_value()
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(url)
    versions = client[registry.operator.settings.mongodb_db]["versions"]
    operations = {
        "create an index": lambda: versions.create_index("absent"),
        "drop a collection": lambda: versions.drop(),
        "make a user": lambda: client.admin.command("createUser", "x", pwd="x", roles=["root"]),
        "read another database": lambda: client["another"]["models"].find_one(),
    }
    if service not in DENIED[name]:
        pytest.skip("a role gives it on some collection")
    if "@" not in registry.environment["MONGODB_URL"]:
        pytest.skip("this server asks nobody who they are")
    try:
        with pytest.raises(OperationFailure) as caught:
            await operations[name]()
        assert caught.value.code == 13
    finally:
        await client.close()


async def test_an_unknown_password_is_refused(registry: Registry) -> None:
    url = registry.service("query").mongodb_url.get_secret_value()
    wrong = url.replace("@", "x@")
    settings = registry.service("query", mongodb_url=SecretStr(wrong))
    assert not await reads_database(settings)
