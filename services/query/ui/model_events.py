"""The newest events of a model on its page, from those that the process keeps for streams."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, Field, ValidationError

from registry.schemas import Reason
from registry.schemas.event_types import short_type
from registry.schemas.events import AliasChange, EditChange
from registry.schemas.proposals import ProposalChange
from registry.schemas.versions import Deletion, Hold
from services.query.context import Context
from services.query.stream.wire import StreamEvent

EVENTS_SHOWN = 20


class _Data(BaseModel):
    """What is shown of an event's data: not its files, of which there may be a thousand."""

    number: int
    state: str = ""
    alias: AliasChange | None = None
    proposal: ProposalChange | None = None
    edit: EditChange | None = None
    model_edit: EditChange | None = None
    reasons: list[Reason] = Field(default_factory=list[Reason])
    hold: Hold | None = None
    deletion: Deletion | None = None


class _Event(BaseModel):
    type: str
    time: datetime
    sequence: int
    data: _Data


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event as a line tells it."""

    at: datetime
    type: str
    """In short: `version.ready`."""
    sequence: int
    number: int
    """Of the version that it tells of, which is the newest one where it is of the model."""
    about: str
    """What else it tells; empty: nothing."""
    by: str
    """The principal whose act it was; empty: nobody's, or it does not say."""


@dataclass(frozen=True, slots=True)
class ModelEvents:
    """Events of a model, the newest first."""

    items: Sequence[ShownEvent] = ()
    trouble: str = ""
    """Why they cannot be told now."""


async def newest_events(model: str, context: Context) -> ModelEvents:
    """Return the newest events of a model among those that are kept."""
    tail = context.streams.tail
    if (ring := tail.ring) is None:
        return ModelEvents(trouble=f"Events cannot be told now: {tail.away or 'they are read'}.")
    found = ring.newest_of(model, EVENTS_SHOWN)
    # One that tells of a thousand files takes a millisecond to be read.
    told = await asyncio.to_thread(lambda: [_shown(each) for each in found])
    return ModelEvents([each for each in told if each is not None])


def _shown(event: StreamEvent) -> ShownEvent | None:
    """Return an event as it is shown; None for one that is not as this release knows events."""
    try:
        read = _Event.model_validate_json(event.value)
    except ValidationError:
        return None
    kind = short_type(read.type)
    about, by = _about(kind, read.data)
    return ShownEvent(read.time, kind, read.sequence, read.data.number, about, by)


def _about(kind: str, data: _Data) -> tuple[str, str]:
    """Return what an event tells, and whose act it was."""
    if (alias := data.alias) is not None:
        before = f", from {alias.from_number}" if alias.from_number is not None else ""
        told = f"{alias.name} {_place(alias.to_number)}{before}"
        return _with_reason(told, alias.reason), alias.by
    if (proposal := data.proposal) is not None:
        told = f"{proposal.alias} {_place(proposal.number)}"
        return _with_reason(told, proposal.reason), proposal.closed_by or proposal.by
    if (edit := data.edit or data.model_edit) is not None:
        fields = ", ".join(dict.fromkeys((*edit.before, *edit.after)))
        return _with_reason(fields, edit.reason), edit.by
    if kind == "version.held" and data.hold is not None:
        return data.hold.reason, data.hold.by
    if kind == "version.deleted" and data.deletion is not None:
        return data.deletion.reason, data.deletion.by
    return ", ".join(dict.fromkeys(each.code for each in data.reasons)), ""


def _place(number: int | None) -> str:
    return "removed" if number is None else f"to {number}"


def _with_reason(told: str, reason: str) -> str:
    return f"{told}: {reason}" if reason else told
