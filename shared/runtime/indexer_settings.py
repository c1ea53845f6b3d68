"""Settings of the indexer's work. They are part of `Settings`."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class IndexerSettings(BaseSettings):
    """How much is done at once, how fast, how often, and what a check may cost."""

    indexer_internal_url: str = Field("", pattern=r"^(https?://[^/\s@?#]+(/[^\s?#]*)?)?$")
    """Base URL of the indexer's health as query reaches it; empty: on its own machine."""
    indexer_batch_size: int = Field(1200, ge=1, le=10_000)
    """Bucket events taken from Kafka and acknowledged together."""
    indexer_concurrency: int = Field(16, ge=1, le=1000)
    """Storage requests under way at once."""
    verify_concurrency: int = Field(2, ge=1, le=64)
    """Objects hashed at once by streamed reads."""

    format_check_processes: int = Field(1, ge=1, le=64)
    """Files with large headers that the indexer checks at once, each in a process of its own."""
    format_check_memory_mib: int = Field(384, ge=64, le=65_536)
    """Memory of one such process, in MiB; a file whose check needs more is rejected."""
    format_check_cpu_seconds: int = Field(60, ge=1, le=3600)
    """Processor time of one such process; a file whose check needs more is rejected."""
    work_max_attempts: int = Field(8, ge=1, le=100)
    """Failed attempts at a full read after which it becomes a dead letter."""
    reconcile_interval_seconds: float = Field(300.0, ge=0)
    """Pause between two comparisons, at most doubled while events wait; 0: only by an operator."""
    reconcile_requests_per_second: float = Field(500.0, gt=0)
    """Limit of the requests to storage that one comparison makes."""
    scrub_requests_per_second: float = Field(10.0, ge=0)
    """Rate at which each verified object is asked for by itself, all the time; 0: never."""
    retention_interval_seconds: float = Field(3600.0, ge=0)
    """Longest pause between two evaluations of the rules of retention; 0: only on demand."""
    found_settle_seconds: float = Field(3.0, ge=0, le=24 * 3600)
    """A folder of objects that nobody declared becomes a version so long after its last object."""
    found_longest_seconds: float = Field(3600.0, ge=0, le=7 * 24 * 3600)
    """And at the latest so long after its first one, however many still come."""
    stray_policy: Literal["report", "quarantine"] = "report"
    """quarantine: an object of no version is hidden behind a delete marker; its bytes stay."""
    stray_age_seconds: int = Field(7 * 24 * 3600, ge=0)
    """How long an object of no version is left alone."""
