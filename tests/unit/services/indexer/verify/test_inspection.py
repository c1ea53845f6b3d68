"""What storage attests of an object decides whether it is verified, refuted, or must be read."""

from typing import Any

import pytest

from registry.schemas import Reason
from services.indexer.verify.inspection import compare
from shared.domain.records import ArtifactRecord
from shared.storage.objects import StoredObject
from tests.support.records import SHA256, artifact

OTHER = "b" * 64
IN_PARTS: dict[str, Any] = {"kind": "multipart", "part_size_bytes": 3, "part_count": 2}


def stored(**fields: Any) -> StoredObject:
    told: dict[str, Any] = {"size_bytes": 5, "etag": "e1", "object_version": "v1"}
    told |= {"sha256": None, "composite": None}
    return StoredObject(**(told | fields))


def judged(declared: ArtifactRecord, found: StoredObject) -> ArtifactRecord:
    result = compare(declared, found)
    assert isinstance(result, ArtifactRecord), result
    assert (result.etag, result.object_version) == ("e1", "v1"), "pinned to the exact object"
    return result


def test_a_digest_that_storage_verified_verifies_the_artifact() -> None:
    result = judged(artifact(expected_sha256=SHA256), stored(sha256=SHA256))
    assert (result.state, result.sha256, result.sha256_state) == ("verified", SHA256, "verified")


def test_storages_digest_is_taken_where_none_was_promised() -> None:
    result = judged(artifact(), stored(sha256=SHA256))
    assert (result.state, result.sha256) == ("verified", SHA256)


def test_an_object_that_nobody_attested_stays_pending_and_pinned() -> None:
    result = judged(artifact(expected_sha256=SHA256), stored())
    assert (result.state, result.sha256) == ("pending", None)


def test_digests_of_parts_verify_a_multipart_object() -> None:
    result = judged(artifact(**IN_PARTS), stored(composite="digest-2"))
    assert result.state == "verified"
    assert result.composite is not None
    assert result.composite.value == "digest-2"
    assert (result.composite.part_size_bytes, result.composite.part_count) == (3, 2)
    assert (result.sha256, result.sha256_state) == (None, None)


def test_a_claim_stays_a_claim_beside_the_composite() -> None:
    result = judged(artifact(**IN_PARTS, claimed_sha256=SHA256), stored(composite="digest-2"))
    assert (result.state, result.sha256, result.sha256_state) == ("verified", SHA256, "claimed")


@pytest.mark.parametrize("kind", ["put", "object"])
def test_a_composite_of_parts_that_nobody_planned_attests_nothing(kind: str) -> None:
    assert judged(artifact(kind=kind), stored(composite="digest-9")).state == "pending"


@pytest.mark.parametrize("size_bytes", [0, 4, 6])
def test_another_size_is_refuted_even_under_the_right_digest(size_bytes: int) -> None:
    result = compare(artifact(expected_sha256=SHA256), stored(size_bytes=size_bytes, sha256=SHA256))
    assert isinstance(result, Reason)
    assert (result.code, result.path) == ("size_mismatch", "model.bin")
    assert f"{size_bytes} bytes, 5 were" in result.detail


def test_another_digest_than_promised_is_refuted() -> None:
    result = compare(artifact(expected_sha256=SHA256), stored(sha256=OTHER))
    assert isinstance(result, Reason)
    assert (result.code, result.path) == ("digest_mismatch", "model.bin")
    assert SHA256 in result.detail
    assert OTHER in result.detail
