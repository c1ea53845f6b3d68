"""What operators are told of the registry as a whole, over the API and on the page."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from registry import AsyncModelRegistryClient
from registry.schemas import Reason
from registry.schemas.operations import (
    ComparisonState,
    DeadLetterList,
    PurgedVersion,
    PurgePage,
    StrayPage,
    UsagePage,
)
from shared.database.reports import remember_replay
from shared.database.strays import Stray, forget_strays, report_strays
from shared.domain.records import utc_now
from shared.runtime.settings import Settings
from tests.e2e.test_pages_attacked import OWN_TAGS, TEXT, Read
from tests.support import topics
from tests.support.access import carrying, token_of
from tests.support.api import Api, file_of
from tests.support.browser import signed_in
from tests.support.eventually import eventually
from tests.support.lives import purged
from tests.support.system import System

BELOW = "/v1/operations"
PAGE = "/ui/admin/storage"


@pytest.fixture
async def browser(api: Api, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, signed in."""
    async with signed_in(api, token_of(settings)) as client:
        yield client


async def test_strays_are_listed_page_by_page_and_shown_as_text(
    api: Api, system: System, browser: httpx.AsyncClient
) -> None:
    longest = [f"{number}-{TEXT}".ljust(1024, "x").encode() for number in range(3)]
    keys = [key[:1024].decode(errors="ignore") for key in longest]
    strays = [Stray("attacked", key, None, 7) for key in keys]
    reason = Reason(code="outside_key_rule", detail=TEXT)
    await report_strays(system.database, [(each, reason) for each in strays])
    try:
        found, cursor = list[str](), ""
        while True:
            asked = {"limit": 1} | ({"cursor": cursor} if cursor else {})
            answer = await api.query.get(f"{BELOW}/strays", params=asked)
            page = StrayPage.model_validate_json(answer.content)
            found += [each.key for each in page.items if each.bucket == "attacked"]
            if page.next_cursor is None:
                break
            cursor = page.next_cursor
        assert found == keys
        shown = await browser.get(PAGE)
        read = Read(shown.text)
        assert read.wrong == []
        assert read.tags <= OWN_TAGS
        outside = re.sub(r'<bdi>.*?</bdi>|="[^"]*"', "", shown.text, flags=re.DOTALL)
        assert "\u202e" not in outside
        assert "outside_key_rule" in shown.text
    finally:
        await forget_strays(system.database, [each.id for each in strays])
    wrong = await api.query.get(f"{BELOW}/strays", params={"cursor": "%"})
    assert wrong.status_code == 422


async def test_the_last_comparison_is_told_with_what_it_did(
    api: Api, system: System, browser: httpx.AsyncClient
) -> None:
    before = await system.database.reports.find_one({"_id": "reconcile"})
    report = {"started_at": utc_now(), "finished_at": utc_now(), "missing": 4711, "errors": [TEXT]}
    await system.database.reports.replace_one({"_id": "reconcile"}, report, upsert=True)
    try:
        answer = await api.query.get(f"{BELOW}/comparison")
        told = ComparisonState.model_validate_json(answer.content)
        assert told.last is not None
        assert (told.last.missing, told.last.errors) == (4711, [TEXT])
        shown = (await browser.get(PAGE)).text
        assert "4711" in shown
        assert Read(shown).wrong == []
    finally:
        if before is None:
            await system.database.reports.delete_one({"_id": "reconcile"})
        else:
            await system.database.reports.replace_one({"_id": "reconcile"}, before)


async def test_a_namespace_has_what_its_ready_versions_have(
    api: Api, browser: httpx.AsyncClient
) -> None:
    namespace = f"used-{uuid4().hex[:8]}"
    for model, data in ((f"{namespace}.a", b"abc"), (f"{namespace}.b", b"defgh")):
        session = await api.open(model, file_of("model.bin", data))
        await api.put(session.files[0], data)
        await api.ready(session)

    async def is_counted() -> tuple[int, int, int] | None:
        answer = await api.query.get(f"{BELOW}/usage", params={"limit": 500})
        page = UsagePage.model_validate_json(answer.content)
        found = [each for each in page.items if each.namespace == namespace]
        told = [(each.models, each.versions, each.logical_bytes) for each in found]
        return told[0] if told and told[0][1] == 2 else None

    assert await eventually(is_counted) == (2, 2, 8)
    assert "Namespaces" in (await browser.get(PAGE)).text
    few = UsagePage.model_validate_json(
        (await api.query.get(f"{BELOW}/usage", params={"limit": 1})).content
    )
    assert len(few.items) == 1


