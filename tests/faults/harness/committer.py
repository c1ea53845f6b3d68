"""Commits of Hugging Face clients, as query hands them to ingest, beside faults."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

from shared.domain.hub_names import version_of_commit
from tests.support.access import ADMIN_TOKEN
from tests.support.api import sha256_of

AWAY = frozenset((408, 409, 429, 500, 502, 503, 504))
"""Answers that a storm of faults explains: 409 where bytes were committed or dropped meanwhile."""


class GivenUp(Exception):
    """A commit came to no end; the text says where."""


class Committer:
    """Sends bytes and commits them; every step may fail for a fault."""

    def __init__(self, ingest_url: str) -> None:
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
        self._ingest = httpx.AsyncClient(
            base_url=ingest_url, headers=headers, trust_env=False, timeout=60
        )
        self._storage = httpx.AsyncClient(trust_env=False, timeout=30)

    async def close(self) -> None:
        """Close the connections."""
        await self._ingest.aclose()
        await self._storage.aclose()

    async def stage(self, model: str, data: bytes) -> None:
        """Announce bytes, and send them where they are not there; raises GivenUp."""
        body = {"operation": "upload", "objects": [{"oid": sha256_of(data), "size": len(data)}]}
        told = await self._ask(f"/v1/hub/models/{model}/lfs", json=body)
        upload = told["objects"][0].get("actions", {}).get("upload")
        if upload is None:
            return
        header = dict(upload["header"])
        size = int(header.pop("chunk_size"))
        for number, url in sorted(header.items()):
            start = (int(number) - 1) * size
            await self._send("PUT", url, data[start : start + size])
        await self._send("POST", upload["href"], b"")

    async def commit(self, model: str, files: Mapping[str, bytes]) -> str:
        """Commit files whose bytes were sent, and return the version's id; raises GivenUp."""
        lines: list[dict[str, Any]] = [{"key": "header", "value": {"summary": "a storm"}}]
        for path, data in files.items():
            value = {"path": path, "oid": sha256_of(data), "size": len(data)}
            lines.append({"key": "lfsFile", "value": value})
        body = b"\n".join(json.dumps(each).encode() for each in lines)
        told = await self._ask(f"/v1/hub/models/{model}/commit/main", content=body)
        version_id = version_of_commit(told["commitOid"])
        assert version_id is not None, told
        return version_id

    async def _ask(self, path: str, **body: Any) -> dict[str, Any]:
        try:
            answer = await self._ingest.post(path, **body)
        except httpx.HTTPError as error:
            raise GivenUp(type(error).__name__) from error
        return _told(answer).json()

    async def _send(self, method: str, url: str, data: bytes) -> None:
        try:
            _told(await self._storage.request(method, url, content=data))
        except httpx.HTTPError as error:
            raise GivenUp(type(error).__name__) from error


def _told(answer: httpx.Response) -> httpx.Response:
    if answer.status_code in AWAY:
        raise GivenUp(str(answer.status_code))
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer
