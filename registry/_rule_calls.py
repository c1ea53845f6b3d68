"""The client's calls about rules: of a model, of a namespace (`risk.*`), or of all models (`*`)."""

from collections.abc import Mapping
from typing import Any

from registry._alias_calls import revision_condition
from registry._answers import parse, request_of
from registry._proposal_calls import ProposalCalls
from registry._services import segment
from registry.schemas import EffectiveRules, RetentionReport, Rules, ScopeRules


class RuleCalls(ProposalCalls):
    """Reads, sets and removes rules.

    `if_revision` is the revision that the rules must be at to be changed; 0: there must be none;
    None: whatever they are. Else ConflictError is raised and nothing changed.
    """

    async def get_rules(self, scope: str) -> ScopeRules:
        """Return the rules of a scope's own; raises NotFoundError where it has none."""
        return await self._api.get(_path(scope), ScopeRules)

    async def effective_rules(self, model: str) -> EffectiveRules:
        """Return what applies to a model, and from which scope each field is.

        Raises NotFoundError for the model.
        """
        params = {"effective": "true"}
        return await self._api.get(_path(model), EffectiveRules, params)

    async def set_rules(
        self, scope: str, rules: Rules | Mapping[str, Any], *, if_revision: int | None = None
    ) -> ScopeRules:
        """Set the rules of a scope, in place of those before; where they are so, nothing changes.

        Raises InvalidRequestError naming the rule, NotFoundError for a model that has no version,
        ConflictError, AccessDeniedError.
        """
        body = rules if isinstance(rules, Rules) else request_of(Rules, rules)
        answer = await self._api.call(
            "ingest", "PUT", _path(scope), body=body, headers=revision_condition(if_revision)
        )
        return parse(answer, ScopeRules)

    async def remove_rules(self, scope: str, *, if_revision: int | None = None) -> None:
        """Remove the rules of a scope; may be repeated. Raises NotFoundError, ConflictError."""
        headers = revision_condition(if_revision)
        await self._api.call("ingest", "DELETE", _path(scope), headers=headers)

    async def evaluate_retention(self, model: str, *, apply: bool = False) -> RetentionReport:
        """Return what a model's rule of retention keeps and removes, and why.

        With `apply` what the rule removes is deleted, and can be restored. Raises NotFoundError,
        AccessDeniedError.
        """
        path = f"/v1/models/{segment(model)}/retention"
        params: dict[str, str | None] = {"apply": "true" if apply else None}
        report = parse(await self._api.call("ingest", "POST", path, params=params), RetentionReport)
        versions, cursor = list(report.versions), report.next_cursor
        while cursor is not None:
            params["cursor"] = cursor
            page = parse(
                await self._api.call("ingest", "POST", path, params=params), RetentionReport
            )
            versions, cursor = versions + page.versions, page.next_cursor
        return report.model_copy(update={"versions": versions, "next_cursor": None})


def _path(scope: str) -> str:
    if scope == "*" or scope.endswith(".*"):
        namespace = scope.removesuffix(".*")
        return f"/v1/namespaces/{segment(namespace)}/rules"
    return f"/v1/models/{segment(scope)}/rules"
