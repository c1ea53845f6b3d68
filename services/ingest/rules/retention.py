"""What the rule of retention comes to for a model, on demand: told, or done as well."""

from datetime import timedelta

from registry.schemas import RetentionReason, RetentionReport, RetentionVerdict
from services.ingest.context import Context
from shared.database import retention
from shared.database.models import find_model
from shared.domain.access.audit import Change
from shared.domain.errors import model_not_found
from shared.domain.retention import Judgement
from shared.web.access.caller import Caller
from shared.web.cursors import decode_numbers, encode_numbers

PAGE = 500
"""Versions of one answer; as many are deleted by one request at most."""


async def evaluate(
    model: str, cursor: str | None, caller: Caller, context: Context, *, apply: bool
) -> RetentionReport:
    """Answer what becomes of each version and why; with `apply` what is removed is deleted.

    Raises NotFound, and InvalidRequest for a cursor that no page gave.
    """
    before = decode_numbers(cursor, 1)[0] if cursor else None
    found = await retention.evaluate(context.database, model)
    if not found.judgements and await find_model(context.database, model) is None:
        raise model_not_found(model)
    following = [each for each in found.judgements if before is None or each.number < before]
    page = following[:PAGE]
    if apply:
        async with caller.audited(Change.APPLY_RETENTION, model):
            await _apply(model, page, context)
    removed = sum(each.outcome == "removed" for each in found.judgements)
    return RetentionReport(
        model=model,
        scope=found.applied.source("retention"),
        rule=found.applied.rules.retention,
        applied=apply,
        kept=len(found.judgements) - removed,
        removed=removed,
        versions=[_verdict(each) for each in page],
        next_cursor=encode_numbers(page[-1].number) if len(following) > PAGE else None,
    )


async def _apply(model: str, page: list[Judgement], context: Context) -> None:
    life = timedelta(seconds=context.settings.deletion_retention_seconds)
    # The oldest first: what is cut off leaves the newest.
    for judgement in reversed([each for each in page if each.outcome == "removed"]):
        await retention.remove(context.database, model, judgement.number, retention=life)


def _verdict(judgement: Judgement) -> RetentionVerdict:
    return RetentionVerdict(
        number=judgement.number,
        outcome=judgement.outcome,
        why=[RetentionReason(code=each.code, detail=each.detail) for each in judgement.why],
    )
