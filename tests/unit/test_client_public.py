"""What the package promises to those who import it."""

import doctest
import importlib
import logging
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

import registry
from registry import errors
from registry._answers import error_from_problem
from tests.unit.client_fake import SECRET, FakeRegistry, times

ROOT = Path(__file__).parents[2]
PACKAGES = ("aiokafka", "anyio", "fastapi", "httpx", "motor", "pydantic", "rich", "typer")


def loaded_by(code: str) -> set[str]:
    """What a fresh interpreter has loaded after some code: our modules, others' packages."""
    code += "; import sys; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    modules = ended.stdout.split("\n")[-2].split()
    ours = {name for name in modules if name.split(".")[0] in ("registry", "services", "shared")}
    return ours | set(PACKAGES).intersection(modules)


def test_importing_the_package_loads_nothing_else() -> None:
    assert loaded_by("import registry") == {"registry"}


def test_importing_the_schemas_loads_pydantic_and_nothing_else_of_ours() -> None:
    loaded = loaded_by("import registry.schemas")
    schemas = {name for name in loaded if name.startswith("registry.schemas")}
    assert loaded - schemas == {"registry", "pydantic"}


def test_the_list_of_commands_loads_typer_alone() -> None:
    loaded = loaded_by("from registry.cli import run; run(['--help'])")
    assert loaded.intersection(PACKAGES) == {"typer"}


@pytest.mark.parametrize("arguments", [("show", "--help"), ("show",), ("nonsense",), ("config",)])
def test_a_command_that_asks_nothing_loads_neither_client_nor_schemas(
    arguments: tuple[str, ...],
) -> None:
    loaded = loaded_by(f"from registry.cli import run; run({arguments!r})")
    assert loaded.intersection(PACKAGES) == {"pydantic", "typer"}  # typer itself reads by pydantic
    assert loaded.isdisjoint(("registry.client", "registry.schemas"))


def test_every_name_loads_by_itself_in_a_fresh_interpreter() -> None:
    code = "import registry; print(*[getattr(registry, name) for name in registry.__all__])"
    assert "registry.client" in loaded_by(code)
    # The order in which modules are loaded does not change what a name means.
    code = "import registry.subscription, registry; assert callable(registry.subscribe)"
    assert "registry.subscription" in loaded_by(code)


def test_public_modules_are_found_as_attributes() -> None:
    code = "import registry; registry.errors, registry.schemas, registry.aio, registry.client"
    assert "registry.aio" in loaded_by(code)
    assert {*registry.__all__, "errors", "schemas"} <= set(dir(registry))
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = registry.nosuch  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


def test_the_import_contracts_name_every_module_but_the_schemas() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    modules = {f"registry.{module.name}" for module in pkgutil.iter_modules(registry.__path__)}
    named = [
        set(contract["forbidden_modules"])
        for contract in contracts
        if "registry.errors" in contract.get("forbidden_modules", ())
    ]
    rest = modules - {"registry.schemas", "registry.__main__"}
    assert named == [rest, rest - {"registry.kafka"}]


def test_all_lists_what_is_there_in_order() -> None:
    assert list(registry.__all__) == sorted(registry.__all__)
    for name in registry.__all__:
        assert getattr(registry, name) is not None
    public = {
        name
        for name, value in vars(registry).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("registry")
    }
    assert public == set(registry.__all__) - {"VersionState"}  # a Literal knows no module


def test_every_error_is_exported_and_drawn_in_the_tree() -> None:
    tree = errors.__doc__ or ""
    found = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and value.__module__ == errors.__name__
        if issubclass(value, Exception)
    }
    assert found
    for name, value in found.items():
        assert issubclass(value, errors.RegistryError)
        assert re.search(rf"\b{name}\b", tree), name
        assert name in registry.__all__
        assert value.__doc__


