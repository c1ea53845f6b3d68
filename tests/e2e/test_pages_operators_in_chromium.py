"""Pages for operators in a real Chromium: a journey, and no page wider than its window."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from shared.runtime.settings import Settings
from tests.support import topics
from tests.support.access import token_of
from tests.support.api import Api
from tests.support.chromium import NEEDS_CHROMIUM, look, sign_in
from tests.support.receiver import Receiver, receiver

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


async def test_an_operator_makes_and_revokes_a_token_and_replays_a_delivery(
    page: Page, api: Api, settings: Settings, hook: Receiver, model: str
) -> None:
    await sign_in(page, token_of(settings), "/ui/")
    await page.get_by_role("link", name="Administration").click()
    await page.get_by_role("link", name="Tokens").click()
    await page.get_by_label("What it is for").fill(f"ci of {model}")
    await page.get_by_label("Grants, one a line").fill(f"reader:{model}\nevents:{model}")
    await page.get_by_role("button", name="Make token").click()
    token = await page.get_by_label("Token").input_value()
    me = await api.query.get("/v1/me", headers={"authorization": f"Bearer {token}"})
    assert me.json()["grants"] == [f"reader:{model}", f"events:{model}"]
    await look(page, "operators-token")
    await page.get_by_role("link", name="To the tokens").click()
    row = page.locator("tr", has_text=f"ci of {model}")
    await row.get_by_text("Revoke", exact=True).click()
    await row.get_by_role("button", name="Revoke for good").click()
    await expect(page.get_by_role("status")).to_contain_text("It is revoked")
    await expect(row.locator(".state")).to_have_text("revoked")
    await look(page, "operators-tokens")

    await page.get_by_role("link", name="Webhooks").click()
    await page.get_by_label("Address").fill(hook.url)
    await page.get_by_label("Models, by commas").fill(model)
    await page.get_by_role("button", name="Subscribe").click()
    await page.get_by_role("link", name="To the webhook").click()
    await page.get_by_role("button", name="Send a test").click()
    [first] = await hook.until_accepted(1)
    row = page.locator("tr", has_text=first.id)
    await expect(page.get_by_role("status")).to_contain_text("on its way")
    while not await row.get_by_role("button", name="Send again").is_visible():
        await page.reload()
    await row.get_by_role("button", name="Send again").click()
    await expect(page.get_by_role("status")).to_contain_text("1")
    assert [each.id for each in await hook.until_accepted(2)] == [first.id] * 2
    await page.get_by_text("Send a range again").click()
    await look(page, "operators-webhook")
    story = {"reason": "no event of storage: " + "x" * 300, "original-topic": "bucket-events"}
    brokers, letters = settings.kafka_bootstrap_servers, settings.kafka_dead_letter_topic
    await topics.produce(brokers, letters, b"{}", headers=story)
    for name, path in (
        *(("sections", ""), ("webhooks", "webhooks"), ("audit", "audit")),
        *(("storage", "storage"), ("dead-letters", "dead-letters")),
        ("audit-nothing", "audit?model=nothing"),
    ):
        await page.goto(f"/ui/admin/{path}")
        await look(page, f"operators-{name}")
