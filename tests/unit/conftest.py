"""Unit tests reach no server: a socket other than the event loop's own is an error."""

import os

import pytest
from hypothesis import settings
from pytest_socket import disable_socket

# Under load an example takes as long as it takes. CI tries the same examples each time; at home
# new ones are tried.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Runs before pytest-socket's own hook, whose markers can allow a test more."""
    disable_socket(allow_unix_socket=True)
