"""A workload with a token of its OIDC issuer: what it uploads, and what it is refused."""

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from uuid import uuid4

import httpx
import pytest
from joserfc.jwk import ECKey

from local.processes.ports import HOST
from local.processes.state import SERVICES
from local.stack import PORTS, start_services, stop
from registry.schemas.access import Identity
from shared.domain.access.issuers import ClaimRule, TrustedIssuer
from shared.runtime.settings import Settings
from tests.support.api import Api, file_of
from tests.support.oidc_issuer import PublishedIssuer, published_issuer
from tests.support.oidc_tokens import AUDIENCE, claims_of, ec_key, signed
from tests.support.problems import problem
from tests.support.system import System

SUBJECT = "repo:acme/risk:ref:refs/heads/main"
AWAY = "http://127.0.0.1:1"
"""An issuer that services trust, and nobody has ever reached."""
DATA = b"weights"


@dataclass(frozen=True)
class Workload:
    """A job somewhere, whose platform issues tokens."""

    issuer: PublishedIssuer
    key: ECKey

    def bearer(self, **changed: object) -> dict[str, str]:
        claims = claims_of(self.issuer.url, time.time(), **{"sub": SUBJECT, **changed})
        return {"authorization": f"Bearer {signed(self.key, claims)}"}


@pytest.fixture(scope="module")
def workload() -> Iterator[Workload]:
    with published_issuer() as issuer:
        key = ec_key("2026-11")
        issuer.publish(key)
        yield Workload(issuer, key)


@pytest.fixture(scope="module")
def urls(
    settings: Settings,
    environment: dict[str, str],
    workload: Workload,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, str]]:
    """A second ingest and query over the same database and bucket, which trust the issuer."""
    rule = ClaimRule(claims={"sub": "repo:acme/risk:ref:refs/heads/*"}, grants=("writer:risk.*",))
    issuers = [
        TrustedIssuer(url=url, audiences=(AUDIENCE,), rules=(rule,), allow_loopback_http=True)
        for url in (workload.issuer.url, AWAY)
    ]
    root = tmp_path_factory.mktemp("oidc")
    chosen = {
        **{name: value for name, value in environment.items() if name not in PORTS.values()},
        "OIDC_ISSUERS": f"[{','.join(issuer.model_dump_json() for issuer in issuers)}]",
    }
    try:
        started = start_services(root, chosen, "free", names=["ingest", "query"])
        yield {name: f"http://{HOST}:{started[PORTS[name]]}" for name in ("ingest", "query")}
    finally:
        stop(root, SERVICES)


@pytest.fixture(scope="module")
async def job(urls: dict[str, str], workload: Workload, api: Api) -> AsyncIterator[Api]:
    """The API as the job sees it."""
    bearer = workload.bearer()
    async with (
        httpx.AsyncClient(base_url=urls["ingest"], headers=bearer, trust_env=False) as ingest,
        httpx.AsyncClient(
            base_url=urls["query"], headers=bearer, trust_env=False, timeout=60
        ) as query,
    ):
        yield replace(api, ingest=ingest, query=query)


@pytest.fixture
def name() -> str:
    return uuid4().hex[:12]


async def test_a_job_uploads_and_reads_what_its_issuers_claims_grant(job: Api, name: str) -> None:
    session = await job.open(f"risk.{name}", file_of("model.bin", DATA))
    await job.put(session.files[0], DATA)
    await job.ready(session)
    assert await job.download(f"risk.{name}", 1, "model.bin") == DATA


async def test_elsewhere_it_is_refused_as_if_nothing_were_there(
    job: Api, api: Api, system: System, name: str
) -> None:
    body = {"model": name, "files": [file_of("model.bin", DATA)]}
    problem(await job.ingest.post("/v1/uploads", json=body), 403, "forbidden")
    assert (await system.footprint(name)).models == 0

    await api.open(name, file_of("model.bin", DATA))
    problem(await job.query.get(f"/v1/models/{name}"), 404, "model_not_found")


async def test_who_it_is_told_by_both_services(job: Api, workload: Workload) -> None:
    for http in (job.ingest, job.query):
        found = Identity.model_validate_json((await http.get("/v1/me")).content)
        assert (found.principal, found.kind) == (f"oidc:{workload.issuer.url}#{SUBJECT}", "oidc")
        assert (found.name, found.grants) == (SUBJECT, ["writer:risk.*"])
        assert found.expires_at is not None


async def test_a_token_that_no_rule_is_for_is_known_and_may_nothing(
    job: Api, workload: Workload
) -> None:
    somebody = workload.bearer(sub="repo:somebody/else:ref:refs/heads/main")
    found = Identity.model_validate_json((await job.ingest.get("/v1/me", headers=somebody)).content)
    assert (found.kind, found.grants) == ("oidc", [])
    body = {"model": "risk.x", "files": [file_of("model.bin", DATA)]}
    answer = await job.ingest.post("/v1/uploads", json=body, headers=somebody)
    problem(answer, 403, "forbidden")


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://elsewhere.example"},
        {"exp": 1},
        {"nbf": 2**33},
        {"iat": 2**33},
        {"iss": "https://token.actions.githubusercontent.com"},
        {"sub": None},
    ],
)
async def test_a_token_that_does_not_count_is_answered_like_any_other_wrong_credential(
    job: Api, workload: Workload, changed: dict[str, object]
) -> None:
    wrong = await job.query.get("/v1/me", headers={"authorization": "Bearer wrong"})
    answer = await job.query.get("/v1/me", headers=workload.bearer(**changed))
    problem(answer, 401, "unauthenticated")
    assert answer.content == wrong.content
    assert answer.headers["www-authenticate"] == wrong.headers["www-authenticate"]


async def test_while_an_issuer_was_never_reached_nobody_says_that_its_tokens_are_wrong(
    job: Api, workload: Workload
) -> None:
    for http in (job.ingest, job.query):
        answer = await http.get("/v1/me", headers=workload.bearer(iss=AWAY))
        problem(answer, 503, "issuer_unavailable")
        assert int(answer.headers["retry-after"]) > 0


async def test_services_that_trust_no_issuer_refuse_its_tokens(
    api: Api, workload: Workload
) -> None:
    for http in (api.ingest, api.query):
        answer = await http.get("/v1/me", headers=workload.bearer())
        problem(answer, 401, "unauthenticated")
