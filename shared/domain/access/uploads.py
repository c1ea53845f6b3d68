"""Whose an upload is."""

from shared.domain.access.actions import Action
from shared.domain.access.decision import decide
from shared.domain.access.principals import Principal
from shared.domain.records import VersionRecord


def upload_id(record: VersionRecord) -> str:
    """Return the id of a version's upload.

    It is the version's id and a secret: ids of versions are public, and an upload is told to its
    owner alone. One that an earlier release opened has none.
    """
    secret = record.session.secret if record.session else None
    return f"{record.id}-{secret}" if secret else record.id


def may_use_upload(principal: Principal, record: VersionRecord) -> bool:
    """Whether a principal may read, sign, complete and abort the upload of a version.

    Its owner may, who was handed it, and a maintainer of the model.
    """
    session = record.session
    if session is not None and session.owner == principal.id:
        return True
    if principal.upload == record.id:
        return True
    return decide(principal.grants, Action.USE_UPLOAD, record.model).is_allowed
