"""What a release changes in the project's files; text in, text out."""

import re
import tomllib
from datetime import date

from tools.release.errors import ReleaseError

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_PROJECT_VERSION = re.compile(r'(?ms)(^\[project\]$(?:(?!^\[).)*?^version = ")[^"]*(")')
_UNRELEASED = "## [Unreleased]\n"


def parse_version(text: str) -> tuple[int, int, int]:
    """The numbers of `x.y.z`. Raises ReleaseError for any other form."""
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ReleaseError(f"a version has the form x.y.z, not {text!r}")
    return int(found[1]), int(found[2]), int(found[3])


def project_of(pyproject: str) -> tuple[str, str]:
    """Name and version of the distribution, from the text of pyproject.toml."""
    project = tomllib.loads(pyproject)["project"]
    return project["name"], project["version"]


def set_project_version(pyproject: str, version: str) -> str:
    """pyproject.toml with the distribution's version changed, and nothing else."""
    changed, count = _PROJECT_VERSION.subn(rf"\g<1>{version}\g<2>", pyproject, count=1)
    if count == 0:
        raise ReleaseError("pyproject.toml has no version in [project]")
    return changed


def set_locked_version(lock: str, name: str, version: str) -> str:
    """uv.lock with the version of the project's own entry changed, and nothing else."""
    entry = rf'(?m)(^\[\[package\]\]\nname = "{re.escape(name)}"\nversion = ")[^"]*(")'
    changed, count = re.subn(entry, rf"\g<1>{version}\g<2>", lock, count=1)
    if count == 0:
        raise ReleaseError(f"uv.lock has no package {name}")
    return changed


def close_unreleased(changelog: str, version: str, day: date) -> str:
    """The changelog with what is unreleased made into a version, below a new empty heading.

    Raises ReleaseError where nothing is unreleased, or the version has a heading already.
    """
    if f"## [{version}]" in changelog:
        raise ReleaseError(f"CHANGELOG.md has version {version} already")
    before, heading, after = changelog.partition(_UNRELEASED)
    if not heading:
        raise ReleaseError("CHANGELOG.md has no heading [Unreleased]")
    changes, _, _ = after.partition("\n## [")
    if not re.search(r"(?m)^- ", changes):
        raise ReleaseError("CHANGELOG.md has nothing under [Unreleased]")
    return f"{before}{heading}\n## [{version}] - {day.isoformat()}\n{after}"
