"""Rules as the events tell of them: those of models in their sequences, others in their own."""

from collections.abc import Iterable

from registry.schemas import ModelEvent, NamespaceEvent, RulesChange
from shared.domain.rules import RulesRecord


def rules_of(events: Iterable[ModelEvent | NamespaceEvent]) -> list[RulesRecord]:
    """Return the newest change of each scope's rules that these events tell of."""
    newest: dict[str, RulesRecord] = {}
    for event in events:
        told = event.data if isinstance(event, NamespaceEvent) else event.data.rules
        if told is None:
            continue
        known = newest.get(told.scope)
        if known is None or known.revision < told.revision:
            newest[told.scope] = _record(told, event)
    return list(newest.values())


def _record(told: RulesChange, event: ModelEvent | NamespaceEvent) -> RulesRecord:
    return RulesRecord(
        scope=told.scope,
        revision=told.revision,
        at=event.time,
        by=told.by,
        rules=told.rules,
        sequence=event.sequence,
    )
