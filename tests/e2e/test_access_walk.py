"""The walk: every operation of both services, asked with every kind of credential.

An operation that nobody classified here fails the walk, so that no route comes without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.database.tokens import keep_token
from shared.domain.access.tokens import TokenRecord, TokenText
from shared.domain.records import utc_now
from tests.support.api import Api, file_of, sha256_of
from tests.support.system import System

DATA = b"bytes"
WITHOUT = ("none", "garbage", "expired", "revoked")
"""Callers that are nobody."""
CREDENTIALS = (*WITHOUT, "reader", "elsewhere", "writer", "owner", "maintainer", "admin", "upload")
READERS = ("reader", "writer", "owner", "maintainer", "admin")


@dataclass(frozen=True)
class Operation:
    """One operation, and who may do it."""

    method: str
    path: str
    allowed: tuple[str, ...]
    denied: int = 404
    """Answer to who is known and may not."""
    body: Mapping[str, Any] | None = None
    success: tuple[int, ...] = (200,)
    query: str = ""


SIGN = {"path": "model.bin", "parts": [{"number": 1, "sha256": "0" * 64}]}
ALIAS = "/v1/models/{model}/aliases/{alias}"
VERSION = "/v1/models/{model}/versions/{version}"
REUSE = {"sha256": {"model.bin": "0" * 64}}
MAINTAINERS = ("maintainer", "admin")
PROPOSALS = f"{ALIAS}/proposals"
PROPOSAL = f"{PROPOSALS}/{{proposal_id}}"
RULES = "/v1/models/{model}/rules"
RULES_OF_ALL = "/v1/namespaces/{namespace}/rules"
LINEAGE = "/v1/models/{model}/versions/{version}/lineage"
OCI = "/v2/{name}"
HUB = "/api/models/{repo}"
STAGE = "/v1/hub/models/{model}"
PREUPLOAD = {"files": [{"path": "a.bin", "size": 1}]}
LFS = {"operation": "upload", "objects": [{"oid": "0" * 64, "size": 5}]}
HUB_FILE = "/{repo}/resolve/{revision}/{path}"
WEBHOOKS = "/v1/webhooks"
WEBHOOK = f"{WEBHOOKS}/{{webhook_id}}"
WEBHOOK_MANAGERS = ("reader", "admin")
"""The walk's webhooks are made by the reader."""
WRITERS = ("writer", "owner", "maintainer", "admin")
USERS = ("owner", "maintainer", "admin", "upload")
MLFLOW = "/mlflow/api/2.0/mlflow"
MLFLOW_FILES = "/mlflow/api/2.0/mlflow-artifacts/artifacts"
MODEL_TAG = {"name": "{model}", "key": "a", "value": "b"}
VERSION_TAG = {**MODEL_TAG, "version": "1"}
MLFLOW_ALIAS = {"name": "{model}", "alias": "walked", "version": "1"}
MLFLOW_WRITES = [
    Operation("POST", f"{MLFLOW}/registered-models/create", WRITERS, 403, MODEL_TAG, (400,)),
    Operation("PATCH", f"{MLFLOW}/registered-models/update", WRITERS, 404, MODEL_TAG),
    Operation("POST", f"{MLFLOW}/registered-models/set-tag", WRITERS, 404, MODEL_TAG),
    Operation("DELETE", f"{MLFLOW}/registered-models/delete-tag", WRITERS, 404, MODEL_TAG),
    Operation("POST", f"{MLFLOW}/registered-models/alias", WRITERS, 404, MLFLOW_ALIAS),
    Operation("DELETE", f"{MLFLOW}/registered-models/alias", WRITERS, 404, MLFLOW_ALIAS),
    Operation("POST", f"{MLFLOW}/registered-models/rename", WRITERS, 404, MODEL_TAG, (400,)),
    Operation("DELETE", f"{MLFLOW}/registered-models/delete", MAINTAINERS, 404, MODEL_TAG, (400,)),
    Operation(
        *("POST", f"{MLFLOW}/model-versions/create", WRITERS, 403),
        {"name": "{model}", "source": "models:/{model}/1"},
    ),
    Operation("PATCH", f"{MLFLOW}/model-versions/update", WRITERS, 404, VERSION_TAG),
    Operation("POST", f"{MLFLOW}/model-versions/set-tag", WRITERS, 404, VERSION_TAG),
    Operation("DELETE", f"{MLFLOW}/model-versions/delete-tag", WRITERS, 404, VERSION_TAG),
    Operation("DELETE", f"{MLFLOW}/model-versions/delete", MAINTAINERS, 404, VERSION_TAG, (409,)),
    Operation(
        *("POST", f"{MLFLOW}/model-versions/transition-stage", WRITERS, 404, VERSION_TAG, (400,)),
    ),
]
NAMED = "name={model}"
MLFLOW_READS = [
    Operation("GET", f"{MLFLOW}/registered-models/get", READERS, query=NAMED),
    Operation("GET", f"{MLFLOW}/registered-models/search", (*READERS, "elsewhere", "upload")),
    Operation("GET", f"{MLFLOW}/registered-models/get-latest-versions", READERS, query=NAMED),
    Operation("POST", f"{MLFLOW}/registered-models/get-latest-versions", READERS, 404, MODEL_TAG),
    Operation(
        *("GET", f"{MLFLOW}/registered-models/alias", READERS),
        query=f"{NAMED}&alias=production",
    ),
    Operation("GET", f"{MLFLOW}/model-versions/get", READERS, query=f"{NAMED}&version=1"),
    Operation("GET", f"{MLFLOW}/model-versions/search", (*READERS, "elsewhere", "upload")),
    Operation(
        *("GET", f"{MLFLOW}/model-versions/get-download-uri", READERS),
        query=f"{NAMED}&version=1",
    ),
    Operation("GET", MLFLOW_FILES, READERS, query="path={model}/1"),
    Operation("GET", f"{MLFLOW_FILES}/{{model}}/{{version}}/{{path}}", READERS, success=(302,)),
]
HANDED_ON = {
    "POST": "registered-models/set-tag",
    "PATCH": "registered-models/update",
    "DELETE": "registered-models/delete-tag",
}
MLFLOW_HANDED_ON = [
    Operation(method, f"{MLFLOW}/{{operation}}", WRITERS, 404, MODEL_TAG) for method in HANDED_ON
]
INGEST = [
    Operation("POST", "/v1/uploads", WRITERS, 403, {}, (201,)),
    Operation("GET", "/v1/uploads/{upload_id}", USERS),
    Operation("POST", "/v1/uploads/{upload_id}/parts", USERS, 404, SIGN, (409,)),  # it has no parts
    Operation("POST", "/v1/uploads/{upload_id}/reuse", USERS, 404, REUSE),
    Operation("POST", "/v1/uploads/{upload_id}/complete", USERS, 404, {}, (409,)),  # no bytes yet
    Operation("DELETE", "/v1/uploads/{upload_id}", USERS, success=(204,)),
    Operation("PUT", ALIAS, WRITERS, 404, {"version": 1}),
    Operation("POST", f"{ALIAS}/rollback", WRITERS, 404, {}, (409,)),  # it pointed nowhere before
    Operation("DELETE", ALIAS, WRITERS, success=(204,)),
    Operation("POST", f"{VERSION}/copy", WRITERS, 404, {}, (201,)),
    Operation("POST", f"{VERSION}/archive", MAINTAINERS, success=(409,)),  # an alias points at it
    Operation("POST", f"{VERSION}/unarchive", MAINTAINERS),
    Operation("DELETE", VERSION, MAINTAINERS, success=(409,)),
    Operation("POST", f"{VERSION}/restore", MAINTAINERS),
    Operation("PUT", f"{VERSION}/hold", ("admin",), 404, {}),
    Operation("DELETE", f"{VERSION}/hold", ("admin",)),
    Operation("PATCH", "/v1/models/{model}", WRITERS, 404, {"tags": {"a": "b"}}),
    Operation("PATCH", "/v1/models/{model}/versions/{version}", WRITERS, 404, {"tags": {}}),
    Operation("POST", PROPOSALS, WRITERS, 404, {"remove": True}, (201,)),
    Operation("POST", f"{PROPOSAL}/approve", WRITERS, 404, {}),
    Operation("DELETE", PROPOSAL, WRITERS, success=(204,)),
    Operation("POST", "/v1/models/{model}/retention", MAINTAINERS),
    Operation("PUT", RULES, MAINTAINERS, 404, {}),
    Operation("DELETE", RULES, MAINTAINERS, success=(204,)),
    Operation("PUT", RULES_OF_ALL, ("admin",), 403, {}),
    Operation("DELETE", RULES_OF_ALL, ("admin",), 403, success=(204,)),
    Operation("POST", LINEAGE, WRITERS, 404, {"datasets": ["s3://data/churn"]}),
    Operation("DELETE", f"{LINEAGE}/{{link_id}}", WRITERS),
    # Without a role on the model, an upload is refused as one, since it would make the model.
    Operation("POST", f"{STAGE}/preupload/{{revision}}", WRITERS, 403, PREUPLOAD),
    Operation("POST", f"{STAGE}/lfs", WRITERS, 403, LFS),
    Operation("POST", f"{STAGE}/commit/{{revision}}", WRITERS, 403, {}, (422,)),  # no lines
    Operation("POST", f"{STAGE}/branch/{{branch}}", WRITERS, 404, {}, (201,)),
    Operation("DELETE", f"{STAGE}/branch/{{branch}}", WRITERS, 404, success=(204,)),
    Operation("POST", f"{STAGE}/tag/{{revision}}", WRITERS, 404, {}, (201,)),
    Operation("DELETE", f"{STAGE}/tag/{{tag}}", WRITERS, 404, success=(204,)),
    Operation("POST", WEBHOOKS, READERS, 403, {}, (201,)),
    Operation("PATCH", WEBHOOK, WEBHOOK_MANAGERS, 404, {"description": "walked"}),
    Operation("DELETE", WEBHOOK, WEBHOOK_MANAGERS, success=(204,)),
    Operation("POST", f"{WEBHOOK}/pause", WEBHOOK_MANAGERS),
    Operation("POST", f"{WEBHOOK}/resume", WEBHOOK_MANAGERS),
    Operation("POST", f"{WEBHOOK}/rotate", WEBHOOK_MANAGERS, 404, {}),
    Operation("POST", f"{WEBHOOK}/replay", WEBHOOK_MANAGERS, 404, {"model": "m"}, (202,)),
    Operation("POST", f"{WEBHOOK}/test", WEBHOOK_MANAGERS, success=(202,)),
    Operation("GET", "/v1/tokens", ("admin",), 403),
    Operation("POST", "/v1/tokens", ("admin",), 403, {}, (201,)),
    Operation("DELETE", "/v1/tokens/{token_id}", ("admin",), success=(204,)),
    *MLFLOW_WRITES,
]
QUERY = [
    Operation("GET", "/v1/models", (*READERS, "elsewhere", "upload")),  # what each sees differs
    Operation("GET", "/v1/models/{model}", READERS),
    Operation("GET", "/v1/models/{model}/versions", READERS),
    Operation("GET", "/v1/models/{model}/versions/{version}", READERS),
    Operation("GET", "/v1/models/{model}/versions/{version}/downloads", READERS),
    Operation("GET", "/v1/models/{model}/compare", READERS, query="versions=1&versions=1"),
    Operation("GET", LINEAGE, READERS),
    Operation("GET", "/v1/versions/{version_id}", READERS),
    Operation("GET", "/v1/models/{model}/aliases", READERS),
    Operation("GET", ALIAS, READERS),
    Operation("GET", f"{ALIAS}/history", READERS),
    Operation("GET", "/v1/models/{model}/edits", READERS),
    Operation("GET", "/v1/models/{model}/versions/{version}/edits", READERS),
    Operation("GET", PROPOSALS, READERS),
    Operation("GET", RULES, READERS),
    Operation("GET", RULES_OF_ALL, (*READERS, "elsewhere"), 403),
    Operation("GET", WEBHOOKS, (*READERS, "elsewhere", "upload")),  # each sees their own
    Operation("GET", WEBHOOK, WEBHOOK_MANAGERS),
    Operation("GET", f"{WEBHOOK}/deliveries", WEBHOOK_MANAGERS),
    Operation("GET", "/v1/audit", ("admin",), 403, query="model={model}"),
    Operation("GET", "/v1/operations/comparison", ("admin",), 403),
    Operation("GET", "/v1/operations/strays", ("admin",), 403),
    Operation("GET", "/v1/operations/usage", ("admin",), 403),
    Operation("GET", "/v1/operations/purges", ("admin",), 403),
    Operation("GET", "/v1/operations/dead-letters", ("admin",), 403),
    Operation("GET", "/v1/events", (*READERS, "elsewhere"), 403, query="follow=false"),
    Operation("GET", "/v1/search", (*READERS, "elsewhere", "upload")),  # what each finds differs
    Operation("HEAD", HUB_FILE, READERS),
    Operation("GET", HUB_FILE, READERS, success=(302,)),
    Operation("GET", "/api/models", (*READERS, "elsewhere", "upload")),
    Operation("GET", HUB, READERS),
    Operation("GET", f"{HUB}/revision/{{revision}}", READERS),
    Operation("GET", f"{HUB}/tree/{{revision}}", READERS),
    Operation("GET", f"{HUB}/tree/{{revision}}/{{folder}}", READERS),
    Operation("POST", f"{HUB}/paths-info/{{revision}}", READERS, 404, {"paths": ["model.bin"]}),
    Operation("GET", f"{HUB}/refs", READERS),
    Operation("GET", f"{HUB}/auth-check", READERS),
    Operation("POST", "/api/repos/create", WRITERS, 403, {}, (409,)),  # it is there
    Operation("POST", f"{HUB}/preupload/{{revision}}", WRITERS, 403, PREUPLOAD),
    Operation("POST", "/{repo}.git/info/lfs/objects/batch", WRITERS, 403, LFS),
    Operation("POST", f"{HUB}/commit/{{revision}}", WRITERS, 403, {}, (400,)),  # no lines
    Operation("POST", f"{HUB}/branch/{{branch}}", WRITERS, 404, {}, (201,)),
    Operation("DELETE", f"{HUB}/branch/{{branch}}", WRITERS, 404, success=(204,)),
    Operation("POST", f"{HUB}/tag/{{revision}}", WRITERS, 404, {}, (201,)),
    Operation("DELETE", f"{HUB}/tag/{{tag}}", WRITERS, 404, success=(204,)),
    Operation("GET", "/v2/", (*READERS, "elsewhere"), 403),
    Operation("HEAD", f"{OCI}/manifests/{{reference}}", READERS),
    Operation("GET", f"{OCI}/manifests/{{reference}}", READERS),
    Operation("HEAD", f"{OCI}/blobs/{{digest}}", READERS),
    Operation("GET", f"{OCI}/blobs/{{digest}}", READERS, success=(307,)),
    Operation("GET", f"{OCI}/tags/list", READERS),
    *MLFLOW_READS,
    *MLFLOW_HANDED_ON,
]
PUBLIC = {
    *(("GET", "/v1"), ("GET", "/health/live"), ("GET", "/health/ready")),
    ("GET", "/metrics"),  # figures without a name that a user gave
}
PUBLIC_OF_QUERY = {("GET", "/health/search"), ("GET", "/health/events")}
# Its address carries the right to it: a secret of 256 bits, for one upload.
PUBLIC_OF_INGEST = {("POST", "/v1/hub/staged/{staged_id}/complete")}
IDENTITY_OF_QUERY = {
    ("GET", "/api/whoami-v2"),
    # Nothing is read or changed: a card is accepted, and what cannot be done is refused.
    *(("POST", "/api/validate-yaml"), ("GET", f"{HUB}/xet-write-token/{{revision}}")),
    *(("DELETE", "/api/repos/delete"), ("POST", "/api/repos/move"), ("PUT", f"{HUB}/settings")),
}
IDENTITY = ("GET", "/v1/me")


