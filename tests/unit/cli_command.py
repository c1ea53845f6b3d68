"""What a run of the command `registry` left behind."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """Exit status, and what was printed."""

    status: int
    out: str
    err: str


Command = Callable[..., Result]
"""Runs the command with these arguments."""
