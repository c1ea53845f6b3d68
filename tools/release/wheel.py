"""What a wheel of the client must hold, and what it must not."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

PACKAGE = "registry"
REQUIRED = (f"{PACKAGE}/__init__.py", f"{PACKAGE}/py.typed")
"""py.typed tells type checkers that the package has types."""


def wheel_problems(names: Sequence[str]) -> list[str]:
    """What is wrong with a wheel that holds files of these names; nothing when it is sound."""
    problems = [f"the wheel lacks {name}" for name in REQUIRED if name not in names]
    roots = sorted({name.partition("/")[0] for name in names})
    strangers = [root for root in roots if root != PACKAGE and not root.endswith(".dist-info")]
    problems += [f"the wheel holds {root}, which is not the client" for root in strangers]
    return problems


def names_in(wheel: Path) -> list[str]:
    """The names of the files in a wheel."""
    with ZipFile(wheel) as archive:
        return archive.namelist()
