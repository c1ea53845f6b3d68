"""Each service is given its own users at the servers, and nothing of the others'."""

import pytest
from pydantic import ValidationError

from shared.runtime.service_users import (
    SERVICES,
    USER_SECRETS,
    USER_SETTINGS,
    WITH_STORAGE,
    ProvisioningSettings,
    settings_of_service,
    with_user,
)
from tests.support.isolation import SETTINGS

URL = "mongodb://root:a-secret@127.0.0.1:27017/?directConnection=true"
AT_SERVERS = (
    *("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"),
    *("MONGODB_USERNAME", "MONGODB_PASSWORD"),
)
ADMINISTRATOR = {
    "MINIO_ACCESS_KEY": "root",
    "MINIO_SECRET_KEY": "the root's secret",
    "MONGODB_URL": URL,
    "MINIO_BUCKET": "models",
}
USERS = {name: f"{name.lower()}-0123456789" for name in USER_SECRETS}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_its_users_and_no_secret_of_anybody_else(service: str) -> None:
    own = settings_of_service(service, {**ADMINISTRATOR, **USERS})
    assert own.keys() == ADMINISTRATOR.keys()
    if service in WITH_STORAGE:
        assert own["MINIO_ACCESS_KEY"] == f"registry-{service}"
        assert own["MINIO_SECRET_KEY"] == USERS[f"{service.upper()}_MINIO_SECRET_KEY"]
    else:
        assert own["MINIO_ACCESS_KEY"] == own["MINIO_SECRET_KEY"] == ""
    assert f"//registry-{service}:{service}_mongodb_password-0123456789@" in own["MONGODB_URL"]
    others = [each for each in SERVICES if each != service]
    text = " ".join(own.values())
    assert not any(secret in text for secret in ("the root's secret", "a-secret", *others))


def test_names_that_settings_give_users_are_theirs() -> None:
    named = {"QUERY_MINIO_ACCESS_KEY": "second", "QUERY_MONGODB_USERNAME": "third"}
    own = settings_of_service("query", {**ADMINISTRATOR, **USERS, **named})
    assert own["MINIO_ACCESS_KEY"] == "second"
    assert "//third:" in own["MONGODB_URL"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_administrators_token_goes_to_those_that_answer_users(service: str) -> None:
    own = settings_of_service(service, {**ADMINISTRATOR, "REGISTRY_ADMIN_TOKEN": "t"})
    assert ("REGISTRY_ADMIN_TOKEN" in own) == (service in ("ingest", "query"))


def test_without_users_a_service_runs_with_what_the_settings_say() -> None:
    assert settings_of_service("ingest", ADMINISTRATOR) == ADMINISTRATOR


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("mongodb://h:1/?a=b", "mongodb://u:p%40%2F@h:1/?a=b"),
        ("mongodb://x:y@h:1,i:2/db", "mongodb://u:p%40%2F@h:1,i:2/db"),
        ("mongodb+srv://x:y@h", "mongodb+srv://u:p%40%2F@h"),
    ],
)
def test_a_connection_string_gets_another_user(before: str, after: str) -> None:
    assert with_user(before, "u", "p@/") == after


def provisioning(**changes: str) -> ProvisioningSettings:
    return ProvisioningSettings.model_validate({**SETTINGS.model_dump(), **changes})


def test_a_user_without_a_secret_is_not_made() -> None:
    settings = provisioning(query_minio_secret_key="0123456789abcdef")
    assert list(settings.storage_users) == ["query"]
    assert settings.storage_users["query"].name == "registry-query"
    assert settings.database_users == {}
    assert "0123456789abcdef" not in repr(settings.storage_users)


@pytest.mark.parametrize(
    "wrong",
    [
        {"ingest_minio_secret_key": "short"},
        {"ingest_minio_access_key": "a/b"},
        {"ingest_mongodb_username": "a@b"},
        {"kafka_indexer_principal": "registry-indexer"},
        {"kafka_subscriber_principals": "User:a, b"},
    ],
)
def test_names_and_secrets_that_servers_do_not_take_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        provisioning(**wrong)


def test_the_users_settings_are_those_of_the_services_at_the_servers_they_talk_to() -> None:
    names = {
        f"{each.upper()}_{server}"
        for each in SERVICES
        for server in AT_SERVERS
        if each in WITH_STORAGE or server.startswith("MONGODB")
    }
    kafka = {each for each in USER_SETTINGS if each.startswith("KAFKA_")}
    assert names | kafka == USER_SETTINGS
    assert set(USER_SECRETS) < names
