"""`registry audit`: times as it takes them, and which registry it asks."""

from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest
import typer

from registry.cli.audit import read_moment
from tests.unit.cli_command import Command
from tests.unit.client_fake import URL, FakeRegistry

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("24h", NOW - timedelta(days=1)),
        ("7d", NOW - timedelta(days=7)),
        ("90s", NOW - timedelta(seconds=90)),
        ("2026-11-28", datetime(2026, 11, 28, tzinfo=UTC)),
        ("2026-11-28T09:30:00Z", datetime(2026, 11, 28, 9, 30, tzinfo=UTC)),
        ("2026-11-28T09:30:00", datetime(2026, 11, 28, 9, 30, tzinfo=UTC)),
        (
            "2026-11-28T09:30:00+02:00",
            datetime(2026, 11, 28, 9, 30, tzinfo=timezone(timedelta(hours=2))),
        ),
    ],
)
def test_a_time_is_read(text: str, moment: datetime) -> None:
    assert read_moment("--since", text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "7w", "d", "-1d", "999999d", "2026-13-01"])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="--since takes a time"):
        read_moment("--since", text, NOW)


def test_without_a_text_there_is_no_bound() -> None:
    assert read_moment("--since", None) is None


def test_the_registry_is_the_one_that_every_command_takes(
    command: Command, fake: FakeRegistry
) -> None:
    def nothing(request: httpx.Request) -> httpx.Response | None:
        is_audit = request.url.path == "/v1/audit"
        return httpx.Response(200, json={"items": []}) if is_audit else None

    fake.faults.append(nothing)
    assert command("audit").status == 0
    assert fake.sent("^GET /v1/audit")
    assert str(fake.requests[0].url).startswith(URL), "REGISTRY_URL names it"
