"""Records of versions for unit tests."""

from typing import Any

from shared.domain.records import ArtifactRecord, VersionRecord, utc_now

SHA256 = "a" * 64


def artifact(path: str = "model.bin", **fields: Any) -> ArtifactRecord:
    """A declared artifact of five bytes."""
    declared = {"path": path, "key": f"churn/1/{path}", "size_bytes": 5, "kind": "put"}
    return ArtifactRecord.model_validate(declared | fields)


def version(*artifacts: ArtifactRecord, **fields: Any) -> VersionRecord:
    """A pending version."""
    pending = {
        "id": "v",
        "model": "churn",
        "number": 1,
        "source": "upload",
        "storage_group": "models",
        "artifacts": artifacts or (artifact(),),
        "size_bytes": 5,
        "created_at": utc_now(),
    }
    return VersionRecord.model_validate(pending | fields)
