"""Which file may refer to the bytes of another one, and what it then says of itself."""

import pytest

from shared.domain.blobs import bytes_of, copied, referring, without_locations
from tests.support.records import SHA256, artifact, version

THERE = artifact(
    "weights.safetensors",
    state="verified",
    sha256=SHA256,
    sha256_state="verified",
    etag="e",
    object_version="v1",
    format="safetensors",
    references=2,
)


@pytest.mark.parametrize(
    ("path", "may"),
    [
        ("other.safetensors", True),
        ("folder/OTHER.SAFETENSORS", True),
        (".safetensors", True),
        ("folder/.safetensors", True),
        ("weights.bin", False),  # it would not have been checked as a safetensors file
        ("weights", False),
        ("folder.safetensors/weights", False),
    ],
)
def test_the_ending_decides_what_was_checked(path: str, *, may: bool) -> None:
    assert (bytes_of(artifact(path), SHA256) == bytes_of(THERE, SHA256)) is may


def test_a_file_has_the_bytes_of_another_only_where_it_has_their_size() -> None:
    assert bytes_of(artifact("a.safetensors", size_bytes=6), SHA256) != bytes_of(THERE, SHA256)


def test_a_file_refers_to_where_the_bytes_lie_and_not_to_who_refers_there_too() -> None:
    first = referring(artifact("a.safetensors", key="m/2/a.safetensors"), THERE)
    assert (first.location, first.state, first.references) == (THERE.key, "verified", 0)
    assert (first.key, first.object_version) == ("m/2/a.safetensors", "v1")
    assert referring(artifact("b.safetensors"), first).location == THERE.key
    assert copied(first).location == THERE.key


def test_a_version_that_never_became_ready_refers_to_nothing() -> None:
    found = without_locations(version(referring(artifact(), THERE), artifact("b.bin")))
    assert [each.location for each in found.artifacts] == [None, None]
    assert found.artifacts[0].state == "pending"
