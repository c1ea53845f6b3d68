"""Which release of the services runs."""

import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
"""Of the checkout, or of the image: the services are installed from neither."""


def release(project: Path = PROJECT) -> str | None:
    """Return the version of the release; None where it is not known."""
    try:
        found = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
    except (OSError, ValueError, KeyError):
        return None
    return str(found)
