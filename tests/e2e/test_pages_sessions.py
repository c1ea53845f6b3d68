"""Where a session counts: as the cookie of a page, and nowhere else."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from shared.domain.access.browser_sessions import MOST_SESSIONS, SessionText
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api
from tests.support.browser import signed_in
from tests.support.eventually import eventually
from tests.support.system import System


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is not signed in."""
    address = api.query.base_url
    async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as client:
        yield client


async def sign_in(browser: httpx.AsyncClient, token: str) -> SessionText:
    answer = await browser.post("/ui/sign-in", data={"token": token})
    assert answer.status_code == 303, answer.text
    return SessionText(browser.cookies["mr_session"])


@pytest.mark.parametrize("wording", ["Bearer {}", "bearer  {}"])
async def test_the_value_of_the_cookie_is_no_token_anywhere(
    api: Api, browser: httpx.AsyncClient, settings: Settings, wording: str
) -> None:
    session = await sign_in(browser, token_of(settings))
    assert (await browser.get("/ui/")).status_code == 200
    headers = {"authorization": wording.format(session)}
    for client, path in (
        *((api.query, "/v1/me"), (api.query, "/v1/models"), (api.query, "/api/whoami-v2")),
        *((api.query, "/v1/events?follow=false"), (api.ingest, "/v1/me")),
        *((api.ingest, "/v1/tokens"), (api.query, "/ui/")),
    ):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 401, path
    # Nor beside the cookie: the API takes none.
    answer = await browser.get("/v1/me", headers=headers)
    assert answer.status_code == 401
    answer = await api.query.get("/v2/", auth=("x", str(session)))
    assert answer.status_code == 401


async def test_the_cookie_is_no_credential_at_the_api(
    api: Api, browser: httpx.AsyncClient, settings: Settings
) -> None:
    await sign_in(browser, token_of(settings))
    assert (await browser.get("/v1/me")).json()["kind"] == "anonymous"
    for client in (api.query, api.ingest):
        cookie = {"cookie": f"mr_session={browser.cookies['mr_session']}", "authorization": ""}
        answer = await client.get("/v1/me", headers=cookie)
        assert answer.json()["kind"] == "anonymous"


async def test_what_is_handed_on_to_ingest_counts_there_alone_and_ends_with_the_session(
    api: Api, browser: httpx.AsyncClient, settings: Settings, system: System
) -> None:
    session = await sign_in(browser, token_of(settings))
    kept = await system.database.browser_sessions.find_one({"_id": session.digest})
    assert kept is not None
    handed_on = session.handed_on(kept["handing_key"])
    headers = {"authorization": f"Bearer {handed_on}"}
    assert (await api.ingest.get("/v1/me", headers=headers)).json()["kind"] == "administrator"
    assert (await api.query.get("/v1/me", headers=headers)).status_code == 401
    # Neither what is kept nor the cookie is enough.
    assert handed_on.secret not in str(kept)
    for wrong in (
        f"mrh_{session.digest}_{kept['handing_key']}",
        f"mrh_{session.digest}_{kept['handed_on_sha256']}",
        f"mrh_{session.digest}_{session.secret}",
        f"mrh_{session.digest}_{session.handed_on('').secret}",
    ):
        answer = await api.ingest.get("/v1/me", headers={"authorization": f"Bearer {wrong}"})
        assert answer.status_code == 401, wrong

    page = (await browser.get("/ui/")).text
    found = re.search(r'name="form_key" value="([0-9a-f]{64})"', page)
    assert found is not None
    assert (await browser.post("/ui/sign-out", data={"form_key": found[1]})).status_code == 303
    answer = await api.ingest.get("/v1/me", headers=headers)
    while answer.status_code == 200:  # a verdict is kept for some seconds
        answer = await api.ingest.get("/v1/me", headers=headers)
    assert answer.status_code == 401


async def test_somebody_signs_out_of_all_browsers_at_once(api: Api) -> None:
    mine, others = await api.token("reader:risk.*"), await api.token("reader:*")
    async with (
        signed_in(api, mine.token) as here,
        signed_in(api, mine.token) as there,
        signed_in(api, others.token) as stranger,
    ):
        shown = (await here.get("/ui/me")).text
        assert f"token:{mine.id}" in shown
        assert "reader:risk.*" in shown
        assert shown.count("<tr><td>") == 2
        assert shown.count("this browser") == 1
        key = re.search(r'name="form_key" value="([0-9a-f]{64})"', shown)
        assert key is not None
        answer = await here.post("/ui/me/sign-out", data={"form_key": key[1]})
        assert (answer.status_code, answer.headers["location"]) == (303, "/ui/sign-in")
        assert (await here.get("/ui/")).status_code == 401

        async def ended() -> bool | None:  # a verdict is kept for some seconds
            return (await there.get("/ui/")).status_code == 401 or None

        await eventually(ended)
        assert (await stranger.get("/ui/")).status_code == 200


async def test_of_one_token_there_are_so_many_sessions_and_the_oldest_end(
    api: Api, browser: httpx.AsyncClient, system: System
) -> None:
    token = await api.token("reader:*")
    begun: list[SessionText] = []
    for _ in range(MOST_SESSIONS + 1):
        browser.cookies.clear()  # another browser: in one, a session takes the place of the last
        begun.append(await sign_in(browser, token.token))
    oldest, *others = begun
    kept = await system.database.browser_sessions.find({"principal": f"token:{token.id}"}).to_list()
    assert {each["_id"] for each in kept} == {each.digest for each in others}
    assert oldest.digest not in {each["_id"] for each in kept}


async def test_in_one_browser_a_session_takes_the_place_of_the_last(
    api: Api, browser: httpx.AsyncClient, system: System
) -> None:
    token = await api.token("reader:*")
    begun = [await sign_in(browser, token.token) for _ in range(2)]
    kept = await system.database.browser_sessions.find({"principal": f"token:{token.id}"}).to_list()
    assert [each["_id"] for each in kept] == [begun[1].digest]
