"""When a certificate ends is told while there is one, and followed where it is renewed."""

from pathlib import Path
from time import time

from shared.runtime.telemetry.certificates import ENDS, certificate
from tests.support.certificates import Authority


async def test_the_end_of_the_certificate_that_is_there_now_is_told(tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue("server", "localhost")
    told = (await certificate(str(issued.cert)).ask())[ENDS][()]
    assert told > time()


async def test_without_a_certificate_nothing_is_told() -> None:
    assert await certificate("").ask() == {}
