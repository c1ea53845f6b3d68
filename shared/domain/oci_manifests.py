"""A version as an OCI artifact: the manifest that names its files, and its config.

Both follow ModelPack (https://github.com/modelpack/model-spec), and say only what never changes of
a ready version: a client pins a manifest by the digest of its bytes. So these bytes must stay as
they are, from release to release.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from registry.schemas import Artifact, Version

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
ARTIFACT_TYPE = "application/vnd.cncf.model.manifest.v1+json"
CONFIG_TYPE = "application/vnd.cncf.model.config.v1+json"
WEIGHT_TYPE = "application/vnd.cncf.model.weight.v1.raw"
WEIGHT_CONFIG_TYPE = "application/vnd.cncf.model.weight.config.v1.raw"
_CONFIG_ENDINGS = (
    *(".json", ".jsonl", ".txt", ".md", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".jinja"),
    *(".jinja2", ".py", ".csv", ".tsv", ".xml", ".license"),
)
"""Of files that say something of weights; all others are taken for weights."""
_TITLE = "org.opencontainers.image.title"
_FILE_PATH = "org.cncf.model.filepath"


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that a client asks for by their digest."""

    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        """As OCI writes it."""
        return f"sha256:{hashlib.sha256(self.data).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Package:
    """What is made up for a version; its files lie in storage."""

    manifest: Content
    config: Content


def unconfirmed(artifacts: Sequence[Artifact]) -> str | None:
    """Return the path of a file whose SHA-256 nobody confirmed yet; None where there is none."""
    return next((each.path for each in artifacts if each.sha256_state != "verified"), None)


def package_of(version: Version) -> Package:
    """Return manifest and config of a version, every SHA-256 of which is confirmed."""
    layers = [_layer(each) for each in version.artifacts]
    created_at = version.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    config = _content(
        CONFIG_TYPE,
        {
            "descriptor": {
                "createdAt": created_at,
                "name": version.model,
                "version": str(version.number),
            },
            "config": {},
            "modelfs": {"type": "layers", "diffIds": [each["digest"] for each in layers]},
        },
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": ARTIFACT_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": config.digest, "size": len(config.data)},
        "layers": layers,
    }
    return Package(_content(MANIFEST_TYPE, manifest), config)


def _layer(artifact: Artifact) -> dict[str, object]:
    is_config = artifact.path.lower().endswith(_CONFIG_ENDINGS)
    return {
        "mediaType": WEIGHT_CONFIG_TYPE if is_config else WEIGHT_TYPE,
        "digest": f"sha256:{artifact.sha256}",
        "size": artifact.size_bytes,
        "annotations": {_TITLE: artifact.path, _FILE_PATH: artifact.path},
    }


def _content(media_type: str, document: object) -> Content:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Content(media_type, text.encode())
