"""Files of the page: what is vendored is what its manifest says, and nothing else is there."""

import hashlib
import json
from typing import Any

from services.query.ui.assets import FOLDER, assets, served

OWN = {
    *("page.css", "icon.svg", "page.js", "live.js", "complete.js"),
    *("upload.js", "upload_files.js", "upload_kept.js", "upload_registry.js", "upload_transfer.js"),
    *("upload_chosen.js", "upload_hasher.js", "upload_signing.js"),
}
MANIFEST: list[dict[str, Any]] = json.loads((FOLDER / "vendored.json").read_text("utf-8"))


def test_what_is_vendored_is_as_its_manifest_says() -> None:
    for each in MANIFEST:
        assert hashlib.sha256((FOLDER / each["file"]).read_bytes()).hexdigest() == each["sha256"]
        assert each["version"] in each["source"]
        assert each["licence"]
        assert (FOLDER / each["licence_file"]).read_text("utf-8").strip()


def test_every_file_is_ours_or_in_the_manifest() -> None:
    vendored = {each[key] for each in MANIFEST for key in ("file", "licence_file")}
    assert {path.name for path in FOLDER.iterdir()} == OWN | vendored | {"vendored.json"}


def test_a_served_name_has_the_digest_of_its_content() -> None:
    for name, asset in assets().items():
        digest = hashlib.sha256(asset.content).hexdigest()[:16]
        stem, _, suffix = name.rpartition(".")
        assert asset.served_name == f"{stem}.{digest}.{suffix}"
        assert served()[asset.served_name] is asset
