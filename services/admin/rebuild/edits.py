"""Edits as the events tell of them."""

from collections.abc import Iterable

from registry.schemas import EditChange, ModelEvent
from shared.domain.edits import EditRecord


def edits_of(events: Iterable[ModelEvent]) -> list[EditRecord]:
    """Return the edit of each event that tells of one.

    The keys of requests are not told: one that is sent again after the loss is a new one.
    """
    found: list[EditRecord] = []
    for event in events:
        if (edit := event.data.edit) is not None:
            found.append(_record(event, edit, event.data.number, event.data.version_id))
        if (edit := event.data.model_edit) is not None:
            found.append(_record(event, edit, None, None))
    return found


def _record(
    event: ModelEvent, edit: EditChange, number: int | None, version_id: str | None
) -> EditRecord:
    return EditRecord(
        model=event.data.model,
        number=number,
        version_id=version_id,
        revision=edit.revision,
        at=event.time,
        by=edit.by,
        reason=edit.reason,
        before=edit.before,
        after=edit.after,
        sequence=event.sequence,
    )
