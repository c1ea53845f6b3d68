"""The client for code without `async`: scripts, notebooks, training jobs.

Example:
    from registry.client import ModelRegistryClient

    with ModelRegistryClient("http://localhost:8000") as client:
        version = client.upload("churn", b"model bytes", path="churn.bin", metrics={"auc": 0.91})
        client.download("churn", version.number, to="churn.bin")
"""

import contextlib
import functools
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from registry._blocking import Blocking, blocking, iterating
from registry._tokens import Tokens
from registry._webhooks import Webhooks
from registry.aio import AsyncModelRegistryClient

P = ParamSpec("P")
T = TypeVar("T")

Make = Callable[[], AsyncModelRegistryClient]
Init = Callable[["ModelRegistryClient", Make], None]


def _constructed_like(
    asynchronous: Callable[P, AsyncModelRegistryClient],
) -> "Callable[[Init], Callable[Concatenate[ModelRegistryClient, P], None]]":
    """Give a constructor the arguments of the asynchronous client's, which are written there."""

    def decorate(init: Init) -> "Callable[Concatenate[ModelRegistryClient, P], None]":
        @functools.wraps(AsyncModelRegistryClient.__init__)
        def construct(self: "ModelRegistryClient", *args: P.args, **kwargs: P.kwargs) -> None:
            init(self, functools.partial(asynchronous, *args, **kwargs))

        return construct

    return decorate


