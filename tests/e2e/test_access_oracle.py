"""Random grants over random names: what each token sees and may do, compared with ten lines."""

import random
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
import pytest

from shared.domain.access.actions import Action
from shared.domain.access.grants import Grant
from tests.support.access import carrying
from tests.support.access_oracle import ROLES, oracle
from tests.support.api import Api, file_of

DATA = b"bytes"
TOKENS = 120
SEED = 11
ENDINGS = ("", "2", ".a", ".b", ".a.x", ".a.y", "x.a", ".ab")
"""Names that a careless pattern would mix up."""
OPERATIONS = {
    "/v1/models/{model}": Action.READ,
    "/v1/models/{model}/versions": Action.READ,
    "/v1/models/{model}/versions/1": Action.READ,
    "/v1/models/{model}/versions/latest/downloads": Action.DOWNLOAD,
    "/v1/versions/{version_id}": Action.READ,
}


@dataclass(frozen=True)
class Shelf:
    """Models with a ready version each, whose names begin alike."""

    prefix: str
    versions: dict[str, str] = field(default_factory=dict[str, str])
    """Ids of versions, by model."""

    def patterns(self) -> list[str]:
        names = list(self.versions)
        return [*names, *(f"{name}.*" for name in names), "*", "elsewhere", "elsewhere.*"]


@pytest.fixture(scope="module")
async def shelf(api: Api) -> Shelf:
    found = Shelf(f"oracle-{uuid4().hex[:8]}")
    for ending in ENDINGS:
        session = await api.open(found.prefix + ending, file_of("model.bin", DATA))
        await api.put(session.files[0], DATA)
        found.versions[session.model] = (await api.ready(session)).id
    return found


async def listed(http: httpx.AsyncClient, headers: dict[str, str], limit: int) -> list[str]:
    """All names that a caller is told, page by page."""
    names: list[str] = []
    params: dict[str, str | int] = {"limit": limit}
    while True:
        answer = await http.get("/v1/models", params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        names += [model["name"] for model in page["items"]]
        if page["next_cursor"] is None:
            return names
        params["cursor"] = page["next_cursor"]


async def test_what_a_token_sees_and_may_do_is_what_its_grants_say(api: Api, shelf: Shelf) -> None:
    chance = random.Random(SEED)  # noqa: S311 - no secret
    kinds, patterns = (*ROLES, "events"), shelf.patterns()
    for _ in range(TOKENS):
        texts = [
            f"{chance.choice(kinds)}:{chance.choice(patterns)}"
            for _ in range(chance.randrange(1, 5))
        ]
        headers = carrying(await api.token(*texts))
        grants = [Grant.parse(text) for text in texts]

        seen = [name for name in sorted(shelf.versions) if oracle(grants, Action.READ, name)]
        found = await listed(api.query, headers, limit=chance.choice([1, 3, 500]))
        assert found == sorted(set(found)), texts
        assert [name for name in found if name.startswith(shelf.prefix)] == seen, texts
        assert all(oracle(grants, Action.READ, name) for name in found), texts

        for model in chance.sample(sorted(shelf.versions), 4):
            path, action = chance.choice(list(OPERATIONS.items()))
            target = path.format(model=model, version_id=shelf.versions[model])
            answer = await api.query.get(target, headers=headers)
            expected = 200 if oracle(grants, action, model) else 404
            assert answer.status_code == expected, (texts, target)

            body = {"model": model, "files": [file_of("model.bin", DATA)]}
            opened = await api.ingest.post("/v1/uploads", json=body, headers=headers)
            expected = 201 if oracle(grants, Action.UPLOAD, model) else 403
            assert opened.status_code == expected, (texts, model)
            if opened.status_code == 201:
                upload = f"/v1/uploads/{opened.json()['upload_id']}"
                assert (await api.ingest.delete(upload, headers=headers)).status_code == 204
