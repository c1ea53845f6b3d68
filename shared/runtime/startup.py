"""Waiting for the servers that a service needs, instead of failing because one is not up yet."""

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from shared.runtime.logs import get_logger
from shared.runtime.tasks import heed_cancellation

log = get_logger(__name__)


async def until_done(
    what: str, work: Callable[[], Awaitable[None]], *, errors: tuple[type[Exception], ...]
) -> None:
    """Repeat idempotent `work` until it succeeds, with growing jittered pauses of at most 5 s.

    Other exceptions than `errors` are raised at once: waiting does not mend them.
    """

    def report(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        log.warning("waiting", waits_for=what, error=type(failure).__name__, detail=str(failure))

    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(errors),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        before_sleep=report,
        reraise=True,
    ):
        heed_cancellation()
        with attempt:
            await work()
