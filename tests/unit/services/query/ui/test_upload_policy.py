"""To which origins the upload page may send: those of the signed URLs."""

from typing import Any

import pytest

from services.query.ui.entrance import upload_pages
from shared.runtime.settings import Settings
from tests.support.isolation import SETTINGS


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, "http://minio:9000"),
        (
            {"minio_public_endpoint": "s3.example", "minio_public_scheme": "https"},
            "https://s3.example",
        ),
        (
            {"minio_public_endpoint": "s3.example", "minio_addressing": "virtual"},
            "http://s3.example http://*.s3.example",
        ),
    ],
)
def test_origins_of_storage(changes: dict[str, Any], allowed: str) -> None:
    own = {"minio_endpoint": "minio:9000", "minio_secure": False, **changes}
    settings = Settings.model_validate(SETTINGS.model_dump() | own)
    policy = upload_pages(settings).headers["content-security-policy"]
    assert f"connect-src 'self' {allowed};" in policy
