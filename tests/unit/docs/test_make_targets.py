"""What the README and CONTRIBUTING tell a person to run and to open is there."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]
MAKEFILE = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
TARGETS = re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE)
PAGES = ("README.md", "CONTRIBUTING.md")
DOCS = sorted(page.relative_to(CHECKOUT) for page in (CHECKOUT / "docs").rglob("*.md"))
COMMAND = re.compile(r"(?:^|`)make ([a-z][a-z-]*)", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


@pytest.mark.parametrize("page", PAGES)
def test_every_make_command_of_a_page_is_a_target(page: str) -> None:
    named = COMMAND.findall((CHECKOUT / page).read_text(encoding="utf-8"))
    assert named
    assert set(named) <= set(TARGETS)


@pytest.mark.parametrize("page", DOCS, ids=str)
def test_every_make_command_in_a_sentence_of_docs_is_a_target(page: Path) -> None:
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    named = re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]*)", text)
    assert set(named) <= set(TARGETS)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_to_a_file(page: str) -> None:
    linked = LINK.findall((CHECKOUT / page).read_text(encoding="utf-8"))
    assert [path for path in linked if not (CHECKOUT / path).exists()] == []


def test_every_target_is_in_the_help_and_no_file_can_hide_it() -> None:
    helped = re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE)
    (phony,) = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert set(helped) == set(TARGETS) == set(phony.split())
