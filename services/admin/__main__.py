"""`python -m services.admin`: the operators' commands."""

import sys
from collections.abc import Sequence

from registry.cli.running import run_app
from services.admin.cli import app

NAME = "registry-admin"


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; they mean what those of `registry` do."""
    return run_app(app, NAME, arguments)


if __name__ == "__main__":
    sys.exit(run())
