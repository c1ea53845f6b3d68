"""Which release a service tells that it is of."""

import tomllib
from pathlib import Path

from shared.runtime.release import PROJECT, release


def test_it_is_the_projects_version() -> None:
    assert release() == tomllib.loads(PROJECT.read_text())["project"]["version"]


def test_without_the_project_it_is_not_known(tmp_path: Path) -> None:
    assert release(tmp_path / "pyproject.toml") is None
    (tmp_path / "pyproject.toml").write_text("[tool]\n")
    assert release(tmp_path / "pyproject.toml") is None