@dataclass
class Walk:
    """A ready version, an open upload for each asking, and a token of every kind."""

    api: Api
    model: str
    version_id: str
    tokens: dict[str, str] = field(default_factory=dict[str, str])

    def headers(self, credential: str) -> dict[str, str]:
        token = self.tokens.get(credential)
        # The administrator's own header of the clients is replaced.
        return {"authorization": f"Bearer {token}" if token else ""}

    async def ask(self, operation: Operation, credential: str) -> httpx.Response:
        """Ask for one operation, on targets that no other asking has used up."""
        client = self.api.ingest if operation in INGEST else self.api.query
        body: Mapping[str, Any] | None = operation.body
        if operation.path == "/v1/uploads":
            body = {"model": self.model, "files": [file_of("model.bin", DATA)]}
        if operation.path == f"{VERSION}/copy":
            body = {"model": self.model}
        if operation.path == "/v1/tokens":
            body = {"name": "walk", "grants": [f"reader:{self.model}"]}
        names = {"model": self.model, "version": "1", "version_id": self.version_id}
        names |= {"alias": "production", "link_id": "0" * 16}
        names |= {"name": self.model, "reference": "1", "digest": f"sha256:{sha256_of(DATA)}"}
        names |= {"repo": self.model, "revision": "1", "path": "model.bin", "folder": "below"}
        if operation.path.startswith((STAGE, HUB, "/{repo}.git")):
            # Commits are made on main; a branch or a tag is new, or there to be removed.
            names |= {"branch": f"walk-{uuid4().hex}", "tag": f"walk-{uuid4().hex}"}
            names["revision"] = "main" if "/tag/" not in operation.path else "1"
            if operation.method == "DELETE":
                names |= dict.fromkeys(("branch", "tag"), await self.point(names["branch"]))
            if "/tag/" in operation.path:
                body = {"tag": names["tag"]}
        if operation.path == "/api/repos/create":
            body = {"name": self.model}
        if operation.method == "DELETE" and operation.path == ALIAS:
            names["alias"] = await self.point(f"walk-{uuid4().hex}")
        if operation.path.startswith(PROPOSALS):
            names["alias"] = await self.point(f"walk-{uuid4().hex}")
        if "{proposal_id}" in operation.path:
            names["proposal_id"] = await self._propose(names["alias"])
        if operation.path in (RULES, RULES_OF_ALL) and operation.method != "PUT":
            await self._set_rules()
        names |= {"namespace": "*", "path": "model.bin"}
        names["operation"] = HANDED_ON.get(operation.method, "")
        headers = self.headers(credential)
        if "{upload_id}" in operation.path:
            opened = await self._open()
            names["upload_id"] = opened["upload_id"]
            if credential == "upload":
                headers = {"authorization": f"Bearer {opened['token']}"}
        if operation.path == WEBHOOKS:
            body = self._webhook()
        if "{webhook_id}" in operation.path:
            made = await self.api.ingest.post(
                WEBHOOKS, json=self._webhook(), headers=self.headers("reader")
            )
            assert made.status_code == 201, made.text
            names["webhook_id"] = made.json()["id"]
        if "{token_id}" in operation.path:
            token = await self.api.token(f"reader:{self.model}")
            names["token_id"] = token.id
        is_mlflow = operation.path.startswith("/mlflow")
        if is_mlflow and body is not None:
            body = {name: str(body[name]).format(**names) for name in body}
        sends_body = operation.method in ("POST", "PUT", "PATCH")
        sends_body = sends_body or (is_mlflow and operation.method == "DELETE")
        return await client.request(
            operation.method,
            operation.path.format(**names),
            params=operation.query.format(**names) or None,
            json=body if sends_body else None,
            headers=headers,
        )

    def _webhook(self) -> dict[str, Any]:
        """Of events that the model has none of: nothing is sent there."""
        types = ["version.purged"]
        return {"url": "http://127.0.0.1:9/", "models": [self.model], "types": types}

    async def point(self, alias: str) -> str:
        path = f"/v1/models/{self.model}/aliases/{alias}"
        answer = await self.api.ingest.put(path, json={"version": 1})
        assert answer.status_code == 200, answer.text
        return alias

    async def _propose(self, alias: str) -> str:
        """A proposal of the administrator's, whom no walker is."""
        path = f"/v1/models/{self.model}/aliases/{alias}/proposals"
        answer = await self.api.ingest.post(path, json={"remove": True})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def _set_rules(self) -> None:
        """Rules that say nothing: others use the same registry."""
        for path in (f"/v1/models/{self.model}/rules", "/v1/namespaces/*/rules"):
            answer = await self.api.ingest.put(path, json={})
            assert answer.status_code == 200, answer.text

    async def _open(self) -> dict[str, Any]:
        body = {"model": self.model, "files": [file_of("model.bin", DATA)]}
        headers = self.headers("owner")
        answer = await self.api.ingest.post("/v1/uploads", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture(scope="module")
async def walk(api: Api, system: System) -> Walk:
    model = f"walk-{uuid4().hex[:12]}"
    session = await api.open(
        model, file_of("model.bin", DATA), file_of("below/model.bin", DATA + DATA)
    )
    for plan, data in zip(session.files, (DATA, DATA + DATA), strict=True):
        await api.put(plan, data)
    version = await api.ready(session)
    found = Walk(api, model, version.id)
    grants = {
        "reader": f"reader:{model}",
        "elsewhere": "maintainer:elsewhere.*",
        "writer": f"writer:{model}",
        "owner": f"writer:{model}",
        "maintainer": f"maintainer:{model}",
        "admin": "admin:*",
        "revoked": "admin:*",
    }
    await found.point("production")
    made = {name: await api.token(grant) for name, grant in grants.items()}
    found.tokens = {name: each.token for name, each in made.items()}
    gone = await api.ingest.delete(f"/v1/tokens/{made['revoked'].id}")
    assert gone.status_code == 204
    found.tokens["garbage"] = f"mr_{'0' * 16}_{'0' * 64}"
    found.tokens["expired"] = await _expired(system)
    found.tokens["upload"] = session.token or ""
    return found


async def _expired(system: System) -> str:
    """A token that counted until a second ago."""
    text, now = TokenText.new(), utc_now()
    record = TokenRecord(
        id=text.id,
        name="expired",
        prefix=text.shown,
        sha256=text.digest,
        owner="administrator",
        grants=("admin:*",),
        created_at=now - timedelta(days=1),
        expires_at=now - timedelta(seconds=1),
    )
    await keep_token(system.database, record)
    return str(text)


async def test_every_operation_is_classified(api: Api) -> None:
    for client, operations in ((api.ingest, INGEST), (api.query, QUERY)):
        document = (await client.get("/openapi.json")).json()
        told = {
            (method.upper(), path) for path, each in document["paths"].items() for method in each
        }
        of_query = PUBLIC_OF_QUERY | IDENTITY_OF_QUERY
        public = PUBLIC | (of_query if operations is QUERY else PUBLIC_OF_INGEST)
        assert told == {*((o.method, o.path) for o in operations), *public, IDENTITY}


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize(
    "operation", [*INGEST, *QUERY], ids=lambda each: f"{each.method} {each.path}"
)
async def test_an_operation_is_done_for_whom_it_is_granted_and_nobody_else(
    walk: Walk, operation: Operation, credential: str
) -> None:
    answer = await walk.ask(operation, credential)
    if credential in WITHOUT:
        assert answer.status_code == 401, answer.text
        scheme = answer.headers["www-authenticate"].partition(" ")[0]
        assert scheme == ("Basic" if operation.path.startswith("/v2/") else "Bearer")
    elif credential in _allowed(operation):
        assert answer.status_code in operation.success, answer.text
    else:
        assert answer.status_code in (403, operation.denied), answer.text
        assert answer.status_code == operation.denied or credential in READERS, (
            "who may not know of the model is not told that it is there"
        )
        if answer.status_code == 403 and operation.path != "/v2/":
            told = answer.json()
            # Clients of Hugging Face are told in words.
            assert told.get("missing_grant") or f":{walk.model}" in told["error"]


def _allowed(operation: Operation) -> tuple[str, ...]:
    # Who was handed an upload may see the version that it makes, and no other: the token that is
    # asked with here is that of the version.
    by_id = operation.path == "/v1/versions/{version_id}"
    return (*operation.allowed, "upload") if by_id else operation.allowed


@pytest.mark.parametrize("credential", ["garbage", "expired", "revoked"])
async def test_who_brings_a_wrong_credential_is_not_told_what_is_wrong(
    walk: Walk, credential: str
) -> None:
    answer = await walk.api.query.get("/v1/me", headers=walk.headers(credential))
    assert answer.status_code == 401
    assert answer.json()["detail"] == "the credential is not accepted"


async def test_a_list_has_what_its_reader_may_see_and_nothing_else(walk: Walk) -> None:
    for credential, seen in (("reader", [walk.model]), ("elsewhere", []), ("upload", [])):
        answer = await walk.api.query.get("/v1/models", headers=walk.headers(credential))
        assert [each["name"] for each in answer.json()["items"]] == seen, credential
