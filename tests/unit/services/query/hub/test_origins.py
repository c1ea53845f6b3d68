"""Storage that has query's own origin would be sent the tokens of other tools' clients."""

import pytest
from structlog.testing import capture_logs

from services.query.hub.origins import warn_of_one_origin
from tests.support.isolation import SETTINGS


@pytest.mark.parametrize(
    ("query", "endpoint", "scheme", "is_one"),
    [
        ("https://registry.example/q", "registry.example", "https", True),
        ("https://registry.example", "Registry.example:443", "https", True),
        ("http://registry.example:8001", "registry.example:9000", "http", False),
        ("https://registry.example", "registry.example", "http", False),
        ("https://registry.example", "storage.example", "https", False),
    ],
)
def test_one_origin_of_both_is_warned_of(
    query: str, endpoint: str, scheme: str, is_one: bool
) -> None:
    told = {
        "query_public_url": query,
        "minio_public_endpoint": endpoint,
        "minio_public_scheme": scheme,
    }
    with capture_logs() as logs:
        assert warn_of_one_origin(SETTINGS.model_copy(update=told)) is is_one
    assert [each["log_level"] for each in logs] == (["warning"] if is_one else [])
