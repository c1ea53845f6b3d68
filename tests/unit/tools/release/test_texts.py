"""What a release changes in the project's files, and what it refuses."""

from datetime import date
from pathlib import Path

import pytest

from tools.release.errors import ReleaseError
from tools.release.texts import (
    close_unreleased,
    parse_version,
    project_of,
    set_locked_version,
    set_project_version,
)

CHECKOUT = Path(__file__).parents[4]
DAY = date(2026, 5, 1)
MALFORMED = ("", "1", "1.2", "v1.2.3", "1.2.3rc1", "01.2.3", "1.2.3\n", "1..3")
PYPROJECT = """\
[build-system]
version = "untouched"

[project]
name = "thing"
version = "0.1.0"

[tool.other]
version = "untouched"
"""
CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- A thing.

## [0.1.0] - 2026-01-01

### Added

- Everything.
"""


def changed_lines(before: str, after: str) -> list[tuple[str, str]]:
    pairs = zip(before.splitlines(), after.splitlines(), strict=True)
    return [(old, new) for old, new in pairs if old != new]


def test_a_version_is_three_numbers() -> None:
    assert parse_version("10.0.3") == (10, 0, 3)


@pytest.mark.parametrize("text", MALFORMED)
def test_another_form_of_a_version_is_refused(text: str) -> None:
    with pytest.raises(ReleaseError, match=r"x\.y\.z"):
        parse_version(text)


def test_only_the_projects_own_version_changes() -> None:
    changed = changed_lines(PYPROJECT, set_project_version(PYPROJECT, "0.2.0"))
    assert changed == [('version = "0.1.0"', 'version = "0.2.0"')]


def test_a_project_without_a_version_is_refused() -> None:
    with pytest.raises(ReleaseError, match="no version"):
        set_project_version('[project]\nname = "thing"\n[tool.x]\nversion = "1"\n', "0.2.0")


def test_the_lock_follows_in_the_projects_entry_alone() -> None:
    entries = ("other", "thing", "thing-else")
    lock = "".join(f'[[package]]\nname = "{name}"\nversion = "0.1.0"\n\n' for name in entries)
    changed = set_locked_version(lock, "thing", "0.2.0")
    assert changed_lines(lock, changed) == [('version = "0.1.0"', 'version = "0.2.0"')]
    assert '"thing"\nversion = "0.2.0"' in changed


def test_a_lock_without_the_project_is_refused() -> None:
    with pytest.raises(ReleaseError, match="no package thing"):
        set_locked_version("", "thing", "0.2.0")


def test_the_projects_own_files_can_be_changed() -> None:
    pyproject = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    lock = (CHECKOUT / "uv.lock").read_text(encoding="utf-8")
    name, _ = project_of(pyproject)
    assert project_of(set_project_version(pyproject, "999.0.0")) == (name, "999.0.0")
    assert f'name = "{name}"\nversion = "999.0.0"' in set_locked_version(lock, name, "999.0.0")


def test_what_is_unreleased_becomes_the_version_below_an_empty_heading() -> None:
    assert close_unreleased(CHANGELOG, "0.2.0", DAY) == CHANGELOG.replace(
        "## [Unreleased]\n\n### Added\n\n- A",
        "## [Unreleased]\n\n## [0.2.0] - 2026-05-01\n\n### Added\n\n- A",
    )


@pytest.mark.parametrize(
    ("changelog", "reason"),
    [
        (CHANGELOG.replace("- A thing.\n", ""), "nothing under"),
        (CHANGELOG.replace("[Unreleased]", "[Next]"), "no heading"),
        (CHANGELOG.replace("0.1.0", "0.2.0"), "already"),
    ],
)
def test_a_changelog_that_cannot_become_the_version_is_refused(changelog: str, reason: str) -> None:
    with pytest.raises(ReleaseError, match=reason):
        close_unreleased(changelog, "0.2.0", DAY)
