"""What an examination comes to: the stable shape of `registry doctor --json`."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["ok", "skipped", "warning", "failure"]
"""Skipped: it could not be looked at, and why is told."""


class Finding(BaseModel):
    """What was found of one thing."""

    model_config = ConfigDict(frozen=True)

    name: str
    """What was looked at, such as `ingest`, `storage` or `clock`."""
    state: State
    found: str
    """What was found, in one line for people."""
    remedy: str = ""
    """How to mend it; empty where there is nothing to mend."""


class Diagnosis(BaseModel):
    """All that was found."""

    model_config = ConfigDict(frozen=True)

    url: str
    """Address of the registry."""
    at: datetime
    state: State
    """The worst of all findings; `ok` where some were only skipped."""
    findings: list[Finding]


def worst(findings: list[Finding]) -> State:
    """Return the worst state; what was skipped is not told as bad."""
    states = {each.state for each in findings}
    if "failure" in states:
        return "failure"
    return "warning" if "warning" in states else "ok"
