"""How a service stands, as figures: by kind, and never by a name or the text of an error."""

import pytest

from shared.web.standing import READY, WAITS_FOR, standing


@pytest.mark.parametrize(
    ("named", "kinds"),
    [
        ([], {}),
        (["MongoDB"], {"mongodb": 1}),
        (["MinIO (AccessDenied)", "Kafka (no broker answers)"], {"minio": 1, "kafka": 1}),
        (["Kafka assignment"], {"part": 1}),
        (["model 'secret' fails (ValueError: x)", "worker 1 stands still (91 s)"], {"part": 2}),
    ],
)
async def test_what_readiness_names_is_counted_by_kind(
    named: list[str], kinds: dict[str, int]
) -> None:
    async def missing() -> list[str]:
        return named

    told = await standing(missing).ask()
    assert told[READY] == {(): float(not named)}
    every = dict.fromkeys(("mongodb", "minio", "kafka", "part"), 0)
    assert told[WAITS_FOR] == {(kind,): count for kind, count in {**every, **kinds}.items()}
