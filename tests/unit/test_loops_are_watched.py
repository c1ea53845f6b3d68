"""Every long-running loop has a mark, whose trouble readiness tells: here they are all named."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from services.indexer.context import Context
from services.indexer.health import Health
from services.indexer.kafka.watch import KafkaWatch
from services.indexer.publish.lane import Hold
from services.indexer.publish.relay import Relay
from services.indexer.reconcile.periodic import periodic_parts
from services.indexer.reconcile.schedule import Reconciler
from services.indexer.work.workers import Workers
from services.notifier.health import Health as NotifierHealth
from services.notifier.sending.dispatcher import Dispatcher
from services.query.search.projection.projection import Projection
from services.query.stream.tail import Tail
from services.query.versions.feed import VersionFeed
from shared.database.client import Database
from shared.kafka.connection import KafkaProbe
from shared.runtime.service_users import SERVICES
from shared.web.access.audit import Audit
from tests.support.isolation import SETTINGS

ROOT = Path(__file__).parents[2]

WATCHED = {
    "services/indexer/found/adopter.py:Adopter.run": "adoption of found folders",
    "services/indexer/kafka/watch.py:KafkaWatch.run": "watch of Kafka",
    "services/indexer/publish/lane.py:Lane.follow": "lane 0 of the outbox",
    "services/indexer/publish/relay.py:Relay.run": "relay",
    "services/indexer/reconcile/periodic.py:Periodic.run": "expire",
    "services/indexer/reconcile/schedule.py:Reconciler.run": "comparison of buckets and records",
    "services/indexer/work/workers.py:Workers._worker": "worker 1",
    "services/notifier/sending/dispatcher.py:Dispatcher.run": "dispatch of webhooks",
    "services/query/search/projection/projection.py:Projection._check": "check of search",
    "services/query/search/projection/projection.py:Projection._keep": "search",
    "services/query/search/projection/projection.py:Projection._obey": "requests for search",
    "services/query/stream/tail.py:Tail.run": "tail of model events",
    "services/query/stream/tail.py:_Connection.read": "tail of model events",
    "shared/database/watch.py:_watch": "change stream of versions",
    "shared/kafka/pipeline.py:run_parts": "consumer",
    "shared/web/access/audit.py:Audit.run": "audit",
}
"""Loops that go on for ever, and the mark of each."""

SHORT = {
    "shared/kafka/topic_reader.py:TopicReader._partitions": "its caller's time limit",
    "services/query/stream/reader.py:Reader._follow": "a stream of its reader's own",
    "services/query/versions/feed.py:_Awaited._until_settled": "the requests that wait for it",
    "shared/database/leases.py:_wait_for": "it tells the mark of whoever waits",
    "shared/database/leases.py:keep_renewed": "standing still it loses its lease to others",
    "shared/database/storage_groups.py:first_version_in": "a command of an operator waits",
    "shared/database/transactions.py:_commit": "the transaction's deadline",
    "shared/database/transactions.py:_run": "the transaction's deadline",
    "shared/storage/cleaning.py:abort_open_uploads": "each request tells of a step",
    "shared/storage/multipart.py:MultipartUploads.open_uploads": "each request tells of a step",
    "shared/storage/multipart.py:MultipartUploads.parts": "each request tells of a step",
    "shared/storage/object_parts.py:read_parts": "each request tells of a step",
}
"""Loops that end with something else, and with what."""

PARSERS = "shared/formats/"
"""They end with the header that they read, and each reading tells of a step."""


def loops() -> Iterator[str]:
    """Every coroutine of the services that loops until something inside it ends it."""
    for folder in (*(f"services/{name}" for name in SERVICES), "shared"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(PARSERS):
                continue
            for scope, function in _coroutines(ast.parse(path.read_text("utf-8")), ""):
                if any(map(_is_endless, ast.walk(function))):
                    yield f"{name}:{scope}{function.name}"


def _coroutines(node: ast.AST, scope: str) -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.AsyncFunctionDef):
            yield scope, child
        elif isinstance(child, ast.ClassDef):
            yield from _coroutines(child, f"{scope}{child.name}.")


def _is_endless(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.While)
        and isinstance(node.test, ast.Constant)
        and node.test.value is True
    )


def test_every_loop_is_watched_or_ends_with_something_that_is() -> None:
    assert set(loops()) == WATCHED.keys() | SHORT.keys()


def test_every_mark_is_one_of_a_loop() -> None:
    made: Any = SimpleNamespace(outbox=None, database=None, settings=SETTINGS)
    context = cast(Context, made)
    relay = Relay(context, cast(Any, None))
    workers = Workers(context, cast(Any, None))
    reconciler = Reconciler(context, lambda: None)
    probe = KafkaProbe(SETTINGS)
    kafka = KafkaWatch(probe, reconciler.kafka_returned)
    feed = VersionFeed(cast(Database, None))
    periodic = [part.mark for part in (*periodic_parts(context), kafka)]
    marks = (
        *periodic,
        *relay.marks(),
        *workers.marks(),
        reconciler.mark,
        feed.mark,
        *Projection(
            cast(Any, SimpleNamespace(name="", event_source="")), "", check_versions_per_second=1
        ).marks,
        Tail(SETTINGS).mark,
        Audit(cast(Database, None)).mark,
        Dispatcher(made, cast(Any, None)).mark,
        NotifierHealth(probe).batch,
        *(Health(SETTINGS, probe).batch, Health(SETTINGS, probe).polls),
    )
    names = {mark.name for mark in marks}
    assert set(WATCHED.values()) < names
    assert names - set(WATCHED.values()) == {
        *(f"lane {number} of the outbox" for number in (1, 2, 3)),
        *("worker 2", "scrub", "retention"),
        *("batch of bucket events", "batch of model events", "change stream of models"),
    }


def test_a_model_that_is_held_up_has_a_mark_too() -> None:
    assert Hold.of("churn", ValueError("x")).mark.trouble() == "model 'churn' fails (ValueError: x)"
