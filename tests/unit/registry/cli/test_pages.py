"""`registry open`: what it prints, and what it has a browser open."""

import json

import pytest

from tests.unit.cli_command import Command
from tests.unit.client_fake import FakeRegistry


@pytest.fixture
def opened(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a browser was asked to open; there is a version of a model in two parts."""
    with fake.blocking_client() as client:
        client.upload("risk.churn", b"w", path="m.bin", version="1.2.0")
    opened: list[str] = []
    monkeypatch.setattr("registry.cli.pages.typer.launch", opened.append)
    return opened


def test_the_page_that_is_printed_is_opened(
    command: Command, fake: FakeRegistry, opened: list[str]
) -> None:
    page = f"{fake.query_url}/ui/models/risk.churn"
    assert command("open", "risk.churn").out == f"{page}\n"
    told = command("open", "risk.churn", "1.2.0", "--json")
    assert json.loads(told.out) == {"url": f"{page}/versions/1"}
    assert opened == [page, f"{page}/versions/1"]


@pytest.mark.parametrize("named", [("nothing",), ("risk.churn", "9")])
def test_nothing_is_opened_of_what_is_not_there(
    command: Command, opened: list[str], named: tuple[str, ...]
) -> None:
    result = command("open", *named)
    assert (result.status, result.out, opened) == (3, "", [])


def test_without_a_browser_the_page_is_only_printed(command: Command, opened: list[str]) -> None:
    assert command("open", "risk.churn", "--no-browser").out
    assert opened == []