class ModelRegistryClient(Blocking[AsyncModelRegistryClient]):
    """Uploads, finds and downloads model versions; every call waits for its result.

    It runs the asynchronous client in a thread of its own, so it also works where an event loop
    is running already, as in a notebook. Calls may come from several threads. `progress` is called
    in that other thread. Close it when it is no longer needed; a client that is not closed ends its
    connections when it is collected or the interpreter ends.

    Its arguments are those of `AsyncModelRegistryClient`, and so are those of its calls.
    """

    @_constructed_like(AsyncModelRegistryClient)
    def __init__(self, make: Make) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._running: tuple[BlockingPortal, AsyncModelRegistryClient] | None = None
        self._finalizer: weakref.finalize[Any, Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and end the thread; a later call starts them again."""
        with self._lock:
            finalizer, self._finalizer, self._running = self._finalizer, None, None
        if finalizer is not None:
            finalizer()

    upload = blocking(AsyncModelRegistryClient.upload)
    download = blocking(AsyncModelRegistryClient.download)
    fetch = blocking(AsyncModelRegistryClient.fetch)
    read = blocking(AsyncModelRegistryClient.read)
    continue_upload = blocking(AsyncModelRegistryClient.continue_upload)
    declare_upload = blocking(AsyncModelRegistryClient.declare_upload)
    upload_model = blocking(AsyncModelRegistryClient.upload_model)
    get_metadata = blocking(AsyncModelRegistryClient.get_metadata)
    get_model = blocking(AsyncModelRegistryClient.get_model)
    discover = blocking(AsyncModelRegistryClient.discover)
    get_model_info = blocking(AsyncModelRegistryClient.get_model_info)
    list_models = iterating(AsyncModelRegistryClient.list_models)
    list_versions = iterating(AsyncModelRegistryClient.list_versions)
    get_version = blocking(AsyncModelRegistryClient.get_version)
    get_version_by_id = blocking(AsyncModelRegistryClient.get_version_by_id)
    search = iterating(AsyncModelRegistryClient.search)
    set_alias = blocking(AsyncModelRegistryClient.set_alias)
    get_alias = blocking(AsyncModelRegistryClient.get_alias)
    list_aliases = iterating(AsyncModelRegistryClient.list_aliases)
    alias_history = iterating(AsyncModelRegistryClient.alias_history)
    rollback_alias = blocking(AsyncModelRegistryClient.rollback_alias)
    remove_alias = blocking(AsyncModelRegistryClient.remove_alias)
    archive_version = blocking(AsyncModelRegistryClient.archive_version)
    unarchive_version = blocking(AsyncModelRegistryClient.unarchive_version)
    hold_version = blocking(AsyncModelRegistryClient.hold_version)
    release_version = blocking(AsyncModelRegistryClient.release_version)
    delete_version = blocking(AsyncModelRegistryClient.delete_version)
    restore_version = blocking(AsyncModelRegistryClient.restore_version)
    copy_version = blocking(AsyncModelRegistryClient.copy_version)
    update_version = blocking(AsyncModelRegistryClient.update_version)
    update_model = blocking(AsyncModelRegistryClient.update_model)
    version_edits = iterating(AsyncModelRegistryClient.version_edits)
    model_edits = iterating(AsyncModelRegistryClient.model_edits)
    propose_alias = blocking(AsyncModelRegistryClient.propose_alias)
    approve_alias = blocking(AsyncModelRegistryClient.approve_alias)
    withdraw_alias = blocking(AsyncModelRegistryClient.withdraw_alias)
    list_alias_proposals = iterating(AsyncModelRegistryClient.list_alias_proposals)
    get_rules = blocking(AsyncModelRegistryClient.get_rules)
    effective_rules = blocking(AsyncModelRegistryClient.effective_rules)
    set_rules = blocking(AsyncModelRegistryClient.set_rules)
    evaluate_retention = blocking(AsyncModelRegistryClient.evaluate_retention)
    remove_rules = blocking(AsyncModelRegistryClient.remove_rules)
    lineage = blocking(AsyncModelRegistryClient.lineage)
    draw_lineage = blocking(AsyncModelRegistryClient.draw_lineage)
    add_lineage = blocking(AsyncModelRegistryClient.add_lineage)
    remove_lineage = blocking(AsyncModelRegistryClient.remove_lineage)
    wait_until_ready = blocking(AsyncModelRegistryClient.wait_until_ready)
    compare = blocking(AsyncModelRegistryClient.compare)
    get_downloads = blocking(AsyncModelRegistryClient.get_downloads)
    open_upload = blocking(AsyncModelRegistryClient.open_upload)
    get_upload = blocking(AsyncModelRegistryClient.get_upload)
    complete_upload = blocking(AsyncModelRegistryClient.complete_upload)
    abort_upload = blocking(AsyncModelRegistryClient.abort_upload)
    follow_events = iterating(AsyncModelRegistryClient.follow_events)
    audit = iterating(AsyncModelRegistryClient.audit)
    whoami = blocking(AsyncModelRegistryClient.whoami)

    @property
    def tokens(self) -> "BlockingTokens":
        """The registry's tokens: made, listed, revoked."""
        return BlockingTokens(self)

    @property
    def webhooks(self) -> "BlockingWebhooks":
        """The registry's webhooks: made, paused, tried, and what was delivered to them."""
        return BlockingWebhooks(self)

    def _run(self, work: Callable[[AsyncModelRegistryClient], Awaitable[T]]) -> T:
        portal, client = self._start()
        future = portal.start_task_soon(work, client)
        try:
            return future.result()
        except BaseException:
            # Ctrl-C is raised in the caller's thread; the work in the other one is cancelled.
            future.cancel()
            raise

    def _start(self) -> tuple[BlockingPortal, AsyncModelRegistryClient]:
        with self._lock:
            if self._running is None:
                # Where the client cannot be made, as without an address, its thread ends again.
                with contextlib.ExitStack() as stack:
                    portal = stack.enter_context(start_blocking_portal(name="registry-client"))
                    client = portal.call(self._make)
                    stack.callback(portal.call, client.close)
                    self._running = portal, client
                    # It ends the thread when the client is collected, or the interpreter ends. It
                    # must not refer to the client, which would then never be collected.
                    self._finalizer = weakref.finalize(self, stack.pop_all().close)
            return self._running


class BlockingTokens(Blocking[Tokens]):
    """The tokens of a registry, as `client.tokens`; every call waits for its result."""

    def __init__(self, client: ModelRegistryClient) -> None:
        self._client = client

    create = blocking(Tokens.create)
    list = iterating(Tokens.list)
    revoke = blocking(Tokens.revoke)

    def _run(self, work: Callable[[Tokens], Awaitable[T]]) -> T:
        return self._client._run(lambda client: work(client.tokens))  # pyright: ignore[reportPrivateUsage]


class BlockingWebhooks(Blocking[Webhooks]):
    """The webhooks of a registry, as `client.webhooks`; every call waits for its result."""

    def __init__(self, client: ModelRegistryClient) -> None:
        self._client = client

    create = blocking(Webhooks.create)
    list = iterating(Webhooks.list)
    get = blocking(Webhooks.get)
    change = blocking(Webhooks.change)
    delete = blocking(Webhooks.delete)
    pause = blocking(Webhooks.pause)
    resume = blocking(Webhooks.resume)
    rotate = blocking(Webhooks.rotate)
    test = blocking(Webhooks.test)
    replay = blocking(Webhooks.replay)
    deliveries = iterating(Webhooks.deliveries)

    def _run(self, work: Callable[[Webhooks], Awaitable[T]]) -> T:
        return self._client._run(lambda client: work(client.webhooks))  # pyright: ignore[reportPrivateUsage]
