"""A release before it is one: a copy of the last commit, changed, built and looked at."""

import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tools.release.commands import BUILD_SECONDS, run, uv
from tools.release.errors import ReleaseError
from tools.release.texts import (
    close_unreleased,
    parse_version,
    project_of,
    set_locked_version,
    set_project_version,
)
from tools.release.wheel import names_in, wheel_problems


@dataclass(frozen=True)
class Candidate:
    """What a release would consist of."""

    name: str
    """The distribution's."""
    old_version: str
    version: str
    texts: Mapping[str, str]
    """The files that the release changes, by path in the checkout, as they become."""
    built: tuple[Path, ...]
    """Wheel and sdist; they are deleted with the copy."""
    problems: tuple[str, ...]
    """What is wrong with the wheel."""


def build_candidate(checkout: Path, folder: Path, version: str, day: date) -> Candidate:
    """Build the release in a new copy of the checkout's last commit below `folder`.

    The checkout stays as it is. Raises ReleaseError for a version that is older than the last
    one, for a changelog without changes, and where building fails.
    """
    copy, dist = folder / "copy", folder / "dist"
    _copy_last_commit(checkout, copy)
    name, old_version = project_of(_read(copy, "pyproject.toml"))
    if parse_version(version) < parse_version(old_version):
        raise ReleaseError(f"version {version} is older than {old_version}")
    texts = {
        "pyproject.toml": set_project_version(_read(copy, "pyproject.toml"), version),
        "uv.lock": set_locked_version(_read(copy, "uv.lock"), name, version),
        "CHANGELOG.md": close_unreleased(_read(copy, "CHANGELOG.md"), version, day),
    }
    write_texts(copy, texts)
    run((uv(), "build", "--quiet", "--out-dir", str(dist)), copy, BUILD_SECONDS)
    built = tuple(sorted(path for path in dist.iterdir() if path.suffix in (".whl", ".gz")))
    problems = tuple(
        problem
        for wheel in built
        if wheel.suffix == ".whl"
        for problem in wheel_problems(names_in(wheel))
    )
    return Candidate(name, old_version, version, texts, built, problems)


def write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the files of a release below a folder."""
    for path, text in texts.items():
        (folder / path).write_text(text, encoding="utf-8")


def _copy_last_commit(checkout: Path, copy: Path) -> None:
    archive = copy.with_suffix(".tar")
    run(("git", "archive", "--output", str(archive), "HEAD"), checkout)
    with tarfile.open(archive) as opened:
        opened.extractall(copy, filter="data")


def _read(folder: Path, path: str) -> str:
    return (folder / path).read_text(encoding="utf-8")
