"""Bytes that were not declared are refused by storage itself, and the session stays usable."""

import pytest

from tests.support.api import Api, file_of
from tests.support.problems import problem
from tests.support.system import Footprint, System

DATA = b"the declared bytes"


@pytest.mark.parametrize(
    ("data", "status"),
    [(DATA[:-1], 403), (DATA + b"!", 403), (b"", 403), (DATA[::-1], 400)],
    ids=["short", "long", "empty", "altered"],
)
async def test_other_bytes_than_declared(
    api: Api, system: System, model: str, data: bytes, status: int
) -> None:
    session = await api.open(model, file_of("model.bin", DATA))
    answer = await api.send(session.files[0].put, data, {"content-length": str(len(data))})
    assert answer.status_code == status, answer.text
    assert await system.footprint(model) == Footprint(models=1, versions=1)
    document = problem(await api.complete(session), 409, "upload_incomplete")
    assert document["missing"] == {"model.bin": "its bytes"}

    await api.put(session.files[0], DATA)
    await api.ready(session)


async def test_a_second_write(api: Api, system: System, model: str) -> None:
    session = await api.open(model, file_of("model.bin", DATA))
    await api.put(session.files[0], DATA)
    assert (await api.send(session.files[0].put, DATA)).status_code == 412
    await api.ready(session)
    assert (await system.footprint(model)).objects == 1


async def test_a_url_for_one_file_does_not_take_another(api: Api, model: str) -> None:
    session = await api.open(model, file_of("a.bin", DATA), file_of("b.bin", DATA))
    first = session.files[0].put
    assert first is not None
    moved = first.model_copy(update={"url": first.url.replace("a.bin", "b.bin")})
    assert (await api.send(moved, DATA)).status_code == 403
