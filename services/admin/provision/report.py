"""What provisioning did, and what it would do."""

from typing import Any

from pydantic import BaseModel, Field


class ProvisionReport(BaseModel):
    """What provisioning made; what was there is told as well."""

    buckets: list[str]
    """The manifests' one, and the storage groups."""
    storage_users: dict[str, str]
    """Names of users at MinIO, by service."""
    database_users: dict[str, str]
    """Names of users at MongoDB, by service."""
    kafka_rights: list[str] = Field(default_factory=list[str])
    """What principals may do in Kafka, where settings name any; or why none were given."""
    missing_indexes: str = ""
    """Indexes of large collections that `migrate` has to build."""
    retired: list[str] = Field(default_factory=list[str])
    """Users that were removed."""


class ProvisionPlan(BaseModel):
    """What the services' users would be allowed, for operators who make them by other tools."""

    policies: dict[str, dict[str, Any]]
    """Of object storage, by service, as AWS writes them."""
    roles: dict[str, list[dict[str, Any]]]
    """Privileges in MongoDB, by service, as `createRole` takes them."""
