"""Waiting for the servers that a service needs, instead of failing because one is not up yet."""

from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from shared.runtime.logs import get_logger
from shared.runtime.tasks import heed_cancellation

log = get_logger(__name__)


class Preparation:
    """What a service does before it is ready, beside answering that it is not."""

    def __init__(self, waits_for: str) -> None:
        self.waits_for = waits_for
        """What is missing; empty once all is done."""

    async def run(
        self, prepare: Callable[[], Awaitable[None]], *, errors: tuple[type[Exception], ...]
    ) -> None:
        """Prepare until it succeeds; a defect is logged, and leaves the service not ready."""
        usual = self.waits_for

        def tell(failure: BaseException) -> None:
            self.waits_for = waits_for(failure, usual)

        try:
            await until_done(usual, prepare, errors=errors, on_failure=tell)
        except Exception as error:
            log.error("preparation failed", exc_info=error)
            self.waits_for = f"{usual} (failed: {type(error).__name__})"
        else:
            self.waits_for = ""


@runtime_checkable
class TellsWhatItWaitsFor(Protocol):
    """A failure that is not simply a server that is away."""

    waits_for: str
    """What a person has to do, in a few words."""


def waits_for(failure: BaseException, usual: str) -> str:
    """Return what a failure says that is waited for, else what usually is."""
    return failure.waits_for if isinstance(failure, TellsWhatItWaitsFor) else usual


def _ignore(_: BaseException) -> None:
    return


async def until_done(
    what: str,
    step: Callable[[], Awaitable[None]],
    *,
    errors: tuple[type[Exception], ...],
    on_failure: Callable[[BaseException], None] = _ignore,
) -> None:
    """Repeat an idempotent step until it succeeds, with growing jittered pauses of at most 5 s.

    Other exceptions than `errors` are raised at once: waiting does not mend them.
    """

    def report(state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome else None
        log.warning("waiting", waits_for=what, error=type(failure).__name__, detail=str(failure))
        if failure is not None:
            on_failure(failure)

    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(errors),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        before_sleep=report,
        reraise=True,
    ):
        heed_cancellation()
        with attempt:
            await step()
