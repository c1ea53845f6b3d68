"""Blocks of code of the pages, and the commands in those for a shell."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

CHECKOUT = Path(__file__).parents[3]
PAGES = (CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md")))
_BLOCK = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_BETWEEN = re.compile(r"[();<>|&]+")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*=")


@dataclass(frozen=True)
class Block:
    """A block of code, and where it begins."""

    place: str
    language: str
    text: str


def blocks(*languages: str) -> list[Block]:
    """Return the blocks of these languages, of all pages."""
    found: list[Block] = []
    for page in PAGES:
        text, name = page.read_text(encoding="utf-8"), page.relative_to(CHECKOUT)
        for block in _BLOCK.finditer(text):
            if block[2] in languages:
                line = text.count("\n", 0, block.start()) + 1
                found.append(Block(f"{name}:{line}", block[2], dedent(block[3])))
    return found


def commands(block: Block) -> list[list[str]]:
    """Return the words of each command that a reader is to give, without its variables."""
    entered = _entered(block.text) if block.language == "console" else block.text
    return list(_commands(entered))


def _entered(text: str) -> str:
    """Return what is entered behind `$ `, and `> ` where it goes on; not what is printed."""
    lines: list[str] = []
    goes_on = False
    for line in text.splitlines():
        if goes_on or line.startswith("$ "):
            lines.append(line[2:] if line.startswith(("$ ", "> ")) else line)
            goes_on = line.endswith(("\\", "|"))
    return "\n".join(lines)


def _commands(text: str) -> Iterator[list[str]]:
    text, within = _taken_out(text)
    for inner in within:
        yield from _commands(inner)
    whole = ""
    for line in text.splitlines():
        whole += line
        if line.endswith(("\\", "|")):
            whole = whole.removesuffix("\\")
            continue
        try:
            words = _words(whole)
        except ValueError:  # a quotation goes on in the next line
            whole += "\n"
            continue
        whole = ""
        yield from _split(words)
    assert not whole.strip(), f"never ends: {whole}"


def _taken_out(text: str) -> tuple[str, list[str]]:
    """Return a text without its command substitutions, whose quotation is their own, and these."""
    within: list[str] = []
    while (begin := text.find("$(")) >= 0:
        end, depth = begin + 2, 1
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        within.append(text[begin + 2 : end - 1])
        text = f"{text[:begin]}SUBSTITUTED{text[end:]}"
    return text, within


def _words(text: str) -> list[str]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def _split(words: list[str]) -> Iterator[list[str]]:
    command: list[str] = []
    for word in [*words, ";"]:
        if not _BETWEEN.fullmatch(word):
            if command or not _VARIABLE.match(word):
                command.append(word)
        elif command:
            yield command
            command = []
