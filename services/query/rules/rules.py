"""Reading rules: those of a scope, and what applies to a model."""

from registry.schemas import EffectiveRules, ScopeRules
from services.query.context import Context
from services.query.versions.lookups import find_model
from shared.database.rules import find_rules, read_effective
from shared.domain.rules import rules_not_found, told_effective, told_rules
from shared.web.access.caller import Caller


async def model_rules(model: str, context: Context) -> ScopeRules:
    """Return a model's own rules; raises NotFound where it has none."""
    found = await find_rules(context.database, model)
    if found is None or found.rules is None:
        await find_model(model, context)
        raise rules_not_found(model)
    return told_rules(found)


async def effective_rules(model: str, context: Context) -> EffectiveRules:
    """Return what applies to a model, which may be nothing; raises NotFound for the model."""
    await find_model(model, context)
    return told_effective(model, await read_effective(context.database, model))


async def namespace_rules(scope: str, caller: Caller, context: Context) -> ScopeRules:
    """Return the rules of a namespace, or of all models; raises Forbidden and NotFound."""
    caller.require_within(scope)
    found = await find_rules(context.database, scope)
    if found is None:
        raise rules_not_found(scope)
    return told_rules(found)
