"""Bytes that are not what they claim to be: rejected with a reason, never ready."""

import struct

import numpy as np
from safetensors.numpy import save

from registry.schemas import Version
from tests.support.api import Api, file_of
from tests.support.problems import problem

SAFETENSORS = save({"weight": np.ones((4, 4), dtype=np.float32)})


async def uploaded(api: Api, model: str, path: str, data: bytes) -> Version:
    session = await api.open(model, file_of(path, data))
    await api.put(session.files[0], data)
    return await api.version(model, session.number, wait=30)


async def test_a_good_safetensors_file_tells_its_format(api: Api, model: str) -> None:
    version = await uploaded(api, model, "model.safetensors", SAFETENSORS)
    assert (version.state, version.artifacts[0].format) == ("ready", "safetensors")
    assert version.artifacts[0].details["tensor_count"] == 1


async def test_a_corrupt_safetensors_file_is_rejected_with_the_broken_rule(
    api: Api, model: str
) -> None:
    corrupt = struct.pack("<Q", 10**9) + SAFETENSORS[8:]
    version = await uploaded(api, model, "model.safetensors", corrupt)
    assert version.state == "rejected"
    [reason] = version.reasons
    assert reason.path == "model.safetensors"
    assert "header" in reason.code
    assert reason.detail
    answer = await api.query.get(f"/v1/models/{model}/versions/1/downloads")
    assert problem(answer, 409, "version_not_ready")["state"] == "rejected"


async def test_a_rejected_version_is_not_the_latest(api: Api, model: str) -> None:
    good = await uploaded(api, model, "model.safetensors", SAFETENSORS)
    bad = await uploaded(api, model, "model.safetensors", SAFETENSORS[:-1])
    assert (good.state, bad.state) == ("ready", "rejected")
    assert (await api.version(model, "latest")).number == 1
