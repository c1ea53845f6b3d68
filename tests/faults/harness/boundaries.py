"""Boundaries inside the services' work, by name: where a process is killed, stopped or misled."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Boundary:
    """A place before or after a call of a coroutine function."""

    target: str
    """module:attribute, the attribute as its user looks it up."""
    when: Literal["before", "after"]
    call: int = 1
    """Which call of the process, from 1."""


BOUNDARIES = {
    # ingest
    "after_intent": Boundary("services.ingest.uploads.opening:open_version", "after"),
    "after_manifest": Boundary("services.ingest.uploads.opening:keep_manifest", "after"),
    "after_multipart": Boundary("shared.storage.multipart:MultipartUploads.create", "after"),
    "before_end": Boundary("services.ingest.uploads.completion:complete_session", "before"),
    "after_end": Boundary("services.ingest.uploads.completion:complete_session", "after"),
    "after_join": Boundary("shared.storage.multipart:MultipartUploads.complete", "after"),
    # events in
    "after_event_read": Boundary("services.indexer.app:handle_batch", "before"),
    "before_inspection": Boundary("services.indexer.events.indexing:inspect_object", "before"),
    "after_verification": Boundary("services.indexer.events.indexing:settle", "before"),
    "after_transaction": Boundary("services.indexer.events.indexing:settle", "after"),
    "before_offset_commit": Boundary("aiokafka:AIOKafkaConsumer.commit", "before"),
    # objects that nobody declared
    "after_sighting": Boundary("services.indexer.events.indexing:record_found", "after"),
    "before_adoption": Boundary("services.indexer.found.adoption:open_versions", "before"),
    "after_adoption": Boundary("services.indexer.found.adoption:open_versions", "after"),
    "before_manifest": Boundary("services.indexer.found.adoption:keep_manifest", "before"),
    "before_leaving": Boundary("services.indexer.found.adoption:finish_folders", "before"),
    # objects that are read whole
    "after_claim": Boundary("services.indexer.verify.full_reads:_read_whole", "before"),
    "after_full_read": Boundary("services.indexer.verify.full_reads:settle", "before"),
    # deleted versions
    "before_purge": Boundary("services.indexer.work.purge:begin_purge", "before"),
    "after_purge_began": Boundary("services.indexer.work.purge:begin_purge", "after"),
    "after_removal": Boundary("services.indexer.work.purge:remove_version", "after"),
    "after_manifest_removal": Boundary("services.indexer.work.purge:remove_manifest", "after"),
    "after_purge": Boundary("services.indexer.work.purge:finish_purge", "after"),
    # events out
    "between_events": Boundary("services.indexer.kafka.publisher:KafkaPublisher.send", "before", 2),
    "after_publishing": Boundary("shared.database.outbox:Outbox.remove", "before"),
}
