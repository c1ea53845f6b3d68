"""`registry admin`: says where the operators' commands are, which come with the services."""

from typing import Annotated

import typer

WHERE = (
    "operators' commands come with the services: python -m services.admin ... where these are"
    " installed, such as: docker compose run --rm provision python -m services.admin ..."
)


class ServicesMissing(typer.TyperException):
    """The client holds no operators' commands."""

    exit_code = 2


def admin(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
    """Say where the operators' commands are: repair, rebuild, dead letters."""
    raise ServicesMissing(WHERE)
