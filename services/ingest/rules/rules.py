"""Setting rules: each change is one transaction with its event."""

from contextlib import AbstractAsyncContextManager

from registry.schemas import Rules, ScopeRules
from services.ingest.context import Context
from shared.database.rules import change_model_rules, change_namespace_rules
from shared.domain.access.audit import Change
from shared.domain.aliases import Condition
from shared.domain.rules import RulesRecord, require_possible, told_rules
from shared.runtime.logs import get_logger
from shared.web.access.caller import Caller

log = get_logger(__name__)


async def set_model_rules(
    model: str, rules: Rules, condition: Condition, caller: Caller, context: Context
) -> ScopeRules:
    """Set a model's own rules; raises NotFound, PreconditionFailed, InvalidRequest for a format."""
    require_possible(rules)
    return told_rules(await _of_model(model, rules, condition, caller, context))


async def remove_model_rules(
    model: str, condition: Condition, caller: Caller, context: Context
) -> None:
    """Remove a model's own rules; raises NotFound and PreconditionFailed."""
    await _of_model(model, None, condition, caller, context)


async def set_namespace_rules(
    scope: str, rules: Rules, condition: Condition, caller: Caller, context: Context
) -> ScopeRules:
    """Set the rules of a namespace, or of all models, by its pattern.

    Raises Forbidden, PreconditionFailed and InvalidRequest for a format.
    """
    caller.require_pattern(scope)
    require_possible(rules)
    return told_rules(await _of_namespace(scope, rules, condition, caller, context))


async def remove_namespace_rules(
    scope: str, condition: Condition, caller: Caller, context: Context
) -> None:
    """Remove the rules of a namespace, or of all models; raises Forbidden, NotFound and so on."""
    caller.require_pattern(scope)
    await _of_namespace(scope, None, condition, caller, context)


async def _of_model(
    model: str, rules: Rules | None, condition: Condition, caller: Caller, context: Context
) -> RulesRecord:
    by = caller.principal.id
    async with _audited(model, rules, caller):
        changed = await change_model_rules(context.database, model, rules, condition, by=by)
    _tell(changed)
    return changed


async def _of_namespace(
    scope: str, rules: Rules | None, condition: Condition, caller: Caller, context: Context
) -> RulesRecord:
    by = caller.principal.id
    async with _audited(scope, rules, caller):
        changed = await change_namespace_rules(context.database, scope, rules, condition, by=by)
    _tell(changed)
    return changed


def _audited(
    scope: str, rules: Rules | None, caller: Caller
) -> AbstractAsyncContextManager[object]:
    change = Change.SET_RULES if rules is not None else Change.REMOVE_RULES
    return caller.audited(change, scope, f"rules:{scope}")


def _tell(changed: RulesRecord) -> None:
    log.info("rules changed", scope=changed.scope, revision=changed.revision, by=changed.by)