async def test_what_was_purged_is_told_page_by_page(
    client: AsyncModelRegistryClient,
    system: System,
    api: Api,
    browser: httpx.AsyncClient,
    model: str,
) -> None:
    versions = [await client.upload(model, data, path="m.bin") for data in (b"one", b"second")]
    waiting = PurgePage.model_validate_json(
        (await api.query.get(f"{BELOW}/purges")).content
    ).waiting
    for version in versions:
        await client.delete_version(model, version.number)
    asked = await api.query.get(f"{BELOW}/purges")
    assert PurgePage.model_validate_json(asked.content).waiting == waiting + 2
    for version in versions:
        await purged(client, system, version)
    found, cursor = list[PurgedVersion](), ""
    while len([each for each in found if each.model == model]) < 2:
        more = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        answer = await api.query.get(f"{BELOW}/purges", params=more)
        page = PurgePage.model_validate_json(answer.content)
        found += page.items
        assert page.next_cursor is not None or len(page.items) == 1
        cursor = page.next_cursor or ""
    mine = [each for each in found if each.model == model]
    assert [(each.number, each.size_bytes) for each in mine] == [(2, 6), (1, 3)]
    assert all(each.deleted_at < each.purged_at for each in mine)
    assert found == sorted(found, key=lambda each: each.purged_at, reverse=True)
    assert model in (await browser.get(PAGE)).text
    wrong = await api.query.get(f"{BELOW}/purges", params={"cursor": "%"})
    assert wrong.status_code == 422


async def test_the_newest_dead_letters_are_told_with_their_reasons_and_shown_as_text(
    api: Api, system: System, settings: Settings, browser: httpx.AsyncClient
) -> None:
    topic, brokers = settings.kafka_dead_letter_topic, settings.kafka_bootstrap_servers
    buried = list[tuple[int, int]]()
    for number in range(3):
        headers = {"reason": f"{number} {TEXT}", "original-topic": "somewhere"}
        buried.append(await topics.produce(brokers, topic, b"x" * number, headers=headers))
    partition, offset = buried[1]

    async def newest(limit: int) -> DeadLetterList:
        answer = await api.query.get(f"{BELOW}/dead-letters", params={"limit": limit})
        assert answer.status_code == 200, answer.text
        return DeadLetterList.model_validate_json(answer.content)

    found = (await newest(3)).items
    assert [(each.partition, each.offset) for each in found] == buried[::-1]
    assert [each.value_bytes for each in found] == [2, 1, 0]
    assert found[0].reason == f"2 {TEXT}"
    assert not any(each.replayed_at for each in found)
    letter = f"dead-letter/{partition}/{offset}"
    await remember_replay(system.database, letter, found[1].buried_at)
    one = await newest(2)
    assert [each.replayed_at is not None for each in one.items] == [False, True]
    assert not one.is_complete
    shown = await browser.get("/ui/admin/dead-letters")
    read = Read(shown.text)
    assert read.wrong == []
    assert read.tags <= OWN_TAGS
    assert f"{partition} {offset}" in shown.text
    assert (await api.query.get(f"{BELOW}/dead-letters?limit=51")).status_code == 422


async def test_who_administers_some_names_is_told_nothing_of_all(api: Api, model: str) -> None:
    token = await api.token(f"admin:{model}", "reader:*")
    for path in ("comparison", "strays", "usage", "purges", "dead-letters"):
        answer = await api.query.get(f"{BELOW}/{path}", headers=carrying(token))
        assert answer.status_code == 403
        assert answer.json()["missing_grant"] == "admin:*"
