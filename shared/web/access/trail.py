"""What the audit is told of one request: its refusals, and the changes that it makes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from fastapi import Request

from shared.domain.access.audit import (
    ALLOWED,
    DONE,
    AuditRecord,
    Change,
    ChangeEnd,
    bounded,
    refusal_outcome,
)
from shared.domain.access.principals import Principal
from shared.domain.errors import RegistryError
from shared.domain.records import new_id, utc_now
from shared.web.access.audit import Audit
from shared.web.guard import address_of

FAILED = "internal_error"


@dataclass(slots=True)
class Making:
    """A change that is being made; what it makes may be said once it is known."""

    subject: str = ""


@dataclass(frozen=True, slots=True)
class Trail:
    """Where a request comes from, and the audit that is told of it."""

    audit: Audit
    address: str
    request_id: str

    @classmethod
    def of(cls, request: Request) -> Self:
        """Return the trail of a request that a service handles."""
        state = request.state
        return cls(state.audit, address_of(request.scope), state.request_id)

    def refused(
        self, error: RegistryError, principal: Principal, action: str, model: str, subject: str
    ) -> None:
        """Keep a refusal."""
        entry = self._entry(principal, action, model, subject, refusal_outcome(error))
        self.audit.refused(entry)

    @asynccontextmanager
    async def change(
        self, change: Change, principal: Principal, model: str, subject: str
    ) -> AsyncGenerator[Making]:
        """Keep a change that the block makes: before it begins, and how it ended.

        Raises DatabaseUnavailable where the entry cannot be written; then nothing is changed.
        """
        entry = self._entry(principal, change, model, subject, ALLOWED)
        await self.audit.begin(entry)
        making, outcome = Making(), FAILED
        try:
            yield making
            outcome = DONE
        except RegistryError as error:
            outcome = error.code
            raise
        finally:
            # One that is cancelled is told as failed: nobody knows how far it came.
            ending = ChangeEnd(bounded(outcome), utc_now(), bounded(making.subject))
            self.audit.ended(entry.id, ending)

    def _entry(
        self, principal: Principal, action: str, model: str, subject: str, outcome: str
    ) -> AuditRecord:
        return AuditRecord(
            id=new_id(),
            at=utc_now(),
            principal=bounded(principal.id),
            action=str(action),
            model=bounded(model),
            subject=bounded(subject),
            address=bounded(self.address),
            request_id=self.request_id,
            outcome=outcome,
        )
