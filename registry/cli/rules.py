"""`registry rules`: what may be uploaded, moved and removed of a model, a namespace, or all."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli.options import AsJson, ModelName, Url
from registry.cli.output import print_fields, print_json, print_table, time_text
from registry.cli.rule_options import (
    AllowedFormats,
    ImmutableLabels,
    KeepDays,
    KeepLast,
    KeepTags,
    Protected,
    RequiredCard,
    RequiredMetrics,
    RequiredParameters,
    RequiredTags,
    RulesFile,
    read_file,
    read_protected,
    read_required,
    read_retention,
)

if TYPE_CHECKING:
    from registry.schemas import EffectiveRules, Rules, ScopeRules

rules = typer.Typer(help="Show and set the rules of a model, a namespace (risk.*) or all (*).")

Scope = Annotated[
    str, typer.Argument(metavar="SCOPE", help="A model, risk.* for a namespace, or * for all.")
]
IfRevision = Annotated[
    int | None,
    typer.Option(
        "--if-revision",
        metavar="N",
        min=0,
        help="Only where the rules are at this revision; 0: only where there are none.",
    ),
]


@rules.command()
def show(
    scope: Scope,
    effective: Annotated[
        bool, typer.Option("--effective", help="What applies to a model, from all scopes.")
    ] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Show the rules of a scope, or what applies to a model."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        if effective:
            applied = client.effective_rules(scope)
            (print_json if as_json else _print_effective)(applied)
        else:
            (print_json if as_json else _print)(client.get_rules(scope))


@rules.command("set")
def set_rules(
    scope: Scope,
    file: RulesFile = None,
    protect: Protected = None,
    allow_format: AllowedFormats = None,
    require_metric: RequiredMetrics = None,
    require_tag: RequiredTags = None,
    require_param: RequiredParameters = None,
    require_model_card: RequiredCard = False,
    immutable_labels: ImmutableLabels = False,
    keep_last: KeepLast = None,
    keep_days: KeepDays = None,
    keep_tag: KeepTags = None,
    if_revision: IfRevision = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Set the rules of a scope, in place of those before: from a file, or by options."""
    told = {
        **(read_file(file) if file is not None else {}),
        **read_protected(protect),
        **({"allowed_formats": allow_format} if allow_format else {}),
        **read_required(require_metric, require_tag, require_param, require_model_card),
        **({"immutable_labels": True} if immutable_labels else {}),
        **read_retention(keep_last, keep_days, keep_tag),
    }
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        made = client.set_rules(scope, told, if_revision=if_revision)
    (print_json if as_json else _print)(made)


@rules.command()
def remove(
    scope: Scope, if_revision: IfRevision = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Remove the rules of a scope; those of wider ones count on."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        client.remove_rules(scope, if_revision=if_revision)
    told = {"scope": scope, "state": "removed"}
    typer.echo(json.dumps(told) if as_json else f"removed the rules of {scope}")


def _print(found: "ScopeRules") -> None:
    print_fields(
        [
            ("scope", found.scope),
            ("revision", found.revision),
            ("since", time_text(found.at)),
            ("by", found.by),
            *_told(found.rules, {}),
        ]
    )


def _print_effective(found: "EffectiveRules") -> None:
    told = _told(found.rules, found.sources)
    print_fields([("model", found.model), *(told or [("rules", "none")])])


def _told(found: "Rules", sources: dict[str, str]) -> list[tuple[str, object]]:
    """Return each rule that is said, and in brackets the scope that it is from."""
    rows: list[tuple[str, object]] = []

    def add(field: str, title: str, text: str) -> None:
        source = f" ({sources[field]})" if field in sources else ""
        rows.append((title, f"{text}{source}"))

    if found.protected_aliases is not None:
        each = [f"{p.alias}={p.approvals}" for p in found.protected_aliases]
        add("protected_aliases", "protected", ", ".join(each) or "none")
    if found.allowed_formats is not None:
        add("allowed_formats", "formats", ", ".join(found.allowed_formats))
    if (required := found.required) is not None:
        each = [
            *(f"metric {name}" for name in required.metrics),
            *(f"tag {name}" for name in required.tags),
            *(f"parameter {name}" for name in required.parameters),
            *(["model card"] if required.model_card else []),
        ]
        add("required", "required", ", ".join(each) or "nothing")
    if found.immutable_labels is not None:
        add("immutable_labels", "labels", "immutable" if found.immutable_labels else "free")
    if (kept := found.retention) is not None:
        each = [f"the last {kept.keep_last_ready} ready", "with an alias"]
        if kept.keep_younger_than_days is not None:
            each.append(f"younger than {kept.keep_younger_than_days} days")
        each += [f"with tag {name}" for name in kept.keep_with_tags]
        add("retention", "kept", ", ".join(each))
    return rows


@rules.command()
def evaluate(
    model: ModelName,
    apply: Annotated[
        bool, typer.Option("--apply", help="Delete what the rule removes; it can be restored.")
    ] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Tell what a model's rule of retention keeps and removes, and why."""
    from registry.client import ModelRegistryClient

    with ModelRegistryClient(url) as client:
        report = client.evaluate_retention(model, apply=apply)
    if as_json:
        print_json(report)
        return
    print_table(
        ("VERSION", "OUTCOME", "WHY"),
        (
            (each.number, each.outcome, "; ".join(why.detail for why in each.why))
            for each in report.versions
        ),
    )
    verb = "deleted" if apply else "would be deleted"
    of = f", by the rule of {report.scope}" if report.scope else ": no rule applies"
    typer.echo(f"{report.kept} kept, {report.removed} {verb}{of}")
