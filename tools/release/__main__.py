"""Makes a release of the checkout: version, changelog, wheel, images, commit and tag.

    python -m tools.release 0.2.0                  tells each step and changes nothing
    python -m tools.release 0.2.0 --no-dry-run     takes them

The release is put together and checked in a copy of the last commit: the checkout changes only
when it is sound. Nothing is published; the last lines say how that is done.
"""

import argparse
import shlex
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tools.release.candidate import Candidate, build_candidate, write_texts
from tools.release.commands import IMAGE_SECONDS, engine_answers, run
from tools.release.errors import ReleaseError
from tools.release.steps import git_steps, image_steps, publish_steps, refusals

CHECKOUT = Path(__file__).parents[2]


def release(checkout: Path, version: str, *, dry_run: bool) -> None:
    """Make the release, or tell what would be done. Raises ReleaseError."""
    found = _refusals(checkout, version)
    if found and not dry_run:
        raise ReleaseError("; ".join(found))
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        today = datetime.now(UTC).date()
        candidate = build_candidate(checkout, Path(folder), version, today)
        _tell(candidate)
        found += candidate.problems
        if found and not dry_run:
            raise ReleaseError("; ".join(found))
        if not dry_run:
            write_texts(checkout, candidate.texts)
            (checkout / "dist").mkdir(exist_ok=True)
            for path in candidate.built:
                shutil.copy(path, checkout / "dist")
    _take(checkout, git_steps(candidate), dry_run=dry_run)
    has_engine = engine_answers(checkout)
    print("4. images" + ("" if has_engine else ": no container engine here, so by hand"))
    _take(checkout, image_steps(version), dry_run=dry_run or not has_engine)
    print("5. publishing is yours:")
    _take(checkout, publish_steps(candidate), dry_run=True)
    for reason in found:
        print(f"It would be refused: {reason}.")
    print("Nothing was changed." if dry_run else f"Version {version} is made.")


def _refusals(checkout: Path, version: str) -> list[str]:
    return refusals(
        branch=run(("git", "branch", "--show-current"), checkout).strip(),
        changed=run(("git", "status", "--porcelain"), checkout).splitlines(),
        tags=run(("git", "tag", "--list"), checkout).split(),
        version=version,
    )


def _tell(candidate: Candidate) -> None:
    print(f"1. {candidate.name} {candidate.old_version} becomes {candidate.version}:")
    print(f"     {', '.join(candidate.texts)}")
    print("2. wheel and sdist, built from a copy and looked through:")
    for path in candidate.built:
        print(f"     dist/{path.name}")
    print("3. commit and tag")


def _take(checkout: Path, commands: list[tuple[str, ...]], *, dry_run: bool) -> None:
    """Print each command, and run it unless this is a dry run."""
    for command in commands:
        print(f"     {shlex.join(command)}")
        if not dry_run:
            run(command, checkout, IMAGE_SECONDS)


def main() -> None:
    """Read the command line; exit code 1 where the release cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m tools.release", description="Make a release.")
    parser.add_argument("version", help="x.y.z")
    parser.add_argument(
        "--dry-run",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="tell each step and change nothing",
    )
    arguments = parser.parse_args()
    try:
        release(CHECKOUT, arguments.version, dry_run=arguments.dry_run)
    except ReleaseError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
