"""Repairs are counted once each, also where a round was cut off and goes on elsewhere."""

from types import SimpleNamespace
from typing import Any, cast

from prometheus_client import CollectorRegistry

from services.indexer.context import Context
from services.indexer.figures.counts import Counted
from services.indexer.reconcile.pace import Round, pace_of
from services.indexer.reconcile.report import Report
from shared.domain.records import utc_now


def round_with(registry: CollectorRegistry, report: Report, **fields: Any) -> Round:
    context = cast(Context, SimpleNamespace(counts=Counted(registry)))
    return Round(context, report, pace_of(1), "test", **fields)


def told(registry: CollectorRegistry, kind: str) -> float | None:
    return registry.get_sample_value("registry_repairs_total", {"kind": kind})


def test_what_was_mended_since_the_last_time_is_counted() -> None:
    registry, report = CollectorRegistry(), Report(started_at=utc_now())
    walk = round_with(registry, report)
    report.missing += 2
    walk.count_repairs()
    report.missing += 1
    report.restored += 1
    walk.count_repairs()
    walk.count_repairs()
    assert (told(registry, "missing"), told(registry, "restored")) == (3, 1)
    assert told(registry, "indexed") == 0


def test_what_another_process_has_mended_before_is_its_own() -> None:
    registry, report = CollectorRegistry(), Report(started_at=utc_now(), found=5)
    walk = round_with(registry, report, _counted=report.repairs)
    report.found += 1
    walk.count_repairs()
    assert told(registry, "found") == 1


def test_a_dry_run_mends_nothing() -> None:
    registry, report = CollectorRegistry(), Report(started_at=utc_now(), dry_run=True, missing=4)
    round_with(registry, report).count_repairs()
    assert told(registry, "missing") == 0
