"""Why Kafka does not let a client in, told by the connection that it refuses."""

import ssl
from typing import Any

import pytest
from aiokafka import conn
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed

from registry.kafka.oauth import TokenUnavailable
from registry.kafka.reaching import KafkaAway, KafkaRefuses, reach


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> dict[str, Exception]:
    """What connections to each host fail by."""
    found: dict[str, Exception] = {}

    class Connection:
        def __init__(self, host: str, port: int, **_: Any) -> None:
            self._host, self._protocol = host, None

        async def connect(self) -> None:
            if self._host in found:
                raise found[self._host]

        async def send(self, _: object) -> None:
            return None

        def close(self) -> None:
            return None

    monkeypatch.setattr(conn, "AIOKafkaConnection", Connection)
    return found


@pytest.mark.parametrize(
    ("error", "told", "reason"),
    [
        (untrusted(), KafkaRefuses, "untrusted certificate: self-signed certificate"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), KafkaRefuses, "no TLS"),
        (SaslAuthenticationFailed("no"), KafkaRefuses, "wrong credentials: SaslAuth"),
        (TokenUnavailable("refused", is_refused=True), KafkaRefuses, "no token: refused"),
        (TokenUnavailable("ConnectError"), KafkaAway, "no token: ConnectError"),
        (KafkaConnectionError("closed"), KafkaAway, "^$"),
        (ConnectionRefusedError(), KafkaAway, "^$"),
        (ssl.SSLEOFError(), KafkaAway, "^$"),
    ],
)
async def test_an_error_is_told_as_what_it_is(
    fails: dict[str, Exception], error: Exception, told: type[Exception], reason: str
) -> None:
    fails["a"] = error
    with pytest.raises(told, match=reason):
        await reach("a:9092", {}, 1)


async def test_one_broker_that_lets_us_in_is_enough(fails: dict[str, Exception]) -> None:
    fails["a"] = untrusted()
    fails["b"] = ConnectionRefusedError()
    await reach("a:9092,b:9092,c:9092", {}, 1)


async def test_a_refusal_says_more_than_an_absence(fails: dict[str, Exception]) -> None:
    fails["a"], fails["b"] = ConnectionRefusedError(), SaslAuthenticationFailed("no")
    for servers in ("a:9092,b:9092", "b:9092,a:9092"):
        with pytest.raises(KafkaRefuses):
            await reach(servers, {}, 1)
