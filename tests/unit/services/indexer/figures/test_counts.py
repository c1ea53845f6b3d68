"""What the indexer counts: by what the code says, in bounds, and from the beginning."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from registry.schemas import Reason
from services.indexer.figures.counts import REASONS, Counted
from services.indexer.reconcile.report import REPAIRS
from shared.runtime.telemetry import labels
from tests.support.records import version

CHECKOUT = Path(__file__).parents[5]
REJECTED = "registry_versions_rejected_total"
SETTLED = "registry_versions_settled_total"
REPAIRED = "registry_repairs_total"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def told(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def rejected(*codes: str) -> list[Reason]:
    return [Reason(code=code, detail="told to a person", path="a.bin") for code in codes]


def test_states_and_repairs_are_told_before_there_is_one(registry: CollectorRegistry) -> None:
    Counted(registry)
    assert {told(registry, SETTLED, state=each) for each in ("ready", "rejected", "missing")} == {0}
    assert {told(registry, REPAIRED, kind=each) for each in REPAIRS} == {0}
    assert told(registry, "registry_dead_letters_total") == 0


def test_reasons_are_told_before_there_is_one(registry: CollectorRegistry) -> None:
    Counted(registry)
    assert {told(registry, REJECTED, reason=each) for each in REASONS} == {0}
    assert "rule_required_model_card" in REASONS
    assert "safetensors_header_not_json" in REASONS
    assert len(REASONS) == len(set(REASONS)) < labels.MOST_VALUES


def test_reasons_of_the_code_are_known() -> None:
    """As they stand in it; those of rules and formats are made of parts."""
    written = (CHECKOUT / "services/indexer/verify").rglob("*.py")
    files = [*written, CHECKOUT / "shared/storage/joining.py"]
    files.append(CHECKOUT / "services/indexer/reconcile/expiry.py")
    found = {
        code
        for file in files
        for code in re.findall(r'Reason\(code="(\w+)"', file.read_text(encoding="utf-8"))
    }
    assert {"size_mismatch", "parts_lost", "upload_expired"} <= found
    assert found <= set(REASONS)


def test_a_rejected_version_counts_each_reason_once(registry: CollectorRegistry) -> None:
    counted = Counted(registry)
    reasons = rejected("digest_mismatch", "digest_mismatch", "size_mismatch")
    counted.version_settled(version(state="rejected", reasons=reasons))
    assert told(registry, SETTLED, state="rejected") == 1
    assert told(registry, REJECTED, reason="digest_mismatch") == 1
    assert told(registry, REJECTED, reason="size_mismatch") == 1


def test_a_version_that_is_on_its_way_is_not_settled(registry: CollectorRegistry) -> None:
    Counted(registry).version_settled(version(state="verifying"))
    assert {told(registry, SETTLED, state=each) for each in ("ready", "rejected", "missing")} == {0}


def test_there_are_no_more_reasons_than_a_bound(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "MOST_VALUES", len(REASONS) + 1)
    counted = Counted(registry)
    for code in ("first", "second", "third", "first"):
        counted.version_settled(version(state="rejected", reasons=rejected(code)))
    assert told(registry, REJECTED, reason="first") == 2
    assert told(registry, REJECTED, reason="other") == 2
