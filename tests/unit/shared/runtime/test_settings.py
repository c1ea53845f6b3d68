"""Settings that contradict each other are refused when a service starts."""

import pytest
from pydantic import ValidationError

from shared.runtime.settings import Settings
from tests.support.isolation import SETTINGS


def test_manifests_have_a_bucket_of_their_own() -> None:
    same = SETTINGS.model_dump() | {"minio_bucket": "models", "manifest_bucket": "models"}
    with pytest.raises(ValidationError, match="must be another bucket than MINIO_BUCKET"):
        Settings.model_validate(same)
