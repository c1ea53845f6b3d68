"""The commands of a release, and what forbids one."""

from collections.abc import Sequence

from local.processes.state import SERVICES
from tools.release.candidate import Candidate

BRANCH = "main"


def refusals(
    *, branch: str, changed: Sequence[str], tags: Sequence[str], version: str
) -> list[str]:
    """Why no release may be made of a checkout; nothing when one may.

    `changed` are the lines of `git status --porcelain`.
    """
    found: list[str] = []
    if branch != BRANCH:
        found.append(f"a release is made on {BRANCH}, and this is {branch or 'no branch'}")
    if changed:
        found.append(f"{len(changed)} files are not committed")
    if tag_of(version) in tags:
        found.append(f"the tag {tag_of(version)} exists")
    return found


def tag_of(version: str) -> str:
    """The tag of a version."""
    return f"v{version}"


def git_steps(candidate: Candidate) -> list[tuple[str, ...]]:
    """Commit what the release changed, and name the commit."""
    title = f"Version {candidate.version}"
    return [
        ("git", "commit", "--quiet", f"--message={title}", "--", *candidate.texts),
        ("git", "tag", "--annotate", f"--message={title}", tag_of(candidate.version)),
    ]


def image_steps(version: str) -> list[tuple[str, ...]]:
    """Build and tag an image of each service."""
    return [
        ("docker", "build", "--target", name, "--tag", f"registry-{name}:{version}", ".")
        for name in SERVICES
    ]


def publish_steps(candidate: Candidate) -> list[tuple[str, ...]]:
    """What makes the release known to others; never run here."""
    return [
        ("git", "push", "origin", BRANCH, tag_of(candidate.version)),
        ("uv", "publish", *(f"dist/{path.name}" for path in candidate.built)),
    ]
