"""One set of servers for the whole run, however many workers take part.

The process that the user started owns the servers: it starts them once the tests are collected,
where any of them needs servers, and stops them at the end, also after failures. Workers of
pytest-xdist read the addresses from a file.
"""

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
import structlog

from local.processes import supervisor
from tests.support.forked import start_service
from tests.support.servers import Addresses, running_servers

ROOT = "TEST_SERVERS_ROOT"
"""Environment variable that tells workers the folder of the run."""
OWN = pytest.StashKey[ExitStack]()
_EARLY = (
    *("test_admin_replay.py", "test_replay_of_lives.py", "test_session_races.py", "_rebuilt_"),
    *("e2e/test_audit.py", "e2e/test_webhooks.py"),
)
"""Tests whose time grows with the topic and the collections, by parts of their names."""
WITHOUT = ("tests/unit/", "tests/faults/", "tests/processes/")
"""Folders whose tests need none of these servers: the last two have their own, to stop."""


@pytest.fixture
def model() -> str:
    """A model that no other test knows."""
    return f"model-{uuid4().hex[:12]}"


def pytest_configure(config: pytest.Config) -> None:
    # Its default for exceptions prints local variables, which takes seconds.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.stdlib.add_log_level, plain])
    _forget_the_users_registries()
    supervisor.start_process = start_service
    if _is_worker(config):
        return
    stack = config.stash[OWN] = ExitStack()
    root = Path(tempfile.mkdtemp(prefix="registry-tests-"))
    stack.callback(shutil.rmtree, root, ignore_errors=True)
    os.environ[ROOT] = str(root)
    os.environ["XDG_CONFIG_HOME"] = str(root / "config")
    os.environ["REGISTRY_CACHE"] = str(root / "cache")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the end is in order


def pytest_unconfigure(config: pytest.Config) -> None:
    if (stack := config.stash.get(OWN, None)) is not None:
        stack.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--clients",
        choices=("newest", "all"),
        default="newest",
        help="which versions of other people's clients are run",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if config.getoption("--clients") == "newest" and item.get_closest_marker("old_client"):
            item.add_marker(pytest.mark.skip(reason="old clients: --clients=all"))
        if "addresses" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.servers)
    # What is replayed is all that the tests of a run have made so far: it is least at the start.
    items.sort(key=lambda item: not any(each in item.nodeid for each in _EARLY))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Without workers: the tests are known here."""
    config = session.config
    if not _is_worker(config) and not config.option.collectonly:
        _start_where_needed(config, [item.nodeid for item in session.items])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: object, ids: Sequence[str]) -> None:
    """With workers: each tells its tests before any is run."""
    config: pytest.Config = getattr(node, "config")  # noqa: B009 - xdist has no types
    _start_where_needed(config, ids)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio, as the services do."""
    return "asyncio"


@pytest.fixture(scope="session")
def addresses() -> Addresses:
    """Where the servers are, as settings."""
    return json.loads(_addresses_file().read_text(encoding="utf-8"))


def _forget_the_users_registries() -> None:
    """Have clients and commands under test find no registry of whoever runs the tests."""
    for name in ("REGISTRY_URL", "REGISTRY_TOKEN", "REGISTRY_ORIGINS"):
        os.environ.pop(name, None)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _addresses_file() -> Path:
    return Path(os.environ[ROOT]) / "addresses.json"


def _start_where_needed(config: pytest.Config, ids: Sequence[str]) -> None:
    if _addresses_file().exists() or all(name.startswith(WITHOUT) for name in ids):
        return
    reporter = config.pluginmanager.get_plugin("terminalreporter")

    def say(text: str) -> None:
        if reporter is not None:
            reporter.write_line(text)

    try:
        found = config.stash[OWN].enter_context(running_servers(Path(os.environ[ROOT]), say))
    except Exception as error:
        pytest.exit(f"the tests have no servers: {error}", returncode=1)
    _addresses_file().write_text(json.dumps(dict(found)), encoding="utf-8")
