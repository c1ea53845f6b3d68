"""Names that are hard to write, clocks that are wrong, uploads that are meant to be refused."""

import os

import pytest

from registry.schemas.names import MAX_MODEL_CHARACTERS
from tests.faults.harness.running_registry import Harness
from tests.faults.harness.uploader import upload_many

pytestmark = pytest.mark.servers

LONG_PATH = "/".join("pqrs"[n] * size for n, size in enumerate((200, 200, 200, 90)))
PATHS = (
    "with space.bin",
    "a+b.bin",
    "100%.bin",
    "%41%2F.bin",
    "deep/er/est.bin",
    "gewicht-größe-重み-🤖.bin",
    LONG_PATH,
)
"""The last one is as long as file systems below storage let a path of such parts be."""


async def test_keys_of_every_kind_are_uploaded_and_found(registry: Harness) -> None:
    await registry.start_both()
    long_model = registry.model + "é" * (MAX_MODEL_CHARACTERS - len(registry.model))
    for model in (registry.model, f"A_b.C-d.{registry.model}", long_model):
        await registry.uploader.upload(model, {path: os.urandom(300) for path in PATHS})
    for number, path in enumerate(PATHS, 1):
        registry.write(f"found-{registry.model}/{number}/{path}", os.urandom(300))
    assert len(registry.ledger.confirmed) == 3
    assert await registry.violations() == []


async def test_clocks_that_are_ten_minutes_off_change_nothing(registry: Harness) -> None:
    ingest = registry.launch("ingest", "clock:600")
    early = registry.launch("indexer", "clock:-600", RECONCILE_INTERVAL_SECONDS="2")
    late = registry.launch("indexer", "clock:600", RECONCILE_INTERVAL_SECONDS="2")
    for service in (ingest, early, late):
        await service.ready()
    await upload_many(registry.uploader, registry.model, 12)
    for number in range(1, 9):  # so that either indexer adopts some
        registry.write(f"found-{registry.model}-{number}/1/model.bin", os.urandom(3000))
    assert len(registry.ledger.confirmed) == 12
    assert await registry.violations() == []


async def test_bad_bytes_are_rejected_beside_good_ones(registry: Harness) -> None:
    await registry.start_both()
    for _ in range(3):
        bad = {"model.safetensors": os.urandom(200), "other.bin": os.urandom(200)}
        await registry.uploader.upload(registry.model, bad, outcome="rejected")
        await registry.uploader.upload(registry.model, os.urandom(200))
    assert await registry.violations() == []
