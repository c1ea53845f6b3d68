"""docs/cli.md says which commands there are, what they take and what they print."""

import inspect
import re
from pathlib import Path

from typer.core import TyperGroup

from registry.cli import app
from registry.cli.exit_codes import MEANINGS, ExitCode
from tests.unit.cli_command import Command
from tools.site.cli_page import commands as contexts

PAGE = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")
WITHOUT_A_LIST = {"audit", "events", "export", "follow"}
"""They print lines one by one, not by `print_list`."""


def test_the_documented_statuses_are_the_statuses() -> None:
    table = PAGE.split("## Exit status")[1]
    documented = {int(n): text for n, text in re.findall(r"^\| (\d+) \| (.+) \|$", table, re.M)}
    assert documented == {int(code): text for code, text in MEANINGS.items()}
    assert set(MEANINGS) == set(ExitCode)


def commands(help_of: Command, *above: str) -> list[str]:
    """Every command and group by its words, as the help lists them."""
    listed = help_of(*above, "--help").out.partition("Commands:")[2]
    found: list[str] = []
    for name in re.findall(r"^  ([a-z0-9-]+)", listed, re.MULTILINE):
        found += [" ".join((*above, name)), *commands(help_of, *above, name)]
    return found


def test_every_command_and_option_is_documented(command: Command) -> None:
    heading = re.compile(r"^##+ `registry ([a-z-]+(?: [a-z][a-z0-9-]*)*).*`$", re.MULTILINE)
    general, *parts = heading.split(PAGE)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    assert sorted(sections) == sorted(commands(command))
    sections["uploads open"] += sections["upload"]  # as it says itself
    for name in ("import mlflow", "import dir", "import s3"):
        sections[name] += sections["import"]
    for name, section in sections.items():
        known = set(re.findall(r"`(--[a-z-]+)", general + section.split("\n## ")[0]))
        shown = command(*name.split(), "--help").out
        assert set(re.findall(r"--[a-z-]+", shown)) <= known, name


def test_the_commands_without_url_or_json_are_named() -> None:
    named = PAGE.split("| option | meaning |")[0].rsplit("Every command but", 1)[1]
    no_url: set[str] = set()
    no_json: set[str] = set()
    for context in contexts(app, "registry"):
        name = context.command_path.removeprefix("registry ")
        if isinstance(context.command, TyperGroup) and not context.command.invoke_without_command:
            continue
        options = {each for of in context.command.get_params(context) for each in of.opts}
        no_url |= set() if "--url" in options else {name}
        no_json |= set() if "--json" in options else {name}
    told = {each for each in re.findall(r"`([a-z -]+)`", named) if not each.startswith("--")}
    assert told == {"admin"} | no_url | no_json
    [only] = re.findall(r"^`([^`]+)` has no `--json`", named, re.MULTILINE)
    assert no_json == {"completion", only}


def test_the_commands_that_print_a_document_a_line_are_named() -> None:
    [row] = re.findall(r"^\| `--json` \| (.+) \|$", PAGE, re.MULTILINE)
    listing: set[str] = set()
    for context in contexts(app, "registry"):
        called = context.command.callback
        if called is not None and "print_list" in inspect.unwrap(called).__code__.co_names:
            listing.add(context.command_path.removeprefix("registry "))
    assert set(re.findall(r"`([a-z ]+)`", row)) == listing | WITHOUT_A_LIST
