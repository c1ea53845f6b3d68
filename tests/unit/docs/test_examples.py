"""Examples of the pages: commands and options that are there, Python that compiles."""

import ast
import importlib
import importlib.util
from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperGroup

from registry.cli import app as client
from services.admin.cli import app as operators
from tests.unit.docs.blocks import Block, blocks, commands
from tests.unit.docs.test_make_targets import TARGETS
from tools.site.cli_page import commands as contexts

OURS = ("bench", "examples", "local", "registry", "services", "tools")
OPERATORS = ["python", "-m", "services.admin"]
SHELL = [block for block in blocks("bash", "sh", "console") if commands(block)]
PYTHON = [
    *blocks("python"),
    *(
        Block(block.place, "python", words[words.index("-c") + 1])
        for block in SHELL
        for words in commands(block)
        if words[:1] == ["python"] and "-c" in words
    ),
]


def parsed(app: typer.Typer, words: list[str]) -> None:
    """Parse a command as it would be parsed to run; raises typer.TyperException."""
    context = next(contexts(app, "the program"))
    while isinstance(context.command, TyperGroup) and words:
        name, command, words = context.command.resolve_command(context, words)
        assert command is not None, "else it raises"
        context = typer.Context(command, info_name=name, parent=context)
    context.command.make_context(context.info_name, list(words), parent=context.parent)


def modules(words: list[str]) -> list[str]:
    """Modules of ours that a command runs."""
    found = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "-m"]
    return [name for name in found if name.split(".")[0] in OURS]


def wrong(words: list[str]) -> Iterator[str]:
    """What does not hold of a command."""
    if words[0] == "make":
        yield from (f"no target {each}" for each in words[1:2] if each not in TARGETS)
    for name in modules(words):
        if importlib.util.find_spec(name) is None:
            yield f"no module {name}"
    try:
        if words[0] == "registry":
            parsed(client, words[1:])
        for at in range(len(words)):
            if words[at : at + 3] == OPERATORS:
                parsed(operators, words[at + 3 :])
    except typer.TyperException as error:
        yield error.format_message()


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.place)
def test_every_command_of_a_page_is_there_and_takes_what_it_is_given(block: Block) -> None:
    found = [(words, list(wrong(words))) for words in commands(block)]
    assert [each for each in found if each[1]] == []


def names_of_registry(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Module and name, for all that an example takes from the client."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] == "registry":
                yield from ((module, each.name) for each in node.names)
            case ast.Import():
                names = (each.name for each in node.names)
                yield from ((name, "") for name in names if name.split(".")[0] == "registry")
            case ast.Attribute(value=ast.Name(id="registry")):
                yield "registry", node.attr
            case _:
                pass


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.place)
def test_every_example_compiles_and_takes_names_that_the_client_has(block: Block) -> None:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    compile(block.text, block.place, "exec", flags=flags)
    for module, name in names_of_registry(ast.parse(block.text)):
        found = importlib.import_module(module)
        assert not name or hasattr(found, name), f"{module} has no {name}"


def test_the_commands_of_the_pages_are_found() -> None:
    given = [" ".join(words) for block in SHELL for words in commands(block)]
    for each in (
        "registry events --follow",  # in bash
        "registry login http://localhost:8000 --token-stdin --trust-origins",  # behind a pipe
        "registry completion bash",  # in a string
        "uv run python -m services.admin reconcile --dry-run",  # behind &&
        "python serve.py",  # behind a variable
    ):
        assert each in given
    assert sum(each.startswith("registry ") for each in given) > 70
    assert len(PYTHON) > 20
