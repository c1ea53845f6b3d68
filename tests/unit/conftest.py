"""Unit tests reach no server: a socket other than the event loop's own is an error."""

import pytest
from pytest_socket import disable_socket


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Runs before pytest-socket's own hook, whose markers can allow a test more."""
    disable_socket(allow_unix_socket=True)
