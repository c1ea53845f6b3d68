"""`registry login`, `logout` and `config`: the profiles, which hold the tokens."""

import ipaddress
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from registry.cli.exit_codes import ExitCode
from registry.cli.options import AsJson
from registry.cli.output import print_fields, print_identity, print_json, print_table
from registry.cli.printable import printable

if TYPE_CHECKING:
    from registry._profiles import Profile, Profiles
    from registry.schemas import Discovery, Identity

config = typer.Typer(help="Show the profiles that are kept, without their tokens.")


class NotConfirmed(typer.TyperException):
    """Somebody said no."""

    exit_code = ExitCode.REFUSED


def login(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of the registry.")],
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from stdin.")
    ] = False,
    trust_origins: Annotated[
        bool,
        typer.Option("--trust-origins", "--yes", help="Trust the addresses that it leads to."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Keep a token for a registry, once the registry has accepted it."""
    from registry._credentials import registry_url
    from registry._profiles import Profile, change_profiles, profiles_path, read_profiles

    address, before = registry_url(url), read_profiles()
    _warn_of_plain_http(address)
    token = _read_token(from_stdin=token_stdin)
    identity, discovery = _ask(address, token)
    can_ask = sys.stdin.isatty() and not token_stdin
    known = before.made_for(address) or Profile(address)
    origins = _confirmed(known, discovery, trust=trust_origins, can_ask=can_ask)

    def keep(profiles: "Profiles") -> "Profiles":
        first = not profiles.kept and profiles.default is None
        kept = profiles.put(Profile(address, origins, token))
        return replace(kept, default=address) if first else kept

    kept = change_profiles(keep)
    if as_json:
        print_json(identity)
        return
    typer.echo(f"logged in to {address}")
    print_identity(identity)
    is_default = "; it is the default" if kept.default == address else ""
    typer.echo(f"registry: kept in {profiles_path()}{is_default}", err=True)


def logout(
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="Address; else the default's.")
    ] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke the token first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget the token of a registry."""
    from registry._credentials import registry_url
    from registry._profiles import change_profiles, read_profiles
    from registry.errors import NotFoundError

    address = registry_url(url)
    profile = read_profiles().find(address)
    if profile is None:
        detail = f"no profile is kept for {address}"
        raise NotFoundError(detail, code="profile_not_found", status=404)
    if revoke:
        _revoke(profile)
    change_profiles(lambda profiles: profiles.without(profile))
    answer = {"url": profile.url, "state": "revoked" if revoke else "forgotten"}
    typer.echo(json.dumps(answer) if as_json else f"{answer['state']} {profile.url}")


@config.callback(invoke_without_command=True)
def show_config(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the profiles that are kept, without their tokens."""
    if context.invoked_subcommand is not None:
        return
    from registry._credentials import registry_url
    from registry._profiles import profiles_path, read_profiles

    path, found, used = str(profiles_path()), read_profiles(), registry_url()
    if as_json:
        profiles = [
            {"url": each.url, "origins": each.origins, "has_token": each.token is not None}
            for each in found.kept
        ]
        answer = {"path": path, "url": used, "default": found.default, "profiles": profiles}
        typer.echo(json.dumps(answer))
        return
    print_fields([("file", path), ("default", found.default), ("in use", used)])
    rows = [
        (each.url, "kept" if each.token else "none", " ".join(each.origins)) for each in found.kept
    ]
    if rows:
        print_table(("URL", "TOKEN", "FURTHER ORIGINS"), rows)


@config.command("set-default")
def set_default(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of the registry.")],
) -> None:
    """Name the registry that is taken where neither --url nor REGISTRY_URL names one."""
    from registry._credentials import registry_url
    from registry._profiles import change_profiles

    address = registry_url(url)
    change_profiles(lambda profiles: replace(profiles, default=address))
    typer.echo(f"default {address}")


def _read_token(*, from_stdin: bool) -> str:
    """Read a token; never from the arguments, which other users of the machine can see."""
    from registry._credentials import MAX_TOKEN_CHARACTERS, check_token

    if from_stdin:
        return check_token(sys.stdin.read(MAX_TOKEN_CHARACTERS + 2))
    if not sys.stdin.isatty():
        raise typer.BadParameter("stdin is no terminal to ask at: say --token-stdin")
    return check_token(typer.prompt("Token", hide_input=True, err=True))


def _ask(address: str, token: str) -> "tuple[Identity, Discovery]":
    """Return whom the registry takes the token for, and where it leads; sends it there alone."""
    from registry.client import ModelRegistryClient
    from registry.errors import AccessDeniedError

    with ModelRegistryClient(address, token=token) as client:
        identity = client.whoami()
        if identity.kind == "anonymous":
            detail = f"{address} took no notice of the token"
            raise AccessDeniedError(detail, code="unauthenticated", status=401)
        return identity, client.discover()


def _confirmed(
    known: "Profile", discovery: "Discovery", *, trust: bool, can_ask: bool
) -> tuple[str, ...]:
    """Return the further origins that the registry names, once a person has confirmed new ones."""
    from registry._profiles import origin_of
    from registry.errors import ProtocolError

    try:
        named = {origin_of(discovery.ingest_url), origin_of(discovery.query_url)}
    except ValueError as error:
        raise ProtocolError(f"{known.url} leads to what is no address: {error}") from None
    if (new := [each for each in sorted(named) if not known.has(each)]) and not trust:
        leads = printable(f"{known.url} leads to {', '.join(new)}")
        if not can_ask:
            raise NotConfirmed(
                f"{leads}: nothing was kept. Say --trust-origins where the token may go there"
            )
        if not typer.confirm(f"{leads}. May the token go there, too?", err=True):
            raise NotConfirmed("nothing was kept")
    return tuple(sorted(named - {origin_of(known.url)}))


def _revoke(profile: "Profile") -> None:
    from registry.client import ModelRegistryClient
    from registry.errors import AccessDeniedError, ConflictError

    with ModelRegistryClient(profile.url, token=profile.token, origins=profile.origins) as client:
        try:
            identity = client.whoami()
        except AccessDeniedError:
            return  # it counts no more
        if identity.kind != "token":
            detail = f"{identity.principal} holds no token that can be revoked; nothing was done"
            raise ConflictError(detail, code="not_revocable", status=409)
        client.tokens.revoke(identity.principal.removeprefix("token:"))


def _warn_of_plain_http(address: str) -> None:
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    if parts.scheme.lower() == "http" and not _is_this_machine(host):
        typer.echo(
            f"registry: {address} is not encrypted: the way there can read the token", err=True
        )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
