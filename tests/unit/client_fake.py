"""A registry in memory behind httpx's transport: both services and the storage they sign for.

It keeps the contract that the client relies on: signed headers are enforced, storage refuses
another body, and a key that was seen before answers with the upload it opened.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx

from registry import RetryPolicy
from registry.aio import AsyncModelRegistryClient
from registry.client import ModelRegistryClient

URL = "http://registry.test"
STORAGE = "http://storage.test"
SECRET = "X-Amz-Signature=5ec2e7"
NOW = "2026-01-01T00:00:00Z"
LATER = "2026-01-31T00:00:00Z"
TOKEN_SECRET = "5ec2e75ec2e7"

Fault = Callable[[httpx.Request], httpx.Response | Exception | None]
"""Answers in place of the registry, raises, or lets a request pass by returning None."""


def sha256_base64(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def composite(parts: Iterable[bytes]) -> str:
    digests = [hashlib.sha256(part).digest() for part in parts]
    return f"{sha256_base64(b''.join(digests))}-{len(digests)}"


def problem(status: int, code: str, detail: str = "it cannot be done") -> httpx.Response:
    body = {"type": "about:blank", "title": "No", "status": status, "code": code, "detail": detail}
    return httpx.Response(status, json=body)


def identity(principal: str, kind: str, *grants: str) -> dict[str, Any]:
    """Who somebody is, as `GET /v1/me` tells it."""
    return {"principal": principal, "kind": kind, "name": principal, "grants": grants}


@dataclass
class FakeUpload:
    id: str
    key: str
    request: dict[str, Any]
    number: int
    state: str = "open"
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict[str, dict[int, bytes]])


@dataclass
class FakeRegistry:
    """Behaves like the registry; tests set its knobs and look at what it holds."""

    single_put_max_bytes: int = 1 << 20
    part_size_bytes: int = 1000
    pages: int = 2
    verdict: str = "ready"
    uploads: list[FakeUpload] = field(default_factory=list[FakeUpload])
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    requests: list[httpx.Request] = field(default_factory=list[httpx.Request])
    faults: list[Fault] = field(default_factory=list[Fault])
    storage_url: str = STORAGE
    """Where downloads are signed for; `tests.unit.storage_fake.serving` makes it a real server."""
    signature: str = SECRET
    keeps_part_digests: bool = False
    page_parts: int = 3
    """Part digests of one page of downloads."""
    upload_url: str = STORAGE
    """Where uploads are signed for."""
    ingest_url: str = "http://ingest.test"
    query_url: str = "http://query.test"
    identities: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """Who comes with which token, as `GET /v1/me` tells it; every other token is refused there."""
    tokens: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    aliases: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """Where aliases point, by model and alias."""

    def client(self, **options: Any) -> AsyncModelRegistryClient:
        return AsyncModelRegistryClient(URL, **self.options(options))

    def blocking_client(self, **options: Any) -> ModelRegistryClient:
        return ModelRegistryClient(URL, **self.options(options))

    def options(self, options: dict[str, Any]) -> dict[str, Any]:
        """What makes a client ask this registry."""
        patient = RetryPolicy(attempts=4, base_seconds=0.0)
        return {"retry": patient, "transport": self.transport(), **options}

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.handle)

    def sent(self, pattern: str) -> list[httpx.Request]:
        """Requests so far whose "METHOD path" matches."""
        return [r for r in self.requests if re.search(pattern, f"{r.method} {r.url.path}")]

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        for fault in self.faults:
            answer = fault(request)
            if isinstance(answer, Exception):
                raise answer
            if answer is not None:
                return answer
        if str(request.url).startswith((STORAGE, self.upload_url)):
            return self._storage(request)
        path = [unquote(part) for part in request.url.raw_path.decode().split("?")[0].split("/")]
        return self._service(request, path[2:])

    # --- services ---------------------------------------------------------------------------

    def _service(self, request: httpx.Request, path: list[str]) -> httpx.Response:
        match [request.method, *path]:
            case ["GET"]:
                events = {"bootstrap_servers": "kafka.test:9092", "topic": "model-events"}
                addresses = {"ingest_url": self.ingest_url, "query_url": self.query_url}
                return httpx.Response(200, json={**addresses, "events": events})
            case ["GET", "me"]:
                return self._identify(request)
            case ["POST", "tokens"]:
                return self._make_token(json.loads(request.content))
            case ["GET", "tokens"]:
                return self._page(request, list(reversed(self.tokens)))
            case ["DELETE", "tokens", token_id]:
                for token in self.tokens:
                    if token["id"] == token_id:
                        token["revoked_at"] = NOW
                        return httpx.Response(204)
                return problem(404, "token_not_found", f"no token {token_id}")
            case ["POST", "uploads"]:
                return self._open(request)
            case [method, "uploads", upload_id, *step]:
                if not any(upload.id == upload_id for upload in self.uploads):
                    return problem(404, "upload_not_found", f"no upload {upload_id}")
                return self._step(method, self._upload(upload_id), step, request)
            case ["GET", "versions", version_id]:
                return self._version_answer(lambda u: version_id in self._ids(u))
            case ["GET", "models"]:
                return self._page(request, [self._model(name) for name in self._names()])
            case ["GET", "models", name] if name not in self._names():
                return problem(404, "model_not_found", f"no model {name}")
            case ["GET", "models", name]:
                return httpx.Response(200, json=self._model(name))
            case ["GET", "models", name, "versions"]:
                mine = [u for u in reversed(self.uploads) if u.request["model"] == name]
                return self._page(request, [self._summary(u) for u in mine])
            case ["GET", "models", name, "versions", version, *rest]:
                found = self._find(name, version)
                if found is None:
                    return problem(404, "version_not_found", f"no version {version}")
                return self._downloads(request, found) if rest else self._answer_version(found)
            case _:
                return problem(404, "not_found")

    def _identify(self, request: httpx.Request) -> httpx.Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token in self.identities:
            return httpx.Response(200, json=self.identities[token])
        if token:
            return problem(401, "unauthenticated", "the credential is not accepted")
        return httpx.Response(200, json=identity("anonymous", "anonymous"))

    def _make_token(self, body: dict[str, Any]) -> httpx.Response:
        token_id = f"{len(self.tokens):04x}"
        expires = None if body["expires_in_seconds"] is None else LATER
        made = {"id": token_id, "name": body["name"], "grants": body["grants"], "owner": "me"}
        told = {**made, "prefix": f"mr_{token_id}_5ec2", "created_at": NOW, "expires_at": expires}
        self.tokens.append(told)
        return httpx.Response(201, json={**told, "token": f"mr_{token_id}_{TOKEN_SECRET}"})

    def _summary(self, upload: FakeUpload) -> dict[str, Any]:
        version = self._version(upload)
        files = version.pop("artifacts")
        return {**version, "file_count": len(files)}

    def _open(self, request: httpx.Request) -> httpx.Response:
        body, key = json.loads(request.content), request.headers["idempotency-key"]
        for upload in self.uploads:
            if upload.key == key:
                if upload.request != body:
                    return problem(422, "idempotency_key_reused", "used with another body")
                return httpx.Response(200, json=self._session(upload))
        number = 1 + sum(u.request["model"] == body["model"] for u in self.uploads)
        upload = FakeUpload(f"upload-{len(self.uploads)}", key, body, number)
        self.uploads.append(upload)
        token = f"mr_up{upload.id}_{TOKEN_SECRET}"
        return httpx.Response(201, json={**self._session(upload), "token": token})

    def _step(
        self, method: str, upload: FakeUpload, step: list[str], request: httpx.Request
    ) -> httpx.Response:
        if upload.state == "aborted" and method == "POST":
            return problem(409, "upload_aborted")
        if upload.state == "rejected" and method == "POST":
            return problem(409, "version_rejected", "bad_format: no model")
        match [method, *step]:
            case ["GET"]:
                pass
            case ["POST", "parts"]:
                return self._sign_parts(upload, json.loads(request.content))
            case ["POST", "complete"]:
                if missing := self._missing(upload):
                    return problem(409, "upload_incomplete", f"missing: {missing}")
                self._complete(upload)
            case ["DELETE"]:
                upload.state = "aborted"
                return httpx.Response(204)
            case _:
                return problem(404, "not_found")
        return httpx.Response(200, json=self._session(upload))

    def _session(self, upload: FakeUpload) -> dict[str, Any]:
        return {
            "upload_id": upload.id,
            "model": upload.request["model"],
            "number": upload.number,
            "version_id": f"version-{upload.id}",
            "state": upload.state,
            "version_state": "pending",
            "storage_group": upload.request["storage_group"] or "models",
            "expires_at": NOW,
            "files": [self._plan(upload, file) for file in upload.request["files"]],
        }

    def _plan(self, upload: FakeUpload, file: dict[str, Any]) -> dict[str, Any]:
        size, key = file["size_bytes"], self._key(upload, file["path"])
        plan: dict[str, Any] = {"path": file["path"], "key": key, "size_bytes": size}
        plan["uploaded"] = key in self.objects
        if size <= self.single_put_max_bytes:
            if plan["uploaded"] or upload.state != "open":
                return {**plan, "kind": "put"}
            return {**plan, "kind": "put", "put": self._signed(key, {}, size, file["sha256"])}
        stored = sorted(upload.parts.get(key, {}).items())
        return {
            **plan,
            "kind": "multipart",
            "part_size_bytes": self.part_size_bytes,
            "part_count": -(-size // self.part_size_bytes),
            "parts": [
                {"number": n, "size_bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()}
                for n, d in stored
            ],
        }

    def _signed(
        self, key: str, query: dict[str, Any], size: int, sha256: str | None
    ) -> dict[str, Any]:
        more = "".join(f"&{name}={value}" for name, value in query.items())
        headers = {"content-length": str(size)}
        if sha256 is not None:
            digest = base64.b64encode(bytes.fromhex(sha256)).decode()
            headers["x-amz-checksum-sha256"] = digest
        url = f"{self.upload_url}/{key}?{SECRET}{more}"
        return {"method": "PUT", "url": url, "headers": headers, "expires_at": NOW}

    def _sign_parts(self, upload: FakeUpload, body: dict[str, Any]) -> httpx.Response:
        file = next(f for f in upload.request["files"] if f["path"] == body["path"])
        signed: list[dict[str, Any]] = []
        for part in body["parts"]:
            offset = (part["number"] - 1) * self.part_size_bytes
            size = min(self.part_size_bytes, file["size_bytes"] - offset)
            query = {"partNumber": part["number"], "uploadId": upload.id}
            key = self._key(upload, body["path"])
            request = self._signed(key, query, size, part["sha256"])
            signed.append({**request, "number": part["number"], "size_bytes": size})
        return httpx.Response(200, json={"parts": signed})

    def _missing(self, upload: FakeUpload) -> list[str]:
        def is_there(file: dict[str, Any]) -> bool:
            key = self._key(upload, file["path"])
            parts = upload.parts.get(key, {}).values()
            return key in self.objects or sum(map(len, parts)) == file["size_bytes"]

        return [file["path"] for file in upload.request["files"] if not is_there(file)]

    def _complete(self, upload: FakeUpload) -> None:
        upload.state = "completed"
        for key, parts in upload.parts.items():
            self.objects[key] = b"".join(parts[number] for number in sorted(parts))

    # --- reads ------------------------------------------------------------------------------

    def _names(self) -> list[str]:
        return sorted({upload.request["model"] for upload in self.uploads})

    def _model(self, name: str) -> dict[str, Any]:
        mine = [u.number for u in self.uploads if u.request["model"] == name]
        return {"name": name, "version_count": len(mine), "created_at": NOW, "sequence": 1}

    def _page(self, request: httpx.Request, items: list[dict[str, Any]]) -> httpx.Response:
        start = int(request.url.params.get("cursor", "0"))
        end = start + self.pages
        cursor = str(end) if end < len(items) else None
        return httpx.Response(200, json={"items": items[start:end], "next_cursor": cursor})

    def _find(self, name: str, version: str) -> FakeUpload | None:
        if version.startswith("@"):
            version = str(self.aliases.get((name, version[1:]), ""))
        for upload in reversed(self.uploads):
            known = (str(upload.number), upload.request["version"], "latest")
            if upload.request["model"] == name and version in known:
                return upload
        return None

    def _ids(self, upload: FakeUpload) -> tuple[str, Any]:
        return f"version-{upload.id}", upload.request["client_id"]

    def _version_answer(self, wanted: Callable[[FakeUpload], bool]) -> httpx.Response:
        for upload in self.uploads:
            if wanted(upload):
                return self._answer_version(upload)
        return problem(404, "version_not_found")

    def _answer_version(self, upload: FakeUpload) -> httpx.Response:
        return httpx.Response(200, json=self._version(upload))

    def _version(self, upload: FakeUpload) -> dict[str, Any]:
        request = upload.request
        described = ("description", "framework", "metrics", "parameters", "tags", "properties")
        reasons = [{"code": "bad_format", "detail": "no model"}]
        return {
            **{name: request[name] for name in described},
            "id": f"version-{upload.id}",
            "model": request["model"],
            "number": upload.number,
            "label": request["version"] if isinstance(request["version"], str) else None,
            "client_id": request["client_id"],
            "state": "pending" if upload.state == "open" else self.verdict,
            "reasons": reasons if self.verdict == "rejected" else [],
            "source": "upload",
            "storage_group": request["storage_group"] or "models",
            "artifacts": [self._artifact(upload, file) for file in request["files"]],
            "size_bytes": sum(file["size_bytes"] for file in request["files"]),
            "created_at": NOW,
            "sequence": 2,
        }

    def _artifact(self, upload: FakeUpload, file: dict[str, Any]) -> dict[str, Any]:
        key = self._key(upload, file["path"])
        verified = {"key": key, "state": "verified", "sha256_state": "verified"}
        artifact = {**file, **verified, **self._digests(key)}
        return artifact if key in self.objects else {**file, "key": key, "state": "pending"}

    def _digests(self, key: str) -> dict[str, Any]:
        data, size = self.objects.get(key, b""), self.part_size_bytes
        if len(data) <= self.single_put_max_bytes:
            return {"sha256": hashlib.sha256(data).hexdigest(), "composite": None}
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        value = {"value": composite(parts), "part_size_bytes": size, "part_count": len(parts)}
        return {"sha256": None, "sha256_state": None, "composite": value}

    def _downloads(self, request: httpx.Request, upload: FakeUpload) -> httpx.Response:
        if self.verdict != "ready" or upload.state != "completed":
            return problem(409, "version_not_ready")
        wanted = request.url.params.get("path")
        files = [self._artifact(upload, file) for file in upload.request["files"]]
        signed = [
            {**file, "url": f"{self.storage_url}/{file['key']}?{self.signature}", "expires_at": NOW}
            for file in files
            if wanted in (None, file["path"])
        ]
        answer = {"model": upload.request["model"], "number": upload.number, "files": signed}
        if self.keeps_part_digests:
            answer |= self._page_of_parts(signed, request.url.params.get("cursor", "0-0"))
        return httpx.Response(200, json=answer)

    def _page_of_parts(self, files: list[dict[str, Any]], cursor: str) -> dict[str, Any]:
        """Cut the list of all files with all digests after so many digests."""
        place, skipped = map(int, cursor.split("-"))
        size, room, page = self.part_size_bytes, self.page_parts, list[dict[str, Any]]()
        for index, file in enumerate(files[place:], place):
            data = self.objects[file["key"]]
            digests = [
                hashlib.sha256(data[at : at + size]).hexdigest() for at in range(0, len(data), size)
            ]
            told = digests[skipped : skipped + room]
            stated = {"part_size_bytes": size, "first_part": skipped + 1, "part_sha256": told}
            page.append({**file, **stated})
            room -= len(told)
            if room == 0:
                reached = skipped + len(told)
                cursor = f"{index}-{reached}" if reached < len(digests) else f"{index + 1}-0"
                is_last = cursor == f"{len(files)}-0"
                return {"files": page, "next_cursor": None if is_last else cursor}
            skipped = 0
        return {"files": page, "next_cursor": None}

    # --- storage ----------------------------------------------------------------------------

    def _storage(self, request: httpx.Request) -> httpx.Response:
        key, query = request.url.path.lstrip("/"), request.url.params
        assert SECRET in str(request.url), "storage was asked without a signature"
        if request.method == "GET":
            return self._get(request, key)
        data = request.content
        assert request.headers["content-length"] == str(len(data))
        if request.headers.get("x-amz-checksum-sha256", sha256_base64(data)) != sha256_base64(data):
            return httpx.Response(400, content=b"<Error><Code>BadDigest</Code></Error>")
        if "uploadId" in query:
            parts = self._upload(query["uploadId"]).parts.setdefault(key, {})
            parts[int(query["partNumber"])] = data
        elif key in self.objects:
            return httpx.Response(412, content=b"<Error><Code>PreconditionFailed</Code></Error>")
        else:
            self.objects[key] = data
        return httpx.Response(200)

    def _get(self, request: httpx.Request, key: str) -> httpx.Response:
        return ranged(request, self.objects[key])

    def _upload(self, upload_id: str) -> FakeUpload:
        return next(upload for upload in self.uploads if upload.id == upload_id)

    def _key(self, upload: FakeUpload, path: str) -> str:
        return f"{upload.request['model']}/{upload.number}/{path}"


def ranged(request: httpx.Request, data: bytes) -> httpx.Response:
    """Answer a GET with the bytes that it asks for."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if match is None:
        return httpx.Response(200, stream=httpx.ByteStream(data))
    first, end = int(match[1]), int(match[2] or len(data) - 1) + 1
    stated = {"content-range": f"bytes {first}-{end - 1}/{len(data)}"}
    return httpx.Response(206, headers=stated, stream=httpx.ByteStream(data[first:end]))


def times(count: int, pattern: str, answer: httpx.Response | Exception) -> Fault:
    """Answer so the first `count` requests whose "METHOD host/path" matches."""
    left = count

    def fault(request: httpx.Request) -> httpx.Response | Exception | None:
        nonlocal left
        if left == 0 or not re.search(
            pattern, f"{request.method} {request.url.host}{request.url.path}"
        ):
            return None
        left -= 1
        return answer

    return fault
