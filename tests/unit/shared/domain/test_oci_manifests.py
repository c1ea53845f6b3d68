"""A version as an OCI artifact, byte for byte."""

import json
from datetime import UTC, datetime, timedelta, timezone

from registry.schemas import Artifact, Version
from shared.domain.oci_manifests import package_of, unconfirmed
from tests.support.records import version as record

CREATED_AT = datetime(2026, 11, 28, 19, 0, 0, 123000, tzinfo=UTC)
CONFIG_DIGEST = "sha256:cee0203d0177808ebbf15fd768c9d06da36515a9be62be1154878272815fca89"
MANIFEST_DIGEST = "sha256:f7bac197ef90e62dec83f556b51d366e8321f79865cae99481dc26ec5ba1fd65"


def artifact(path: str, **fields: object) -> Artifact:
    told = {"path": path, "key": f"m/1/{path}", "size_bytes": 5, "state": "verified"}
    return Artifact.model_validate(
        {**told, "sha256": "a" * 64, "sha256_state": "verified"} | fields
    )


def version(*artifacts: Artifact, **fields: object) -> Version:
    told = record().model_dump() | {"state": "ready", "created_at": CREATED_AT}
    found = Version.model_validate(told | fields)
    return found.model_copy(update={"artifacts": list(artifacts)})


def test_the_bytes_are_what_they_were_in_every_release() -> None:
    """Clients pin a version by this digest: changing it breaks what they wrote down."""
    package = package_of(version(artifact("größe/m.bin"), artifact("config.json")))
    assert package.config.digest == CONFIG_DIGEST
    assert package.manifest.digest == MANIFEST_DIGEST


def test_what_may_change_of_a_ready_version_is_not_in_it() -> None:
    first = package_of(version(artifact("m.bin")))
    edited = version(
        artifact("m.bin", format="safetensors", etag="e", object_version="7"),
        description="better",
        tags={"a": "b"},
        aliases=["production"],
        revision=3,
        ready_at=CREATED_AT + timedelta(hours=1),
        created_at=CREATED_AT.astimezone(timezone(timedelta(hours=2))),
    )
    assert package_of(edited) == first
    assert package_of(version(artifact("m.bin"), number=2)) != first


def test_files_that_say_something_of_weights_are_told_from_them() -> None:
    paths = ["m.safetensors", "m.GGUF", "tokenizer.model", "Config.JSON", "README.md", "vocab.txt"]
    package = package_of(version(*map(artifact, paths)))
    layers = json.loads(package.manifest.data)["layers"]
    kinds = [layer["mediaType"].split(".")[4] for layer in layers]
    assert kinds == ["v1", "v1", "v1", "config", "config", "config"]


def test_a_file_without_a_confirmed_digest_is_named() -> None:
    files = [artifact("a"), artifact("b", sha256_state="claimed"), artifact("c", sha256=None)]
    assert unconfirmed(files) == "b"
    assert unconfirmed(files[:1]) is None
    assert unconfirmed([artifact("c", sha256=None, sha256_state=None)]) == "c"
