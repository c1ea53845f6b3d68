"""Settings that contradict each other are refused when a service starts."""

import pytest
from pydantic import ValidationError

from shared.runtime.settings import Settings
from tests.support.isolation import SETTINGS


def test_manifests_have_a_bucket_of_their_own() -> None:
    same = SETTINGS.model_dump() | {"minio_bucket": "models", "manifest_bucket": "models"}
    with pytest.raises(ValidationError, match="must be another bucket than MINIO_BUCKET"):
        Settings.model_validate(same)


@pytest.mark.parametrize("value", ["10.0.0.1", "10.0.0.0/8, 2001:db8::/32", ""])
def test_proxies_are_named_by_address_or_network(value: str) -> None:
    found = Settings.model_validate(SETTINGS.model_dump() | {"trusted_proxies": value})
    assert found.proxies == [each for each in value.split(", ") if each]


@pytest.mark.parametrize("value", ["*", "proxy.example", "10.0.0.1:80"])
def test_nobody_is_believed_by_name_and_never_everybody(value: str) -> None:
    with pytest.raises(ValidationError, match="does not appear to be"):
        Settings.model_validate(SETTINGS.model_dump() | {"trusted_proxies": value})


@pytest.mark.parametrize("value", ["https://ui.example/", "ui.example", "null", "https://*"])
def test_an_origin_is_scheme_and_host(value: str) -> None:
    with pytest.raises(ValidationError, match="must be origins"):
        Settings.model_validate(SETTINGS.model_dump() | {"cors_origins": value})


@pytest.mark.parametrize("names", ["", " , "])
def test_new_storage_groups_are_made_by_names_that_settings_say(names: str) -> None:
    named = {"storage_groups_allow_new": True, "storage_groups_new_names": names}
    with pytest.raises(ValidationError, match="must say which names"):
        Settings.model_validate(SETTINGS.model_dump() | named)


def test_names_of_new_storage_groups_alone_allow_none() -> None:
    named = {"storage_groups_allow_new": False, "storage_groups_new_names": "ml-*"}
    assert not Settings.model_validate(SETTINGS.model_dump() | named).new_group_names


@pytest.mark.parametrize(
    ("retention", "given", "life"),
    [(7 * 24 * 3600, 0, 24 * 3600), (7200, 0, 7199), (7200, 60, 60), (7200, 7199, 7199)],
)
def test_urls_of_other_tools_live_a_day_and_end_before_what_they_name(
    retention: int, given: int, life: int
) -> None:
    told = {"deletion_retention_seconds": retention, "tool_url_ttl_seconds": given}
    found = Settings.model_validate(SETTINGS.model_dump() | told)
    assert found.tool_url_life_seconds == life


def test_urls_of_other_tools_that_would_outlive_what_they_name_are_refused() -> None:
    told = {"deletion_retention_seconds": 7200, "tool_url_ttl_seconds": 7200}
    with pytest.raises(ValidationError, match="more than TOOL_URL_TTL_SECONDS"):
        Settings.model_validate(SETTINGS.model_dump() | told)
