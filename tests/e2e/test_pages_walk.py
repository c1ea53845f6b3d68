"""The walk of the page: every route of it, asked by everybody; none comes without a line here.

Routes of pages are not in the OpenAPI document, by which `test_access_walk.py` knows operations.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import uuid4

import httpx
import pytest

from services.query.app import create_app
from services.query.ui.paths import is_page
from shared.domain.access.actions import Action
from shared.runtime.settings import Settings
from shared.web.access.caller import declared_actions
from tests.support.api import Api, file_of

DATA = b"bytes"
MODEL = "/ui/models/{model}"
VERSION = f"{MODEL}/versions/{{version}}"
ALIAS = f"{MODEL}/aliases/{{alias}}"
PROPOSAL = f"{ALIAS}/proposals/{{proposal_id}}"
UPLOAD = "/ui/uploads/{upload_id}"
ROLES = ("reader", "writer", "maintainer", "admin")
"""Of the model; who has the last one administers it, and not everything."""
EVERYBODY = ("anonymous", "stranger", *ROLES)


@dataclass(frozen=True)
class Page:
    """One route of the page, and what each is answered."""

    method: str
    path: str
    action: Action
    statuses: Mapping[str, int]
    query: str = ""
    form: Mapping[str, str] = field(default_factory=dict[str, str])


def same(
    status: int, *, anonymous: int | None = None, stranger: int | None = None, **by: int
) -> Mapping[str, int]:
    """Everybody is answered the same, but for those who are named."""
    told = dict.fromkeys(EVERYBODY, status)
    told |= {"anonymous": anonymous or status, "stranger": stranger or status}
    return told | by


FOR_ANYBODY = same(200)
SIGNED_IN = same(200, anonymous=401)
ADMINISTRATORS = same(403, anonymous=401, admin=200)
WITHOUT_A_KEY = same(403, anonymous=401)
"""Forms without the key of the session: nothing is done for anybody."""
OF_THE_MODEL = same(200, anonymous=401, stranger=404)
WRITERS = same(200, anonymous=401, stranger=404, reader=403)
MAINTAINERS: Mapping[str, int] = {**WRITERS, "writer": 403}
UPLOADERS = same(200, anonymous=401, reader=403)
FORM_WITHOUT_A_KEY = same(403, anonymous=401, stranger=404)
PAGES = [
    Page("GET", "/", Action.PUBLIC, same(303)),
    Page("GET", "/ui", Action.PUBLIC, same(303)),
    Page("GET", "/ui/static/{name}", Action.PUBLIC, same(404)),  # not by the name of its file
    Page("GET", "/ui/", Action.READ, SIGNED_IN),
    Page("GET", "/ui/models", Action.READ, SIGNED_IN),
    Page("GET", MODEL, Action.READ, OF_THE_MODEL),
    Page("GET", f"{MODEL}/aliases/{{alias}}", Action.READ, OF_THE_MODEL),
    Page("GET", VERSION, Action.READ, OF_THE_MODEL),
    Page("GET", f"{VERSION}/tensors", Action.READ, OF_THE_MODEL),
    Page(
        *("GET", f"{VERSION}/download", Action.DOWNLOAD),
        same(303, anonymous=401, stranger=404),
        "path=model.bin",
    ),
    # Found, compared and followed.
    Page("GET", "/ui/compare", Action.READ, same(422, anonymous=401), "pick=a/1"),
    Page("GET", f"{MODEL}/compare", Action.READ, OF_THE_MODEL, "versions=1&versions=1"),
    Page("GET", "/ui/completions", Action.READ, SIGNED_IN, "kind=versions&begin=metrics"),
    Page("GET", "/ui/events", Action.FOLLOW, {}),  # it does not end: tests of its own
    Page("GET", "/ui/overview/newest", Action.READ, SIGNED_IN),
    Page("GET", "/ui/overview/parts", Action.READ, SIGNED_IN),
    # Acts.
    Page("GET", f"{MODEL}/set-alias", Action.MOVE_ALIAS, WRITERS),
    Page("POST", f"{MODEL}/set-alias", Action.MOVE_ALIAS, FORM_WITHOUT_A_KEY),
    Page("GET", f"{ALIAS}/move", Action.MOVE_ALIAS, WRITERS),
    Page("POST", f"{ALIAS}/move", Action.MOVE_ALIAS, FORM_WITHOUT_A_KEY),
    Page("GET", f"{ALIAS}/remove", Action.MOVE_ALIAS, WRITERS),
    Page("POST", f"{ALIAS}/remove", Action.MOVE_ALIAS, FORM_WITHOUT_A_KEY),
    Page("GET", f"{MODEL}/edit", Action.EDIT, WRITERS),
    Page("POST", f"{MODEL}/edit", Action.EDIT, FORM_WITHOUT_A_KEY),
    Page("GET", f"{VERSION}/edit", Action.EDIT, WRITERS),
    Page("POST", f"{VERSION}/edit", Action.EDIT, FORM_WITHOUT_A_KEY),
    Page("GET", f"{VERSION}/archive", Action.ARCHIVE, MAINTAINERS),
    Page("POST", f"{VERSION}/archive", Action.ARCHIVE, FORM_WITHOUT_A_KEY),
    Page("GET", f"{VERSION}/unarchive", Action.ARCHIVE, MAINTAINERS),
    Page("POST", f"{VERSION}/unarchive", Action.ARCHIVE, FORM_WITHOUT_A_KEY),
    Page("GET", f"{VERSION}/delete", Action.DELETE, MAINTAINERS),
    Page("POST", f"{VERSION}/delete", Action.DELETE, FORM_WITHOUT_A_KEY),
    Page("GET", f"{VERSION}/restore", Action.DELETE, MAINTAINERS),
    Page("POST", f"{VERSION}/restore", Action.DELETE, FORM_WITHOUT_A_KEY),
    Page("POST", f"{PROPOSAL}/approve", Action.MOVE_ALIAS, FORM_WITHOUT_A_KEY),
    Page("POST", f"{PROPOSAL}/close", Action.MOVE_ALIAS, FORM_WITHOUT_A_KEY),
    Page(
        "GET", f"{MODEL}/upload", Action.UPLOAD, same(200, anonymous=401, stranger=403, reader=403)
    ),
    Page("GET", "/ui/upload", Action.UPLOAD, UPLOADERS),
    Page("POST", "/ui/uploads", Action.UPLOAD, WITHOUT_A_KEY),
    Page("GET", UPLOAD, Action.IDENTIFY, same(403)),
    Page("DELETE", UPLOAD, Action.IDENTIFY, same(403)),
    Page("POST", f"{UPLOAD}/parts", Action.IDENTIFY, same(403)),
    Page("POST", f"{UPLOAD}/complete", Action.IDENTIFY, same(403)),
    Page("GET", "/ui/admin/", Action.IDENTIFY, SIGNED_IN),
    Page("GET", "/ui/admin/tokens", Action.MANAGE_TOKENS, ADMINISTRATORS),
    Page("POST", "/ui/admin/tokens", Action.MANAGE_TOKENS, WITHOUT_A_KEY),
    Page("POST", "/ui/admin/tokens/{token_id}/revoke", Action.MANAGE_TOKENS, WITHOUT_A_KEY),
    Page("GET", "/ui/admin/webhooks", Action.MANAGE_WEBHOOKS, SIGNED_IN),
    Page("POST", "/ui/admin/webhooks", Action.MANAGE_WEBHOOKS, WITHOUT_A_KEY),
    Page(
        *("GET", "/ui/admin/webhooks/{webhook_id}", Action.MANAGE_WEBHOOKS),
        same(404, anonymous=401, reader=200),  # who made it
    ),
    Page("POST", "/ui/admin/webhooks/{webhook_id}/{act}", Action.MANAGE_WEBHOOKS, WITHOUT_A_KEY),
    # Who administers one model does not administer everything.
    Page("GET", "/ui/admin/storage", Action.READ_OPERATIONS, same(403, anonymous=401)),
    Page("GET", "/ui/admin/dead-letters", Action.READ_OPERATIONS, same(403, anonymous=401)),
    Page("GET", "/ui/admin/audit", Action.READ_AUDIT, ADMINISTRATORS),
    # Where settings name no issuer to sign in at.
    Page("GET", "/ui/sign-in/oidc", Action.PUBLIC, same(404)),
    Page("GET", "/ui/sign-in/oidc/back", Action.PUBLIC, same(404)),
    Page("GET", "/ui/sign-in", Action.PUBLIC, same(303, anonymous=200)),  # led on by the session
    Page("POST", "/ui/sign-in", Action.PUBLIC, same(401), form={"token": "wrong"}),
    # Without the key of the session's forms nobody is signed out.
    Page("POST", "/ui/sign-out", Action.IDENTIFY, same(403), form={"a": "b"}),
    Page("GET", "/ui/me", Action.IDENTIFY, SIGNED_IN),
    Page("POST", "/ui/me/sign-out", Action.IDENTIFY, same(403), form={"a": "b"}),
]
ASKED = [page for page in PAGES if page.statuses]


@dataclass
class Walk:
    """A ready version, and a browser of everybody."""

    model: str
    webhook: str
    browsers: dict[str, httpx.AsyncClient] = field(default_factory=dict[str, httpx.AsyncClient])


@pytest.fixture(scope="module")
async def walk(api: Api) -> AsyncIterator[Walk]:
    model = f"pages-{uuid4().hex[:12]}"
    session = await api.open(model, file_of("model.bin", DATA))
    await api.put(session.files[0], DATA)
    await api.ready(session)
    moved = await api.ingest.put(f"/v1/models/{model}/aliases/production", json={"version": 1})
    assert moved.status_code == 200, moved.text
    grants = {"stranger": "maintainer:elsewhere.*", **{role: f"{role}:{model}" for role in ROLES}}
    tokens = {name: (await api.token(grant)).token for name, grant in grants.items()}
    made = await api.ingest.post(
        "/v1/webhooks",
        json={"url": "http://127.0.0.1:9/", "models": [model], "types": ["version.purged"]},
        headers={"authorization": f"Bearer {tokens['reader']}"},
    )
    assert made.status_code == 201, made.text
    found = Walk(model, made.json()["id"])
    async with AsyncExitStack() as stack:
        for name in EVERYBODY:
            browser = await stack.enter_async_context(
                httpx.AsyncClient(base_url=api.query.base_url, trust_env=False, timeout=60)
            )
            found.browsers[name] = browser
            if name in tokens:
                answer = await browser.post("/ui/sign-in", data={"token": tokens[name]})
                assert answer.status_code == 303, answer.text
        yield found


def test_every_page_is_in_the_walk_with_what_it_declares(settings: Settings) -> None:
    declared = {
        route: action
        for route, action in declared_actions(create_app(settings)).items()
        if is_page(route[1])
    }
    assert declared == {(page.method, page.path): page.action for page in PAGES}


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.statuses], ids=lambda page: f"{page.method} {page.path}"
)
async def test_a_page_is_for_whom_it_is_declared_and_nobody_else(
    walk: Walk, page: Page, who: str
) -> None:
    names = {"model": walk.model, "version": "1", "alias": "production", "name": "page.css"}
    names |= {"webhook_id": walk.webhook, "token_id": "0" * 16, "act": "pause"}
    names |= {"upload_id": "0" * 32, "proposal_id": "0" * 32}
    answer = await walk.browsers[who].request(
        page.method,
        page.path.format(**names),
        params=page.query or None,
        data=dict(page.form) or None,
    )
    assert answer.status_code == page.statuses[who], answer.text
    if who in ("anonymous", "stranger") and "{model}" not in page.path:
        assert walk.model not in answer.text
