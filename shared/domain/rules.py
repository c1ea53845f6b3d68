"""Rules of models: which apply, and what they come to. Pure decisions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase

from pydantic import Field

from registry.schemas import EffectiveRules, ProtectedAlias, Rules, ScopeRules
from registry.schemas.names import check_entries
from registry.schemas.rules import EVERY_MODEL, KnownRules, RequiredMetadata
from shared.domain.aliases import Condition
from shared.domain.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    checked,
)
from shared.domain.formats import FORMATS
from shared.domain.names import namespace_of
from shared.domain.records import Record

FIELDS = tuple(Rules.model_fields)
METADATA = ("metrics", "tags", "parameters")
"""Parts of the rule `required` that name entries."""
APPROVED_BY_ANOTHER = 2
"""Approvals of an alias that nobody moves alone."""


class RulesRecord(Record):
    """The rules of a scope, as they were changed last."""

    scope: str = Field(validation_alias="_id", serialization_alias="_id")
    revision: int
    at: datetime
    by: str
    rules: KnownRules | None
    """None: they were removed."""
    sequence: int
    """Sequence number of the event that tells of it."""


@dataclass(frozen=True, slots=True)
class Effective:
    """What applies to one model."""

    rules: Rules = field(default_factory=Rules)
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """The scope that each field is from."""

    def source(self, name: str) -> str:
        """Return the scope that a field is from."""
        return self.sources.get(name, "")


NO_RULES = Effective()


def namespace_scope(namespace: str) -> str:
    """Return the scope of a namespace; `*` is that of all models."""
    return namespace if namespace == EVERY_MODEL else f"{namespace}.*"


def scopes_of(model: str) -> tuple[str, ...]:
    """Return the scopes whose rules apply to a model, the narrowest first."""
    namespace = namespace_of(model)
    of_namespace = () if namespace is None else (namespace_scope(namespace),)
    return (model, *of_namespace, EVERY_MODEL)


def effective(model: str, records: Iterable[RulesRecord]) -> Effective:
    """Return what applies to a model: each field from the narrowest scope that says it."""
    by_scope = {each.scope: each.rules for each in records}
    found: dict[str, object] = {}
    sources: dict[str, str] = {}
    for scope in scopes_of(model):
        if (said := by_scope.get(scope)) is None:
            continue
        for name in FIELDS:
            value: object = getattr(said, name)
            if value is not None and name not in found:
                found[name], sources[name] = value, scope
    return Effective(Rules().model_copy(update=found), sources) if found else NO_RULES


def told_effective(model: str, applied: Effective) -> EffectiveRules:
    """Return what users are told of the rules that apply to a model."""
    return EffectiveRules(model=model, rules=applied.rules, sources=dict(applied.sources))


def told_rules(record: RulesRecord) -> ScopeRules:
    """Return what users are told of the rules of a scope; raises NotFound where it has none."""
    if record.rules is None:
        raise rules_not_found(record.scope)
    return ScopeRules(
        scope=record.scope,
        revision=record.revision,
        at=record.at,
        by=record.by,
        rules=record.rules,
    )


def rules_not_found(scope: str) -> NotFound:
    """Return the error of a scope that has no rules of its own."""
    return NotFound("rules_not_found", f"{scope!r} has no rules of its own")


def require_possible(rules: Rules) -> None:
    """Raise InvalidRequest for what no version can have: a format, or an entry of such a name.

    For requests alone: what is kept under an earlier rule stays readable.
    """
    for index, name in enumerate(rules.allowed_formats or ()):
        if name not in FORMATS:
            known = ", ".join(sorted(FORMATS))
            raise InvalidRequest(f"allowed_formats.{index}", f"must be one of {known}")
    required, retention = rules.required or RequiredMetadata(), rules.retention
    for field_name, names in (
        *((f"required.{part}", getattr(required, part)) for part in METADATA),
        ("retention.keep_with_tags", retention.keep_with_tags if retention else ()),
    ):
        for index, name in enumerate(names):
            checked(f"{field_name}.{index}", check_entries, {name: ""})


def require_condition(condition: Condition, now: RulesRecord | None, scope: str) -> None:
    """Raise PreconditionFailed where the rules are not as whoever changes them believes."""
    there = now if now is not None and now.rules is not None else None
    if condition.holds(there.revision if there is not None else None):
        return
    told = f"{scope!r} has no rules" if there is None else f"rules are at revision {there.revision}"
    if condition.is_absent:
        raise PreconditionFailed("rules_exist", told)
    besides = "" if condition.is_there else f", and not at {condition.revision}"
    raise PreconditionFailed("rules_changed", f"{told}{besides}")


def protection_of(applied: Effective, alias: str) -> ProtectedAlias | None:
    """Return what protects an alias: the first entry that it matches."""
    for each in applied.rules.protected_aliases or ():
        if fnmatchcase(alias, each.alias):  # only * is special: no pattern has ? or [
            return each
    return None


def require_mover(applied: Effective, model: str, alias: str, *, is_maintainer: bool) -> None:
    """Return where somebody may move an alias alone.

    Raises Forbidden "alias_protected" where that takes a maintainer, and Conflict
    "approval_needed" where it takes two.
    """
    protection = protection_of(applied, alias)
    if protection is None:
        return
    told = _protected(applied, alias, protection)
    if protection.approvals == APPROVED_BY_ANOTHER:
        detail = f"{told}: propose the move, and let somebody else approve it"
        raise Conflict("approval_needed", detail, rules=["protected_aliases"])
    if not is_maintainer:
        raise Forbidden(f"maintainer:{model}", "alias_protected", f"{told}: ")


def require_approver(applied: Effective, model: str, alias: str, *, is_maintainer: bool) -> None:
    """Return where somebody may approve a move that another one proposed.

    Raises Forbidden "alias_protected" where the alias is left to maintainers.
    """
    protection = protection_of(applied, alias)
    if protection is not None and protection.approvals != APPROVED_BY_ANOTHER:
        require_mover(applied, model, alias, is_maintainer=is_maintainer)


def _protected(applied: Effective, alias: str, protection: ProtectedAlias) -> str:
    source = applied.source("protected_aliases")
    return (
        f"alias {alias!r} is protected by the rule protected_aliases of {source!r}"
        f" ({protection.alias!r}, approvals: {protection.approvals})"
    )
