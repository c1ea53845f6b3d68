"""What an answer of storage means: decided once, by its code and status."""

import pytest

from shared.storage.connection import StorageUnavailable, classify


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("NoSuchKey", 404, "missing"),
        ("NoSuchVersion", 404, "missing"),
        ("NoSuchUpload", 404, "missing"),
        ("NoSuchBucket", 404, "missing"),
        ("SlowDown", 503, "unavailable"),
        ("RequestTimeout", 400, "unavailable"),
        ("InternalError", 500, "unavailable"),
        ("XMinioStorageFull", 507, "unavailable"),
        ("AccessDenied", 403, "unavailable"),
        ("InvalidAccessKeyId", 403, "unavailable"),
        ("SignatureDoesNotMatch", 403, "unavailable"),
        ("ExpiredToken", 400, "unavailable"),
        ("InvalidToken", 400, "unavailable"),
        ("RequestTimeTooSkewed", 403, "unavailable"),
        ("PreconditionFailed", 412, "refused"),
        ("InvalidPart", 400, "refused"),
        ("BucketAlreadyExists", 409, "refused"),
        ("NotImplemented", 501, "refused"),
        ("MethodNotAllowed", 405, "refused"),
        ("Unknown", 400, "refused"),
    ],
)
def test_an_answer_is_one_of_three_kinds(code: str, status: int, kind: str) -> None:
    assert classify(code, status) == kind


def test_a_denial_is_told_apart_from_an_absence() -> None:
    assert StorageUnavailable("AccessDenied").is_denied
    assert not StorageUnavailable("SlowDown").is_denied
