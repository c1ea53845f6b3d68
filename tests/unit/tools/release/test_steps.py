"""Which checkout may be released, and the commands that do it."""

from pathlib import Path

import pytest

from local.processes.state import SERVICES
from tools.release.candidate import Candidate
from tools.release.steps import git_steps, image_steps, publish_steps, refusals

WHEEL = Path("/copy/dist/thing-0.2.0-py3-none-any.whl")
CANDIDATE = Candidate("thing", "0.1.0", "0.2.0", {"CHANGELOG.md": "text"}, (WHEEL,), ())


def test_a_clean_main_without_the_tag_may_be_released() -> None:
    assert refusals(branch="main", changed=[], tags=["v0.1.0"], version="0.2.0") == []


@pytest.mark.parametrize(
    ("branch", "changed", "tags", "reason"),
    [
        ("feature", [], [], "made on main, and this is feature"),
        ("", [], [], "no branch"),
        ("main", [" M README.md"], [], "1 files are not committed"),
        ("main", [], ["v0.2.0"], "the tag v0.2.0 exists"),
    ],
)
def test_another_checkout_is_refused_with_its_reason(
    branch: str, changed: list[str], tags: list[str], reason: str
) -> None:
    (found,) = refusals(branch=branch, changed=changed, tags=tags, version="0.2.0")
    assert reason in found


def test_every_reason_is_told_at_once() -> None:
    assert len(refusals(branch="x", changed=["?? y"], tags=["v0.2.0"], version="0.2.0")) == 3


def test_only_what_the_release_changed_is_committed_and_the_tag_is_the_version() -> None:
    commit, tag = git_steps(CANDIDATE)
    assert commit[-2:] == ("--", "CHANGELOG.md")
    assert tag[-1] == "v0.2.0"


def test_each_service_has_an_image_of_the_version() -> None:
    tags = [command[command.index("--tag") + 1] for command in image_steps("0.2.0")]
    assert tags == [f"registry-{name}:0.2.0" for name in SERVICES]


def test_what_was_built_is_what_would_be_published() -> None:
    assert publish_steps(CANDIDATE)[-1][-1] == f"dist/{WHEEL.name}"
