"""What each service may do in object storage, as policies of AWS's kind.

Each statement is there for a request that the service makes; docs/decisions/0024 has the reasons.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.storage.groups import may_be_new

Policy = dict[str, Any]
_ARN = "arn:aws:s3:::"
_LOOK = ("s3:ListBucket", "s3:GetBucketVersioning", "s3:GetBucketNotification")
"""What readiness and the start look at. HEAD of a bucket is s3:ListBucket, for AWS as well."""
_SET_UP = ("s3:CreateBucket", "s3:PutBucketVersioning", "s3:PutBucketNotification")

_LIST = ("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads")
_READ = ("s3:GetObject", "s3:GetObjectVersion")
_ATTRIBUTES = ("s3:GetObjectAttributes", "s3:GetObjectVersionAttributes")
_REMOVE = ("s3:DeleteObject", "s3:DeleteObjectVersion")
_EVERYTHING = (f"{_ARN}*",)

_UNSIGNED = ("s3:x-amz-storage-class", "s3:RequestObjectTagKeys")
"""What a PUT may say beside what its URL signs, since MinIO takes it: AWS refuses that itself."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The buckets that policies name."""

    groups: Sequence[str]
    manifests: str
    new: Sequence[str] = ()
    """Patterns of those that an upload may have made."""

    @property
    def allowed(self) -> Sequence[str]:
        """Names and patterns of groups for what is allowed: each once, since a store bounds it."""
        return (*(name for name in self.groups if not may_be_new(name, self.new)), *self.new)


def storage_policies(buckets: Buckets) -> Mapping[str, Policy]:
    """Return the policy of each service."""
    return {
        "ingest": _policy(_ingest(buckets)),
        "query": _policy(_query(buckets)),
        "indexer": _policy(_indexer(buckets)),
    }


def _ingest(buckets: Buckets) -> Iterable[Policy | None]:
    """Let it sign and join uploads, and see which keys there are; it reads and removes nothing."""
    groups = buckets.allowed
    write = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
    yield _allow(write, _objects(groups))
    yield from (_deny_where_said(key, _EVERYTHING) for key in _UNSIGNED)
    yield _allow((*_LOOK, "s3:ListBucketMultipartUploads"), _buckets(groups))
    yield from _manifests(buckets)
    if buckets.new:
        # To see that a bucket which another made holds nothing, all versions are listed.
        yield _allow((*_SET_UP, "s3:ListBucketVersions"), _buckets(buckets.new))
        fixed = (*buckets.groups, buckets.manifests)
        yield _deny(_SET_UP, _buckets(fixed))  # what is there is the operator's


def _query(buckets: Buckets) -> Iterable[Policy | None]:
    """Let it sign downloads."""
    groups = buckets.allowed
    yield _allow(_READ, _objects(groups))
    yield _keep_out_of_manifests(buckets, _READ)


def _indexer(buckets: Buckets) -> Iterable[Policy | None]:
    """Let it verify objects, join parts where ingest did not, and remove what uploads left."""
    groups = buckets.allowed
    join = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
    yield _allow((*_READ, *_ATTRIBUTES, *join, *_REMOVE), _objects(groups))
    lists = ("s3:ListBucketVersions", "s3:ListBucketMultipartUploads")
    yield _allow((*_LOOK, *lists), _buckets(groups))
    # Of a purged version the manifest is looked for, and removed.
    yield from _manifests(buckets, (*_READ, *_REMOVE))


def _manifests(buckets: Buckets, further: Sequence[str] = ()) -> Iterable[Policy | None]:
    """Let a service write manifests, and do what is said `further` with each."""
    yield _allow(("s3:PutObject", *further), _objects((buckets.manifests,)))
    yield _allow(("s3:GetBucketVersioning",), _buckets((buckets.manifests,)))
    beyond = (*_READ, *_ATTRIBUTES, *_REMOVE, *_LIST)
    yield _keep_out_of_manifests(buckets, [each for each in beyond if each not in further])


def _keep_out_of_manifests(buckets: Buckets, given: Sequence[str]) -> Policy | None:
    """Return what takes back rights on the manifests' bucket, whose name patterns may match."""
    if not buckets.new:
        return None
    places = [*_objects((buckets.manifests,)), *_buckets((buckets.manifests,))]
    return _deny(given, places)


def _policy(statements: Iterable[Policy | None]) -> Policy:
    given = [statement for statement in statements if statement is not None]
    return {"Version": "2012-10-17", "Statement": given}


def _allow(actions: Sequence[str], resources: Iterable[str]) -> Policy:
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _deny(actions: Sequence[str], resources: Iterable[str]) -> Policy:
    return {"Effect": "Deny", "Action": list(actions), "Resource": list(resources)}


def _deny_where_said(key: str, resources: Iterable[str]) -> Policy:
    """Deny writing an object by a request that says anything under this condition key."""
    return {**_deny(("s3:PutObject",), resources), "Condition": {"Null": {key: "false"}}}


def _buckets(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield f"{_ARN}{name}"
        if "*" in name and not name.endswith("*"):
            # MinIO holds patterns against the bucket's name with a slash behind it.
            yield f"{_ARN}{name}/"


def _objects(names: Iterable[str]) -> list[str]:
    return [f"{_ARN}{name}/*" for name in names]
