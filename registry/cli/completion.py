"""Completion in shells: the script that asks for it, and the names that a registry knows.

Whatever fails here is silent, and soon: whoever presses a key waits for no registry.
"""

import os
import re
from collections.abc import Callable, Coroutine, Iterable
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

if TYPE_CHECKING:
    from registry.aio import AsyncModelRegistryClient

VARIABLE = "_REGISTRY_COMPLETE"
SECONDS = 2.0
MOST_NAMES = 100
MOST_VERSIONS = 20
_SAFE = re.compile(r"[\w.@-]+")
"""Shells take what is offered as text to be read again: nothing else is ever offered."""
_BASH = r"""_registry_completion() {
    # By the line and not by COMP_WORDS: bash breaks words at @, of which MODEL@ALIAS has one.
    local typed="${COMP_LINE:0:COMP_POINT}" IFS=$' \t\n' words current
    read -r -a words <<< "$typed"
    [[ $typed == *[[:space:]] ]] && words+=("")
    current="${words[${#words[@]} - 1]}"
    IFS=$'\n'
    COMPREPLY=( $( env COMP_WORDS="${words[*]}" \
                   COMP_CWORD=$(( ${#words[@]} - 1 )) \
                   %s=complete_bash "$1" ) )
    COMPREPLY=( "${COMPREPLY[@]#"${current%%"$2"}"}" )  # bash replaces only what it took for a word
}
complete -o default -F _registry_completion registry
"""


class Shell(StrEnum):
    """Shells that a script can be had for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Print the script that lets a shell complete commands, and names of models and aliases."""
    if shell is Shell.BASH:
        typer.echo(_BASH % VARIABLE)
        return
    from typer.completion import (
        get_completion_script,  # pyright: ignore[reportPrivateImportUsage] - its only other way writes into dotfiles
    )

    typer.echo(get_completion_script(prog_name="registry", complete_var=VARIABLE, shell=shell))


def prepare_completion() -> None:
    """Let typer know the shells, where one asks for completion."""
    if os.environ.get(VARIABLE):
        from typer.completion import (
            completion_init,  # pyright: ignore[reportPrivateImportUsage] - typer calls it only with its own options
        )

        completion_init()


def complete_model(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return names of models that begin so."""
    return _asked(ctx, partial(_models, incomplete), incomplete)


def complete_version(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return names of the model's versions that begin so: @alias, latest, the newest numbers."""
    return _asked(ctx, partial(_versions, ctx.params.get("model")), incomplete)


def complete_alias(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return aliases of the model that begin so."""
    return _asked(ctx, partial(_aliases, ctx.params.get("model")), incomplete)


def complete_ref(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return models that begin so, and behind MODEL@ the aliases of the model."""
    return _asked(ctx, partial(_refs, incomplete), incomplete)


Ask = Callable[["AsyncModelRegistryClient"], Coroutine[Any, Any, list[str]]]


def _asked(ctx: typer.Context, ask: Ask, incomplete: str) -> list[str]:
    import anyio

    from registry._credentials import registry_url
    from registry._resolving import is_proxied, until_resolved
    from registry._retry import RetryPolicy
    from registry.aio import AsyncModelRegistryClient
    from registry.errors import RegistryError

    async def run() -> list[str]:
        retry, url = RetryPolicy(attempts=1), ctx.params.get("url")
        with anyio.fail_after(SECONDS):
            # First: once the client is in a resolver that hangs, nothing ends before it does.
            address = urlsplit(registry_url(url))
            if not is_proxied(address):
                await until_resolved(address.hostname or "", SECONDS)
            async with AsyncModelRegistryClient(url, retry=retry) as client:
                return await ask(client)

    try:
        return _offered(anyio.run(run), incomplete)
    except (RegistryError, OSError):  # TimeoutError is one
        return []


def _offered(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete) and _SAFE.fullmatch(name)]


async def _models(incomplete: str, client: "AsyncModelRegistryClient") -> list[str]:
    if incomplete and not _SAFE.fullmatch(incomplete):
        return []
    condition = _begins_with(incomplete) if incomplete else ""
    names: list[str] = []
    async for each in client.search(condition, kind="models", order_by=["name"]):
        names.append(each.name)
        if len(names) == MOST_NAMES:
            break
    return names


def _begins_with(text: str) -> str:
    """Return the filter of names that begin so: by code points, as LIKE takes `_` for any one."""
    above = text[:-1] + chr(ord(text[-1]) + 1)
    return f"name >= '{text}' AND name < '{above}'"


async def _aliases(model: str | None, client: "AsyncModelRegistryClient") -> list[str]:
    return [each.alias async for each in client.list_aliases(model)] if model else []


async def _versions(model: str | None, client: "AsyncModelRegistryClient") -> list[str]:
    if not model:
        return []
    names = [f"@{alias}" for alias in await _aliases(model, client)]
    names.append("latest")
    count = 0
    async for each in client.list_versions(model):
        names += [str(each.number), *([each.label] if each.label else [])]
        count += 1
        if count == MOST_VERSIONS:
            break
    return names


async def _refs(incomplete: str, client: "AsyncModelRegistryClient") -> list[str]:
    model, at, _ = incomplete.partition("@")
    if not at:
        return await _models(incomplete, client)
    return [f"{model}@{alias}" for alias in await _aliases(model, client)]
