"""Whether a program on the PATH is there and new enough."""

import re
import shutil
import subprocess
from pathlib import Path

Version = tuple[int, ...]

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
ANSWER_SECONDS = 20.0
"""Limit for a program to tell its version."""


def parse_version(text: str) -> Version | None:
    """The first dotted number in `text`: "go1.24.8 linux" is (1, 24, 8); None without one."""
    found = _NUMBERS.search(text)
    return tuple(int(part) for part in found[0].split(".")) if found else None


def program_version(program: Path, *arguments: str) -> Version | None:
    """The version that a program prints; None when it does not run or prints none."""
    try:
        answer = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=ANSWER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(answer.stdout + answer.stderr) if answer.returncode == 0 else None


def find_program(name: str, minimum: Version, *arguments: str) -> Path | None:
    """A program from the PATH, if it runs and its version is `minimum` or newer."""
    found = shutil.which(name)
    if found is None:
        return None
    version = program_version(Path(found), *arguments)
    return Path(found) if version is not None and version >= minimum else None
