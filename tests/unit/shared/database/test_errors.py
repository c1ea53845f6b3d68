"""What each error of MongoDB means: wait, look at who else writes, or it is a defect."""

import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidOperation,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteError,
    WTimeoutError,
)

from shared.database.errors import (
    DatabaseContended,
    DatabaseUnavailable,
    as_unavailable,
    is_duplicate_key,
    kind_of,
    told_errors,
)
from shared.domain.errors import Unavailable


def labelled(error: PyMongoError, label: str) -> PyMongoError:
    error._add_error_label(label)  # pyright: ignore[reportPrivateUsage] - as the driver does
    return error


def in_bulk(code: int) -> BulkWriteError:
    return BulkWriteError({"writeErrors": [{"code": code, "index": 0, "errmsg": "no"}]})


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("connection closed"),
        NetworkTimeout("timed out"),
        ServerSelectionTimeoutError("nobody is there"),
        ExecutionTimeout("operation exceeded time limit", 50),
        WTimeoutError("waiting for replication timed out", 64),
        OperationFailure("not primary", 10107),
        OperationFailure("no space left on device", 14031),
        labelled(OperationFailure("some code of a newer server", 99999), "RetryableWriteError"),
        labelled(OperationFailure("commit", 99999), "UnknownTransactionCommitResult"),
        in_bulk(91),
    ],
)
def test_a_server_that_is_away_is_waited_for(error: PyMongoError) -> None:
    assert kind_of(error) == "away"
    assert type(as_unavailable(error)) is DatabaseUnavailable


@pytest.mark.parametrize("code", [11, 13, 18, 391])
def test_credentials_and_roles_are_an_operators_to_mend_and_are_waited_for(code: int) -> None:
    unavailable = as_unavailable(OperationFailure("not authorized", code))
    assert unavailable is not None
    assert unavailable.is_refused


@pytest.mark.parametrize(
    "error",
    [
        OperationFailure("WriteConflict", 112),
        OperationFailure("NoSuchTransaction", 251),
        in_bulk(112),
        labelled(OperationFailure("of a newer server", 99999), "TransientTransactionError"),
    ],
)
def test_who_lost_to_others_may_try_again(error: PyMongoError) -> None:
    assert isinstance(as_unavailable(error), DatabaseContended)


@pytest.mark.parametrize(
    "error",
    [
        OperationFailure("BSONObj size is invalid", 10334),
        OperationFailure("no such command", 59),
        OperationFailure("bad value", 2),
        WriteError("document failed validation", 121),
        DuplicateKeyError("duplicate key", 11000),
        in_bulk(11000),
        ConfigurationError("unknown option"),
        InvalidOperation("session ended"),
    ],
)
def test_what_no_waiting_mends_is_a_defect_and_passes_as_it_is(error: PyMongoError) -> None:
    assert kind_of(error) == "permanent"
    with pytest.raises(type(error)), told_errors():
        raise error


def test_a_duplicate_key_is_one_in_a_bulk_as_well() -> None:
    assert is_duplicate_key(DuplicateKeyError("duplicate key", 11000))
    assert is_duplicate_key(in_bulk(11000))
    assert not is_duplicate_key(in_bulk(112))


def test_users_are_told_to_try_again_and_logs_why() -> None:
    with pytest.raises(Unavailable) as caught, told_errors():
        raise AutoReconnect("secret-host:27017: refused, Timeout: 1s")
    assert (caught.value.status, caught.value.code) == (503, "database_unavailable")
    assert "secret-host" not in caught.value.detail
    assert "AutoReconnect: secret-host:27017: refused" in str(caught.value)


def test_a_server_that_is_not_trusted_is_an_operators_to_mend() -> None:
    said = "db:27017: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed"
    found = as_unavailable(ServerSelectionTimeoutError(said))
    assert found is not None
    assert found.is_refused
    assert "self-signed" in found.reason
