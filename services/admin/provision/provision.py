"""The provisioning step: buckets, indexes, and a narrow user at each server for each service.

It runs with the credentials of an administrator, before the services start, and may be repeated:
what is there is brought to what the settings say.
"""

from collections.abc import Sequence

from aiokafka.errors import SecurityDisabled

from services.admin.operator import Operator
from services.admin.provision.database_roles import database_roles
from services.admin.provision.kafka_rights import give_kafka_rights
from services.admin.provision.ownership import MONGODB, require_names_of_their_own, require_ours
from services.admin.provision.report import ProvisionPlan, ProvisionReport
from services.admin.provision.retirement import require_replaced
from services.admin.provision.retirement import retire as retire_user
from services.admin.provision.rights import (
    buckets_of,
    give_storage_rights,
    make_database_users,
    make_storage_users,
    told_refusals,
)
from services.admin.provision.storage_policies import storage_policies
from shared.database.audit import keep_retention
from shared.database.indexes import IndexesMissing, verify_indexes
from shared.database.storage_groups import known_groups


async def provision(operator: Operator, *, retire: Sequence[str] = ()) -> ProvisionReport:
    """Make what the services need and may not make themselves; remove users that are replaced.

    Raises Conflict, and the storage, database and Kafka errors; what was made until then stays.
    """
    # 0. Nobody else's user is touched.
    require_names_of_their_own(operator.settings)
    with told_refusals():
        await require_replaced(operator, retire)
    await require_ours(MONGODB, operator)
    # 1. The buckets, and the indexes that take no time.
    await operator.groups.prepare()
    groups = await known_groups(operator.database)
    missing = await _build_indexes(operator)
    await keep_retention(operator.database, operator.settings.audit_retention_days)
    # 2. The users: a policy is there before whoever has it.
    await give_storage_rights(operator)
    storage_users = await make_storage_users(operator)
    database_users = await make_database_users(operator)
    kafka = await _give_kafka_rights(operator)
    # 3. Those that nobody uses any more.
    return ProvisionReport(
        buckets=[
            operator.settings.manifest_bucket,
            *(each.bucket for each in groups if each.is_ours),
        ],
        storage_users=storage_users,
        database_users=database_users,
        kafka_rights=kafka,
        missing_indexes=missing,
        retired=[name for name in retire if await retire_user(operator, name)],
    )


async def plan_provision(operator: Operator) -> ProvisionPlan:
    """Return the rights that provisioning would give, and change nothing."""
    settings = operator.settings
    roles = database_roles(makes_groups=bool(settings.new_group_names))
    policies = storage_policies(buckets_of(settings, await known_groups(operator.database)))
    return ProvisionPlan(
        policies=dict(policies),
        roles={
            service: [each.of(settings.mongodb_db) for each in privileges]
            for service, privileges in roles.items()
        },
    )


async def _give_kafka_rights(operator: Operator) -> list[str]:
    try:
        return await give_kafka_rights(operator.settings)
    except SecurityDisabled:
        return ["none are given: Kafka asks nobody who they are (it has no authorizer)"]


async def _build_indexes(operator: Operator) -> str:
    try:
        await verify_indexes(operator.database)
    except IndexesMissing as error:
        return error.detail
    return ""
