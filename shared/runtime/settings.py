"""The one settings class. Every service, the local runner and compose read these names.

Values come from the environment or from a `.env` file in the working directory; `.env.example`
documents each. Secrets have no default, so nothing starts with a password that somebody knows.
"""

import re
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from registry.schemas.names import check_bucket_name
from shared.runtime.access_settings import AccessSettings
from shared.runtime.connection_settings import ConnectionSettings
from shared.runtime.indexer_settings import IndexerSettings
from shared.runtime.listed_values import each, listed_values
from shared.runtime.notifier_settings import NotifierSettings
from shared.runtime.telemetry_settings import TelemetrySettings

MIB = 1024 * 1024


def _check_group_pattern(pattern: str) -> None:
    if not re.fullmatch(r"[a-z0-9.*-]{1,63}", pattern):
        raise ValueError("must be names of buckets, in which * stands for any characters")


class Settings(
    AccessSettings, IndexerSettings, NotifierSettings, TelemetrySettings, ConnectionSettings
):
    """All settings of all services; a service reads those it needs."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    registry_host: str = "127.0.0.1"
    """Address that the HTTP services listen on."""
    registry_name: str = Field("model-registry", pattern=r"^[A-Za-z0-9._~-]{1,100}$")
    """Name that events carry as their source (/NAME); two registries on one topic need two."""
    registry_port: int = Field(8000, ge=1, le=65535)
    """Port of the ingest service; the one address that users are given."""
    query_port: int = Field(8001, ge=1, le=65535)
    """Port of the query service."""
    indexer_port: int = Field(8002, ge=1, le=65535)
    """Port of the indexer's health endpoints."""
    ingest_public_url: str = ""
    """Base URL of ingest as users reach it; empty: http(s)://localhost:REGISTRY_PORT."""
    query_public_url: str = ""
    """Base URL of query as users reach it; empty: http(s)://localhost:QUERY_PORT."""

    ingest_internal_url: str = Field("", pattern=r"^(https?://[^/\s@?#]+(/[^\s?#]*)?)?$")
    """Base URL of ingest as query reaches it; empty: as users do."""

    mongodb_url: SecretStr
    """Connection string with credentials. Use directConnection=true for a one-node replica set."""
    mongodb_db: str = Field("metadata", min_length=1, max_length=63)
    """Database that holds every collection of the registry."""
    mongodb_timeout_seconds: float = Field(10.0, gt=0)
    """Limit for one operation, server selection included."""
    mongodb_transaction_seconds: float = Field(15.0, gt=0)
    """Limit for one transaction, its repetitions after conflicts included."""

    minio_endpoint: str
    """host:port of the S3 API as the services reach it."""
    minio_public_endpoint: str = ""
    """host:port that signed URLs name; empty: MINIO_ENDPOINT."""
    minio_access_key: SecretStr
    """S3 access key."""
    minio_secret_key: SecretStr
    """S3 secret key."""
    minio_bucket: str = "models"
    """The default storage group: the bucket used when an upload names none."""
    minio_region: str = "us-east-1"
    """Region that signatures name; set so that signing costs no network call."""
    minio_notify_arn: str = "arn:minio:sqs::REGISTRY:kafka"
    """Notification target that buckets send their events to."""
    minio_timeout_seconds: float = Field(30.0, gt=0)
    """Limit for connecting to storage and for each read from it."""
    storage_groups: Annotated[str, each(check_bucket_name)] = ""
    """Further storage groups (buckets), separated by commas; one that is there is taken over."""
    storage_groups_allow_new: bool = False
    """Whether maintainers may name a storage group that is not there yet, and have it made."""
    storage_groups_new_names: Annotated[str, each(_check_group_pattern)] = Field(
        "", validate_default=True
    )
    """Names that such a group may have, patterns separated by commas, as ml-*; none by default."""

    kafka_bootstrap_servers: str = "localhost:9092"
    """host:port list as the services reach it."""
    kafka_public_bootstrap_servers: str = ""
    """host:port list that subscribers are told; empty: KAFKA_BOOTSTRAP_SERVERS."""
    kafka_bucket_events_topic: str = "bucket-events"
    """Topic that MinIO's notifications arrive on."""
    kafka_model_events_topic: str = "model-events"
    """Topic that model events (CloudEvents) leave on."""
    kafka_dead_letter_topic: str = "bucket-events.dead-letter"
    """Topic for bucket events that nothing can be made of."""
    kafka_indexer_group: str = "indexer"
    """Consumer group of the indexer."""
    kafka_topic_partitions: int = Field(6, ge=1, le=1000)
    """Partitions of a topic that the services create."""
    kafka_replication_factor: int = Field(1, ge=1, le=10)
    """Copies of each partition of a topic that the services create."""
    kafka_min_insync_replicas: int = Field(0, ge=0, le=10)
    """Copies that have a model event before it counts as confirmed; 0: 2 of 3 or more, else 1."""
    kafka_accept_topics: bool = False
    """True: a topic of model events that may lose some is used nevertheless, with a warning."""
    kafka_timeout_seconds: float = Field(10.0, gt=0)
    """Limit for one produce; a timeout means unknown, and the event is sent again."""

    upload_single_put_max_bytes: int = Field(16 * MIB, ge=0, le=5 * 1024 * MIB)
    """Files up to this size get one signed PUT, larger ones a multipart upload."""
    upload_part_size_bytes: int = Field(16 * MIB, ge=5 * MIB, le=5 * 1024 * MIB)
    """Preferred part size; grows with the file so that 10,000 parts always suffice."""
    upload_url_ttl_seconds: int = Field(3600, ge=1, le=7 * 24 * 3600)
    """Life of a signed upload URL; it can be signed again while the session is open."""
    upload_session_ttl_seconds: int = Field(24 * 3600, ge=1)
    """Life of an upload session: how long it takes bytes, and can be resumed."""
    query_search_folder: str = ""
    """Folder for query's copy of what is searched, kept over a restart; empty: a temporary one."""
    query_search_check_per_second: float = Field(50.0, gt=0)
    """Versions that query reads again each second, all the time, to mend what its copy lacks."""
    query_max_streams: int = Field(2000, ge=1, le=4000)
    """Streams of model events that one process of query has open at once; more are answered 503."""
    query_max_streams_per_principal: int = Field(1500, ge=1, le=4000)
    """Streams that one principal has open at once at one process; more are answered 429."""

    download_url_ttl_seconds: int = Field(3600, ge=1, le=7 * 24 * 3600)
    """Life of a signed download URL."""
    tool_url_ttl_seconds: int = Field(0, ge=0, le=7 * 24 * 3600)
    """Life of one that clients of other tools get; 0: a day, or less where deleting demands it."""

    deletion_retention_seconds: int = Field(7 * 24 * 3600, ge=1)
    """How long a deleted version can be restored; longer than any signed URL lives."""

    manifest_bucket: str = Field("registry-manifests", min_length=3, max_length=63)
    """Bucket for a small manifest of each version, from which records can be rebuilt."""
    ingest_max_requests: int = Field(64, ge=1)
    """Requests that ingest works on at once; more are answered 429 with Retry-After."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""
    log_format: Literal["console", "json"] = "json"
    """json: one object a line; console: for a person."""

    metrics_enabled: bool = True
    """Whether each service tells figures for Prometheus at /metrics."""

    @field_validator("minio_bucket", "manifest_bucket")
    @classmethod
    def _is_bucket_name(cls, value: str) -> str:
        return check_bucket_name(value)

    @field_validator("deletion_retention_seconds")
    @classmethod
    def _outlives_urls(cls, value: int, info: ValidationInfo) -> int:
        for name in ("upload_url_ttl_seconds", "download_url_ttl_seconds", "tool_url_ttl_seconds"):
            if value <= info.data.get(name, 0):
                raise ValueError(f"must be more than {name.upper()}: what it names must outlive it")
        return value

    @field_validator("manifest_bucket")
    @classmethod
    def _is_no_storage_group(cls, value: str, info: ValidationInfo) -> str:
        if value == info.data.get("minio_bucket"):
            raise ValueError("must be another bucket than MINIO_BUCKET")
        if value in listed_values(info.data.get("storage_groups", "")):
            raise ValueError("must not be one of STORAGE_GROUPS")
        return value

    @field_validator("storage_groups_new_names")
    @classmethod
    def _is_there_where_groups_are_made(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("storage_groups_allow_new") and not listed_values(value):
            raise ValueError("must say which names STORAGE_GROUPS_ALLOW_NEW allows, such as ml-*")
        return value

    @field_validator("kafka_min_insync_replicas")
    @classmethod
    def _is_at_most_all_copies(cls, value: int, info: ValidationInfo) -> int:
        if value > info.data.get("kafka_replication_factor", value):
            raise ValueError("must not be more than KAFKA_REPLICATION_FACTOR")
        return value

    @property
    def min_insync_replicas(self) -> int:
        """Copies that have an event before it is confirmed.

        With three copies two are asked for: one broker may be away, and another one lost. With
        two, asking for both would stop all events with either of them.
        """
        return self.kafka_min_insync_replicas or (2 if self.kafka_replication_factor >= 3 else 1)

    @property
    def tool_url_life_seconds(self) -> int:
        """Life of a signed download URL that clients of other tools are given."""
        longest = min(24 * 3600, self.deletion_retention_seconds - 1)
        return self.tool_url_ttl_seconds or max(1, longest)

    @property
    def event_source(self) -> str:
        """The source of this registry's events, as CloudEvents names it."""
        return f"/{self.registry_name}"

    @property
    def named_groups(self) -> tuple[str, ...]:
        """Storage groups that the operator names: the default one, and the further ones."""
        return tuple(dict.fromkeys((self.minio_bucket, *listed_values(self.storage_groups))))

    @property
    def new_group_names(self) -> tuple[str, ...]:
        """Patterns of the names that a new storage group may have; none where none is made."""
        if not self.storage_groups_allow_new:
            return ()
        return tuple(listed_values(self.storage_groups_new_names))

    @property
    def ingest_url(self) -> str:
        """Base URL of ingest as users reach it, without a trailing slash."""
        return (self.ingest_public_url or self._local_url(self.registry_port)).rstrip("/")

    @property
    def query_url(self) -> str:
        """Base URL of query as users reach it, without a trailing slash."""
        return (self.query_public_url or self._local_url(self.query_port)).rstrip("/")

    def _local_url(self, port: int) -> str:
        return f"{'https' if self.is_https else 'http'}://localhost:{port}"

    @property
    def storage_public_endpoint(self) -> str:
        """host:port that signed URLs name."""
        return self.minio_public_endpoint or self.minio_endpoint

    @property
    def events_bootstrap_servers(self) -> str:
        """host:port list that subscribers are told."""
        return self.kafka_public_bootstrap_servers or self.kafka_bootstrap_servers