def test_everything_public_is_documented() -> None:
    for name in registry.__all__:
        value = getattr(registry, name)
        if isinstance(value, type):
            assert value.__doc__, name


@pytest.mark.parametrize(
    "module",
    [m.name for m in pkgutil.walk_packages(registry.__path__, "registry.")],
)
def test_examples_in_docstrings_run(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_the_server_packages_are_not_needed() -> None:
    loaded = loaded_by("import registry.cli, registry.client, registry.subscription")
    assert loaded.isdisjoint(("fastapi", "motor", "aiokafka", "services", "shared"))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "model_not_found", errors.NotFoundError),
        (409, "version_not_ready", errors.VersionNotReadyError),
        (409, "upload_incomplete", errors.UploadIncompleteError),
        (409, "upload_aborted", errors.UploadAbortedError),
        (409, "something_new", errors.ConflictError),
        (422, "idempotency_key_reused", errors.UploadMismatchError),
        (422, "invalid_request", errors.InvalidRequestError),
        (401, "no_token", errors.AccessDeniedError),
        (418, "teapot", errors.ServiceError),
    ],
)
def test_a_problem_becomes_the_error_of_its_code(
    status: int, code: str, kind: type[errors.ServiceError]
) -> None:
    problem = {"status": status, "code": code, "title": "T", "detail": "because"}
    error = error_from_problem(status, problem)
    assert type(error) is kind
    assert (str(error), error.code, error.status) == ("because", code, status)


def test_field_errors_are_carried() -> None:
    problem = {"code": "invalid", "detail": "no", "errors": [{"field": "a", "rule": "b"}, 5]}
    error = error_from_problem(422, problem)
    assert [(e.field, e.rule) for e in error.errors] == [("a", "b")]
    assert str(error) == "no (a: b)"


@pytest.mark.parametrize("problem", [None, [], "text", {"errors": "x"}, {"code": None}])
def test_an_answer_that_is_no_problem_document_still_says_its_status(problem: object) -> None:
    error = error_from_problem(404, problem)
    assert isinstance(error, errors.NotFoundError)
    assert "404" in str(error)


@pytest.mark.parametrize("headers", [{"x-request-id": "abc"}, {}], ids=["told", "not told"])
async def test_an_error_carries_the_id_of_its_request(headers: dict[str, str]) -> None:
    fake = FakeRegistry()
    fake.faults = [times(1, "/v1/models/", httpx.Response(404, json={}, headers=headers))]
    async with fake.client() as client:
        with pytest.raises(errors.NotFoundError) as caught:
            await client.get_version("m")
    assert caught.value.request_id == headers.get("x-request-id")


async def test_a_server_that_is_no_registry_is_told(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeRegistry()
    fake.faults = [times(1, "registry.test", httpx.Response(200, text="<html>"))]
    async with fake.client() as client:
        with pytest.raises(registry.ProtocolError, match=r"http://registry\.test did not answer"):
            await client.get_model_info("m")
        assert (await client.discover()).name == "model-registry"


async def test_a_discovery_is_asked_for_once() -> None:
    fake = FakeRegistry()
    async with fake.client() as client:
        await client.upload("m", b"w")
        await client.get_version("m")
    assert len(fake.sent("^GET /v1$")) == 1


async def test_a_long_retry_after_is_reported_and_not_waited_for() -> None:
    fake = FakeRegistry()
    fake.faults = [times(9, "query", httpx.Response(503, headers={"retry-after": "3600"}))]
    async with fake.client() as client:
        with pytest.raises(registry.UnavailableError) as caught:
            await client.get_model_info("m")
    assert caught.value.retry_after_seconds == 3600
    assert len(fake.sent("^GET /v1/models")) == 1


async def test_no_signed_url_reaches_a_log_or_a_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake = FakeRegistry()
    async with fake.client() as client:
        await client.upload("m", b"w")
        found = await client.get_downloads("m")
    assert "storage.test/m/1/model.bin" in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in repr(found)
