"""How notebooks show answers."""

from typing import Any

import pytest

from registry.schemas import Model, Version
from registry.schemas.comparison import Comparison
from registry.schemas.html import show_version

EVIL = "<script>alert('x')</script>"
AT = "2026-01-01T00:00:00Z"
COUNTS = {"same": 0, "alike": 0, "changed": 1, "partial": 0}
ARTIFACT = {"path": EVIL, "key": "k", "size_bytes": 1, "state": "verified"}
VERSION: dict[str, Any] = {
    "id": "v",
    "model": EVIL,
    "number": 1,
    "label": EVIL,
    "state": "ready",
    "source": "upload",
    "storage_group": "models",
    "artifacts": [ARTIFACT],
    "aliases": [EVIL],
    "size_bytes": 1,
    "created_at": AT,
    "sequence": 1,
    "description": EVIL,
    "framework": EVIL,
    "metrics": {EVIL: 0.5},
    "tags": {EVIL: EVIL},
    "reasons": [{"code": EVIL, "detail": EVIL}],
}
SHOWN = [
    Version.model_validate(VERSION),
    Model.model_validate(
        {"name": EVIL, "tags": {EVIL: EVIL}, "version_count": 1, "created_at": AT, "sequence": 1}
    ),
    Comparison.model_validate(
        {
            "model": EVIL,
            "versions": [
                {"id": "a", "number": n, "state": "ready", "file_count": 1, "size_bytes": 1}
                for n in (1, 2)
            ],
            "metadata": [{"name": EVIL, "status": "changed", "values": [EVIL, {"a": EVIL}]}],
            "metadata_counts": COUNTS,
            "files": [{"path": EVIL, "status": "partial", "values": [{"size_bytes": 1}, None]}],
            "file_counts": COUNTS,
            "tensors": [
                {
                    "name": EVIL,
                    "status": "changed",
                    "values": [{"file": EVIL, "dtype": EVIL, "shape": [1]}, None],
                }
            ],
            "tensor_counts": COUNTS,
        }
    ),
]


@pytest.mark.parametrize("answer", SHOWN, ids=lambda answer: type(answer).__name__)
def test_everything_that_others_wrote_is_escaped(answer: Any) -> None:
    shown = answer._repr_html_()
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") >= 3
    assert shown.startswith("<p><b>")


def test_a_version_tells_all_that_its_page_does_of_it() -> None:
    more: dict[str, Any] = {
        "parameters": {"lr": 0.1},
        "properties": {"p": "q"},
        "size_bytes": 1536,
        "hold": {"at": AT, "by": "token:1", "reason": "law"},
        "failure": {"code": "verify_failed", "detail": "storage is away"},
    }
    shown = show_version(Version.model_validate({**VERSION, **more}))
    for name, value in (
        ("parameter lr", "0.1"),
        ("property p", "q"),
        ("size", "1.5 KiB"),
        ("created", "2026-01-01 00:00:00 UTC"),
        ("held", "by token:1 at 2026-01-01 00:00:00 UTC: law"),
        ("finding", "verify_failed storage is away"),
    ):
        assert f"<tr><td>{name}</td><td>{value}</td></tr>" in shown


def test_a_list_is_cut_and_says_so() -> None:
    files = [{**ARTIFACT, "path": f"f{n}"} for n in range(300)]
    shown = show_version(Version.model_validate({**VERSION, "artifacts": files}))
    assert "<p>100 rows more</p>" in shown
    assert "f199" in shown
    assert "f200" not in shown
