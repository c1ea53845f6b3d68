"""Unit tests reach no server: a socket other than the event loop's own is an error."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from pytest_socket import disable_socket

from registry.cli import run
from tests.unit.cli_command import Command, Result
from tests.unit.client_fake import FakeRegistry
from tests.unit.storage_fake import serving

# Under load an example takes as long as it takes. CI tries the same examples each time; at home
# new ones are tried.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Runs before pytest-socket's own hook, whose markers can allow a test more."""
    disable_socket(allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _of_no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know no registry: end-to-end tests before, in the same process, may have set these."""
    for name in ("REGISTRY_URL", "REGISTRY_TOKEN", "REGISTRY_ORIGINS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command `registry`, run in this process."""

    def call(*arguments: str) -> Result:
        status = run(arguments)
        out, err = capsys.readouterr()
        return Result(status, out, err)

    return call


@pytest.fixture
def serving_fake(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRegistry]:
    """A registry in memory whose storage answers at 127.0.0.1, as downloads need it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(FakeRegistry()) as fake:
        yield fake
