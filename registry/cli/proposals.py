"""`registry alias propose|approve|withdraw|proposals`: moves that somebody else approves."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.aliases import AliasName, IfRevision
from registry.cli.options import AsJson, ModelName, Reason, Url
from registry.cli.output import print_fields, print_json, print_list, time_text

if TYPE_CHECKING:
    from registry.schemas import AliasProposal

ProposalId = Annotated[str, typer.Argument(metavar="ID", help="Id of the proposal.")]


def propose(
    model: ModelName,
    name: AliasName,
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Number or label; ready.")
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Propose that it be removed, instead of a version.")
    ] = False,
    if_revision: IfRevision = None,
    reason: Reason = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Propose a move; the alias stays where it is until somebody else approves it."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        made = client.propose_alias(
            model, name, version, remove=remove, if_revision=if_revision, reason=reason
        )
    (print_json if as_json else _print)(made)


def approve(
    model: ModelName,
    name: AliasName,
    proposal_id: ProposalId,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Have a move made that somebody else proposed."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        move = client.approve_alias(model, name, proposal_id)
    if as_json:
        print_json(move)
        return
    print_fields(
        [
            ("alias", f"{model}@{name.removeprefix('@')}"),
            ("version", move.to_number or "removed"),
            ("revision", move.revision),
            ("since", time_text(move.at)),
            ("by", move.by),
            ("proposed by", move.proposed_by),
            ("reason", move.reason),
        ]
    )


def withdraw(
    model: ModelName,
    name: AliasName,
    proposal_id: ProposalId,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw your own proposal, or reject somebody else's."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        client.withdraw_alias(model, name, proposal_id)
    told = {"model": model, "alias": name, "proposal": proposal_id, "state": "closed"}
    typer.echo(json.dumps(told) if as_json else f"closed proposal {proposal_id}")


def list_proposals(
    model: ModelName, name: AliasName, url: Url = None, as_json: AsJson = False
) -> None:
    """List the proposed moves of an alias, the newest first; with --json one document a line."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        print_list(
            client.list_alias_proposals(model, name),
            ("ID", "STATE", "TO", "BY", "TIME", "CLOSED BY", "REASON"),
            lambda p: (
                *(p.id, p.state, p.number or "remove", p.by, time_text(p.at)),
                *(p.closed_by, p.reason),
            ),
            as_json=as_json,
        )


def add_proposals(alias: typer.Typer) -> None:
    """Add these commands to those of aliases."""
    alias.command()(propose)
    alias.command()(approve)
    alias.command()(withdraw)
    alias.command("proposals")(list_proposals)


def _print(made: "AliasProposal") -> None:
    print_fields(
        [
            ("proposal", made.id),
            ("alias", f"{made.model}@{made.alias}"),
            ("version", made.number or "remove"),
            ("state", made.state),
            ("by", made.by),
            ("until", time_text(made.expires_at)),
            ("reason", made.reason),
        ]
    )
