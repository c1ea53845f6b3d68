"""`registry admin`: the operator's commands, which come with the services, not with the client."""

import importlib
from typing import Any

import typer

COMMANDS = "services.admin.cli"
"""Loaded by name, only when it is asked for: what users install holds no services."""


class ServicesMissing(typer.TyperException):
    """The services, or what they need, are not installed here."""

    exit_code = 2


def admin(context: typer.Context) -> Any:
    """Repair and rebuild; runs where the services are installed, with their settings."""
    try:
        commands = importlib.import_module(COMMANDS)
    except ModuleNotFoundError as error:
        raise ServicesMissing(
            "admin commands run where the services are installed, with their settings, such as: "
            f"docker compose exec indexer python -m registry admin ... (no module {error.name!r})"
        ) from error
    return commands.app(args=context.args, prog_name="registry admin", standalone_mode=False)
