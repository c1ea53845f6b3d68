"""Each setting has a line in .env.example, and reaches the containers."""

import ast
import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from local.environment import CREDENTIAL_NAMES
from local.servers.services import PORT_SETTINGS
from shared.runtime.service_users import (
    ASKS_WHO_COMES,
    SERVICES,
    USER_SETTINGS,
    WITH_STORAGE,
    ProvisioningSettings,
)
from shared.runtime.settings import Settings

CHECKOUT = Path(__file__).parents[4]
EXAMPLE = (CHECKOUT / ".env.example").read_text(encoding="utf-8")
COMPOSE = (CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8")

FIELDS = {name.upper(): field for name, field in ProvisioningSettings.model_fields.items()}
OF_SERVICES = {name.upper() for name in Settings.model_fields}
"""All but what provisioning alone reads."""
CREDENTIALS = {"MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MONGODB_URL"}
"""What each service has of its own."""
ADMIN_TOKEN = "REGISTRY_ADMIN_TOKEN"
SEARCH_FOLDER = "QUERY_SEARCH_FOLDER"
"""In the container of query a volume."""
SIGN_IN_SECRET = "OIDC_CLIENT_SECRET"
"""By which query alone proves who it is to an issuer."""
OF_QUERY = {SEARCH_FOLDER, SIGN_IN_SECRET}
COMPOSE_VARIABLES = set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", COMPOSE))
"""What docker-compose.yml reads: `${NAME...}`."""


@dataclass(frozen=True)
class Line:
    """A variable of .env.example."""

    comment: str
    """The first line of the comment above it."""
    value: str


def documented() -> dict[str, Line]:
    found = re.findall(r"^# (.+)\n(?:# .+\n)*#?([A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE)
    return {name: Line(comment, value) for comment, name, value in found}


def docstrings() -> dict[str, str]:
    """The string below each field, which Python itself does not keep."""
    found: dict[str, str] = {}
    for part in ProvisioningSettings.__mro__:
        if issubclass(part, BaseSettings) and part is not BaseSettings:
            found |= docstrings_of(part)
    return found


def docstrings_of(part: type[BaseSettings]) -> dict[str, str]:
    (definition,) = ast.parse(inspect.getsource(part)).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name.upper()] = text
            case _:
                pass
    return found


def as_text(field: FieldInfo) -> str:
    """A default as it is written in an env file; empty where there is none."""
    if field.is_required() or field.default is None:
        return ""
    default: Any = field.default
    if isinstance(default, tuple):
        return ",".join(cast("tuple[str, ...]", default))
    return str(default).lower() if isinstance(default, bool) else f"{default}"


def passed_to_all() -> set[str]:
    """The names in docker-compose.yml's block of settings."""
    (block,) = re.findall(r"^x-settings:.*\n((?:  .*\n)+)", COMPOSE, re.MULTILINE)
    return set(re.findall(r"^  ([A-Z0-9_]+):", block, re.MULTILINE))


def passed_to(service: str) -> dict[str, str]:
    """What docker-compose.yml gives one service beside what it gives all of them."""
    (block,) = re.findall(rf"^  {service}:\n((?:    .*\n|\n)+)", COMPOSE, re.MULTILINE)
    return dict(re.findall(r"^      ([A-Z0-9_]+):(.*)$", block, re.MULTILINE))


def test_every_setting_and_every_compose_variable_is_documented_and_nothing_else() -> None:
    assert documented().keys() == FIELDS.keys() | COMPOSE_VARIABLES


@pytest.mark.parametrize("name", FIELDS)
def test_a_setting_is_described_as_in_the_code(name: str) -> None:
    assert documented()[name].comment == docstrings()[name]


@pytest.mark.parametrize("name", FIELDS)
def test_the_default_shown_is_the_real_one(name: str) -> None:
    shown, default = documented()[name].value, as_text(FIELDS[name])
    is_number = isinstance(FIELDS[name].default, float)
    assert (float(shown) == float(default)) if is_number else (shown == default)


def test_no_credential_has_a_value() -> None:
    secrets = {name for name, field in FIELDS.items() if "SecretStr" in str(field.annotation)}
    assert "REGISTRY_ADMIN_TOKEN" in secrets
    secrets |= {"MONGODB_USERNAME", "MONGODB_PASSWORD"}
    assert {name: documented()[name].value for name in secrets} == dict.fromkeys(secrets, "")


def test_a_plain_copy_of_the_example_changes_nothing() -> None:
    assert [line for line in EXAMPLE.splitlines() if line and not line.startswith("#")] == []


def test_compose_refuses_to_start_without_credentials() -> None:
    for name in CREDENTIAL_NAMES:
        uses = re.findall(rf"\$\{{{name}(.*?)\}}", COMPOSE)
        assert uses
        assert all(use.startswith(":?") for use in uses)


def test_every_setting_reaches_the_containers() -> None:
    # The addresses that the services listen on are their containers' own; on this machine they
    # are those of the published ports.
    published = {"REGISTRY_HOST", *PORT_SETTINGS.values()}
    assert published <= COMPOSE_VARIABLES
    of_all = OF_SERVICES - published - CREDENTIALS - {ADMIN_TOKEN} - OF_QUERY
    assert passed_to_all() == of_all


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_the_users_that_are_its_own_and_no_others(service: str) -> None:
    given = passed_to(service)
    asks = {ADMIN_TOKEN} if service in ASKS_WHO_COMES else set[str]()
    keeps = OF_QUERY if service == "query" else set[str]()
    assert given.keys() == CREDENTIALS | asks | keeps
    at_servers = CREDENTIALS if service in WITH_STORAGE else {"MONGODB_URL"}
    assert all(given[name].lstrip().startswith('""') for name in CREDENTIALS - at_servers)
    for told in (given[name] for name in at_servers):
        named = re.findall(r"\$\{([A-Z0-9_]+)", told)
        assert named
        assert all(name.startswith(f"{service.upper()}_") for name in named)


def test_provisioning_gets_every_user_and_an_administrators_credentials() -> None:
    given = passed_to("provision")
    assert given.keys() == USER_SETTINGS | CREDENTIALS | {ADMIN_TOKEN}
    assert "${MINIO_SECRET_KEY:?" in given["MINIO_SECRET_KEY"]
    assert "${MONGODB_PASSWORD:?" in given["MONGODB_URL"]


def test_what_compose_repeats_of_a_default_is_that_default() -> None:
    uses = re.findall(r"\$\{([A-Z0-9_]+):-([^${}]*)\}", COMPOSE)
    repeated = {(name, value) for name, value in uses if name in FIELDS}
    assert repeated == {(name, as_text(FIELDS[name])) for name, _ in repeated}
    for name, value in uses:
        if name not in FIELDS:
            assert documented()[name].value == value
