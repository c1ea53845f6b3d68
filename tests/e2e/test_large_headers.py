"""Files with large headers, legal or broken: verified beside the line, by the queue of work."""

from registry.schemas import Version
from tests.support.api import MIB, Api, file_of, parts_of, sha256_of
from tests.support.headers import with_a_gap, with_tensors

PATH = "model.safetensors"
TENSORS = 150_000  # a header of 9 MB


async def uploaded(api: Api, model: str, data: bytes) -> Version:
    session = await api.open(model, file_of(PATH, data))
    await api.put_parts(session, PATH, parts_of(data, 5 * MIB))
    answer = await api.complete(session, sha256={PATH: sha256_of(data)})
    assert answer.status_code == 200, answer.text
    return await api.version(model, session.number, wait=30)


async def test_a_good_one_becomes_ready_with_its_digest_and_its_format(
    api: Api, model: str
) -> None:
    version = await uploaded(api, model, with_tensors(TENSORS))
    [artifact] = version.artifacts
    assert (version.state, artifact.format) == ("ready", "safetensors")
    assert artifact.composite is not None, "as storage attested it"
    assert artifact.details == {"tensor_count": TENSORS, "parameter_count": TENSORS}


async def test_a_broken_one_is_rejected_with_the_broken_rule(api: Api, model: str) -> None:
    version = await uploaded(api, model, with_a_gap(TENSORS))
    assert version.state == "rejected"
    assert [reason.code for reason in version.reasons] == ["safetensors_tensor_not_contiguous"]
