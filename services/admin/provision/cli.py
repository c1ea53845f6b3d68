"""The command that makes what services may not make themselves."""

from typing import Annotated

import typer

from services.admin import output
from services.admin.composition import run_as_operator
from services.admin.operator import Operator
from services.admin.provision.provision import plan_provision, provision
from services.admin.provision.report import ProvisionPlan, ProvisionReport

Retire = Annotated[
    list[str] | None,
    typer.Option("--retire", metavar="USER", help="Remove a user that was replaced; repeatable."),
]


def provision_servers(
    retire: Retire = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the rights of each service; change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Make buckets, indexes, and a user with narrow rights at each server for each service."""
    if dry_run:

        async def plan(operator: Operator) -> ProvisionPlan:
            return await plan_provision(operator)

        planned = run_as_operator(plan)
        (output.print_json if as_json else output.print_plan)(planned)
        return

    async def use(operator: Operator) -> ProvisionReport:
        return await provision(operator, retire=retire or ())

    report = run_as_operator(use)
    (output.print_json if as_json else output.print_provisioned)(report)
