"""Policies as documents; what they allow is tried on a real MinIO by the integration tests."""

from typing import Any

import pytest

from services.admin.provision.storage_policies import Buckets, storage_policies

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
