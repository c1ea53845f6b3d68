"""What clients of Hugging Face are told, by the names that they read (their hf_api.py)."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class HubAnswer(BaseModel):
    """One answer; its members are named as in JavaScript."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class SiblingLfs(HubAnswer):
    """Where a file of a repository lies elsewhere: what it must be."""

    sha256: str
    size: int
    pointer_size: int


class Sibling(HubAnswer):
    """A file of a repository; more than its name where `blobs` are asked for."""

    rfilename: str
    size: int | None = None
    blob_id: str | None = None
    lfs: SiblingLfs | None = None


class RepoInfo(HubAnswer):
    """A model at a revision; without `sha` and files where no version of it is ready."""

    id: str
    model_id: str
    author: str | None = None
    sha: str | None = None
    created_at: datetime
    last_modified: datetime | None = None
    private: bool
    gated: bool = False
    disabled: bool = False
    downloads: int = 0
    likes: int = 0
    tags: list[str]
    library_name: str | None = None
    used_storage: int | None = None
    siblings: list[Sibling] | None = None


class LastCommit(HubAnswer):
    """The version that a row belongs to."""

    id: str
    title: str
    date: datetime


class RowLfs(HubAnswer):
    """As SiblingLfs, by other names."""

    oid: str
    size: int
    pointer_size: int


class TreeRow(HubAnswer):
    """A file or a folder."""

    type: Literal["file", "directory"]
    path: str
    size: int
    oid: str
    lfs: RowLfs | None = None
    last_commit: LastCommit | None = None


class Ref(HubAnswer):
    """A name for a version."""

    name: str
    ref: str
    target_commit: str


class Refs(HubAnswer):
    """All names for versions of a model: aliases move as branches do, labels stay as tags do."""

    branches: list[Ref]
    tags: list[Ref]
    converts: list[Ref] = []
    pull_requests: list[Ref] = []


class AccessToken(HubAnswer):
    """What is told of the credential."""

    display_name: str
    role: Literal["read", "write"]


class Auth(HubAnswer):
    """How the caller is known."""

    type: Literal["access_token"] = "access_token"
    access_token: AccessToken


class WhoAmI(HubAnswer):
    """Who the caller is."""

    type: Literal["user"] = "user"
    id: str
    name: str
    fullname: str
    orgs: list[str] = []
    auth: Auth
