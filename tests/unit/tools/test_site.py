"""The site of documents: it builds without a warning, and its reference is the code's."""

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import registry
from services.admin.__main__ import run as run_operators
from shared.runtime.settings import Settings
from tests.unit.cli_command import Command
from tests.unit.docs.test_cli_page import commands
from tests.unit.services.admin.test_cli import COMMANDS as OPERATORS
from tools.metrics import all_metrics

CHECKOUT = Path(__file__).parents[3]


def build(checkout: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site as `make docs` does."""
    return subprocess.run(
        (sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)),
        cwd=checkout,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = build(CHECKOUT, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_a_link_that_leads_nowhere_is_an_error(tmp_path: Path) -> None:
    for each in CHECKOUT.iterdir():
        if each.name not in ("docs", ".git", "site"):
            (tmp_path / each.name).symlink_to(each)
    shutil.copytree(CHECKOUT / "docs", tmp_path / "docs")
    links = ("nowhere.md", "cli.md#no-such-command", "../outside.md")
    page = tmp_path / "docs" / "index.md"
    told = "".join(f"\n[a link]({link})\n" for link in links)
    page.write_text(page.read_text(encoding="utf-8") + told)
    (tmp_path / "mkdocs.yml").unlink()
    shutil.copy(CHECKOUT / "mkdocs.yml", tmp_path)
    done = build(tmp_path, tmp_path / "built")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert f"Aborted with {len(links)} warnings" in said
    for place in ("nowhere.md", "#no-such-command", "outside.md"):
        assert place in said


def test_every_page_of_docs_is_there(site: Path) -> None:
    pages = [page.relative_to(CHECKOUT / "docs") for page in (CHECKOUT / "docs").rglob("*.md")]
    named = [page.with_name("index.html") if page.stem == "README" else page for page in pages]
    assert [str(page) for page in named if not (site / page.with_suffix(".html")).exists()] == []


def test_the_reference_has_every_setting_and_every_public_name(site: Path) -> None:
    settings = (site / "reference" / "settings.html").read_text(encoding="utf-8")
    missing = [
        name.upper() for name in Settings.model_fields if f">{name.upper()}<" not in settings
    ]
    assert missing == []
    names = (site / "reference" / "sdk.html").read_text(encoding="utf-8")
    assert [name for name in registry.__all__ if f"registry.{name}<" not in names] == []


def test_the_reference_has_every_metric(site: Path) -> None:
    page = (site / "reference" / "metrics.html").read_text(encoding="utf-8")
    assert [each.name for each in all_metrics() if f">{each.name}<" not in page] == []


def told_by_page(site: Path) -> dict[str, tuple[str, ...]]:
    """Each command on the page of the command line, with the words that are code in its section."""
    page = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    sections = re.split(r'<h[23] id="[a-z0-9-]+"><code>([^<]+)</code>', page)[1:]
    codes = (
        tuple(html.unescape(each) for each in re.findall(r"<code>([^<]+)</code>", section))
        for section in sections[1::2]
    )
    return dict(zip(sections[::2], codes, strict=True))


def flags(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


def test_the_reference_has_every_command_and_its_options(
    site: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    page = told_by_page(site)
    helped = {
        f"registry {each}": command(*each.split(), "--help").out for each in commands(command)
    }
    for words in OPERATORS:
        run_operators((*words, "--help"))
        helped[f"python -m services.admin {' '.join(words)}"] = capsys.readouterr().out
    groups = {f"python -m services.admin {words[0]}" for words in OPERATORS if words[1:]}
    assert set(page) == {"registry", "python -m services.admin", *groups, *helped}
    for name, shown in helped.items():
        options = {option for code in page[name] for option in flags(code)}
        assert options == flags(shown.partition("Options")[2].partition("Commands:")[0]), name


def test_the_reference_tells_of_arguments_types_defaults_and_variables(site: Path) -> None:
    page = told_by_page(site)
    assert {"MODEL <str>", "--to <path>"} <= set(page["registry download"])
    assert "--via <auto|kafka|http>" in page["registry events"]
    text = html.unescape((site / "reference" / "cli.html").read_text(encoding="utf-8"))
    assert "registry alias set [OPTIONS] {MODEL} {ALIAS} {VERSION}" in text
    for told in ("[env var: REGISTRY_QUERY_URL]", "[default: 4; 1<=x<=32]", "[x>=0; required]"):
        assert told in text


def test_no_page_asks_for_a_font_or_style_of_another_origin(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    loaded = re.findall(r"<(?:script|link)[^>]+(?:src|href)=\"(https?:[^\"]+)\"", page)
    assert loaded == []
