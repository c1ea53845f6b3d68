"""Versions as programs print them."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from local.programs import versions
from local.programs.versions import Version, find_program, parse_version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ('openjdk version "17.0.15" 2025-04-15', (17, 0, 15)),
        ('java version "1.8.0_402"', (1, 8, 0)),
        ('openjdk version "25" 2025-09-16', (25,)),
        ("db version v7.0.14", (7, 0, 14)),
        ("no number at all", None),
    ],
)
def test_the_first_dotted_number_is_the_version(text: str, expected: Version | None) -> None:
    assert parse_version(text) == expected


@pytest.mark.parametrize(
    ("found", "accepted"),
    [((17,), True), ((17, 0, 15), True), ((25,), True), ((1, 8, 0), False), (None, False)],
)
def test_a_program_is_taken_when_it_is_new_enough(
    monkeypatch: pytest.MonkeyPatch, found: Version | None, accepted: bool
) -> None:
    monkeypatch.setattr(versions.shutil, "which", Mock(return_value="/somewhere/java"))
    monkeypatch.setattr(versions, "program_version", Mock(return_value=found))
    expected = Path("/somewhere/java") if accepted else None
    assert find_program("java", (17,), "-version") == expected


def test_a_program_that_is_not_there_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions.shutil, "which", Mock(return_value=None))
    assert find_program("java", (17,), "-version") is None
