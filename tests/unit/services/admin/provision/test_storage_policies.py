"""Policies as documents; what they allow is tried on a real MinIO by the integration tests."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.admin.provision.rights import buckets_of
from services.admin.provision.storage_policies import Buckets, storage_policies
from shared.database.storage_groups import KnownGroup
from shared.runtime.service_users import ProvisioningSettings
from tests.support.isolation import SETTINGS

CLOSED = Buckets(("models", "more"), "manifests")
OPEN = Buckets(("models",), "manifests", ("ml-*", "*-group"))
SET_UP = {"s3:CreateBucket", "s3:PutBucketVersioning", "s3:PutBucketNotification"}


def statements(buckets: Buckets, service: str, effect: str = "Allow") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = storage_policies(buckets)[service]["Statement"]
    return [each for each in found if each["Effect"] == effect]


def actions(buckets: Buckets, service: str, effect: str = "Allow") -> set[str]:
    return {name for each in statements(buckets, service, effect) for name in each["Action"]}


@pytest.mark.parametrize("service", ["ingest", "query", "indexer"])
@pytest.mark.parametrize("buckets", [CLOSED, OPEN])
def test_no_right_is_given_by_a_pattern_of_actions(buckets: Buckets, service: str) -> None:
    assert not any("*" in name for name in actions(buckets, service))


@pytest.mark.parametrize("service", ["ingest", "query", "indexer"])
def test_only_the_registrys_buckets_are_named(service: str) -> None:
    for each in statements(CLOSED, service):
        for resource in each["Resource"]:
            name = resource.removeprefix("arn:aws:s3:::").removesuffix("/*")
            assert name in ("models", "more", "manifests")


@pytest.mark.parametrize("service", ["ingest", "query", "indexer"])
def test_nobody_sets_buckets_up_where_no_new_ones_are_allowed(service: str) -> None:
    assert not SET_UP & (actions(CLOSED, service) | actions(CLOSED, service, "Deny"))


def test_ingest_alone_sets_new_buckets_up_and_leaves_those_that_are_there() -> None:
    assert actions(OPEN, "ingest") >= SET_UP
    [fixed] = [each for each in statements(OPEN, "ingest", "Deny") if {*each["Action"]} >= SET_UP]
    assert set(fixed["Resource"]) == {"arn:aws:s3:::models", "arn:aws:s3:::manifests"}
    for service in ("query", "indexer"):
        assert not SET_UP & actions(OPEN, service)


def test_a_pattern_that_ends_otherwise_is_written_as_minio_reads_it_too() -> None:
    [making] = [each for each in statements(OPEN, "ingest") if "s3:CreateBucket" in each["Action"]]
    assert making["Resource"] == [
        "arn:aws:s3:::ml-*",
        "arn:aws:s3:::*-group",
        "arn:aws:s3:::*-group/",
    ]


def test_ingest_reads_and_removes_no_object() -> None:
    for buckets in (CLOSED, OPEN):
        given = actions(buckets, "ingest")
        assert not any(name.startswith(("s3:GetObject", "s3:Delete")) for name in given)


def test_query_gets_objects_and_nothing_else() -> None:
    for buckets in (CLOSED, OPEN):
        assert actions(buckets, "query") == {"s3:GetObject", "s3:GetObjectVersion"}


@pytest.mark.parametrize("service", ["ingest", "query", "indexer"])
def test_a_group_that_a_pattern_allows_is_not_named_beside_it(service: str) -> None:
    """A store bounds policies, and there may be many such groups."""
    many = Buckets(("models", *(f"ml-{number}" for number in range(100))), "manifests", ("ml-*",))
    allowed = str(statements(many, service))
    assert "arn:aws:s3:::models/*" in allowed
    assert "arn:aws:s3:::ml-*" in allowed
    assert "ml-1" not in allowed


def test_groups_that_uploads_had_made_are_left_to_the_pattern_that_allows_them() -> None:
    now = datetime.now(UTC)
    known = [
        KnownGroup("ml-attached", "ready", now),
        KnownGroup("ml-made", "ready", now, is_made=True),
        KnownGroup("once-allowed", "ready", now, is_made=True),
        KnownGroup("going", "removing", now),
        KnownGroup("coming", "intended", now, is_made=True),
    ]
    settings = ProvisioningSettings.model_validate(
        {
            **SETTINGS.model_dump(),
            "storage_groups_allow_new": True,
            "storage_groups_new_names": "ml-*",
        }
    )
    assert buckets_of(settings, known).groups == ("models", "ml-attached", "once-allowed")
