"""Pages for operators: tokens, webhooks and the audit, each with the grants of the API."""

import html
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest

from shared.runtime.settings import Settings
from tests.e2e.test_pages_attacked import OWN_TAGS, TEXT, Read
from tests.support.access import carrying, token_of
from tests.support.api import Api, file_of
from tests.support.eventually import eventually
from tests.support.receiver import Receiver, receiver

TOKENS, WEBHOOKS, AUDIT = "/ui/admin/tokens", "/ui/admin/webhooks", "/ui/admin/audit"


@dataclass(frozen=True)
class Browser:
    """Cookies, pages and forms."""

    client: httpx.AsyncClient

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def post(self, path: str, **fields: str) -> httpx.Response:
        page = (await self.get("/ui/")).text
        found = re.search(r'name="form_key" value="([0-9a-f]{64})"', page)
        assert found is not None
        own = {"form_key": found[1], "once": secrets.token_hex(16)}
        return await self.client.post(path, data={**own, **fields})


@pytest.fixture
async def browser(api: Api) -> AsyncIterator[Browser]:
    """Somebody who is not signed in."""
    address = api.query.base_url
    async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as client:
        yield Browser(client)


async def sign_in(browser: Browser, token: str) -> Browser:
    answer = await browser.client.post("/ui/sign-in", data={"token": token})
    assert answer.status_code == 303, answer.text
    return browser


@pytest.fixture
async def admin(browser: Browser, settings: Settings) -> Browser:
    return await sign_in(browser, token_of(settings))


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def secret_of(page: str) -> str:
    found = re.search(r'id="secret"[^>]* value="([^"]+)"', page)
    assert found is not None, page
    return html.unescape(found[1])


async def test_a_token_is_made_shown_once_and_revoked(api: Api, admin: Browser, model: str) -> None:
    made = await admin.post(
        TOKENS, name=f"ci of {model}", grants=f"reader:{model}\r\nevents:{model}", days="7"
    )
    assert made.status_code == 200, made.text
    assert made.headers["cache-control"] == "no-store"
    token = secret_of(made.text)
    headers = {"authorization": f"Bearer {token}"}
    me = (await api.query.get("/v1/me", headers=headers)).json()
    assert me["grants"] == [f"reader:{model}", f"events:{model}"]
    assert me["expires_at"] is not None
    listed = (await admin.get(TOKENS)).text
    assert f"ci of {model}" in listed
    assert token not in listed
    token_id = me["principal"].removeprefix("token:")
    revoked = await admin.post(f"{TOKENS}/{token_id}/revoke")
    assert (revoked.status_code, revoked.headers["location"]) == (303, f"{TOKENS}?done=revoked")

    async def is_refused() -> bool | None:
        return (await api.query.get("/v1/me", headers=headers)).status_code == 401 or None

    await eventually(is_refused)
    by = await api.query.get("/v1/audit", params={"action": "token.revoke"})
    assert by.json()["items"][0]["principal"] == "administrator"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "x", "grants": "king:*"}, "KIND:PATTERN"),
        ({"name": "x", "grants": ""}, "grants"),
        ({"name": "", "grants": "reader:*"}, "name"),
        ({"name": "x" * 200, "grants": "reader:*"}, "128"),
        ({"name": "x", "grants": "reader:*", "days": "0"}, "days must be"),
        ({"name": "x", "grants": "reader:*", "days": "\uff11"}, "days must be"),
        ({"name": "x", "grants": "reader:*", "days": "-3"}, "days must be"),
        ({"name": "x", "grants": "reader:*", "days": "9" * 50}, "days must be"),
        ({"name": "x", "grants": "\n".join(["reader:*"] * 100)}, "64"),
    ],
)
async def test_a_token_that_cannot_be_made_is_told_beside_the_form_which_stays(
    admin: Browser, fields: dict[str, str], told: str
) -> None:
    answer = await admin.post(TOKENS, **fields)
    assert answer.status_code == 422
    found = re.search(r'<p class="error" role="alert">(.*?)</p>', answer.text, re.DOTALL)
    assert found is not None
    assert told in found[1]
    assert f'value="{fields["name"]}"' in answer.text


async def test_who_administers_some_names_makes_tokens_for_these_alone(
    api: Api, browser: Browser, model: str
) -> None:
    token = await api.token(f"admin:{model}")
    await sign_in(browser, token.token)
    assert "Administration" in (await browser.get("/ui/")).text
    refused = await browser.post(TOKENS, name="x", grants="reader:*")
    assert refused.status_code == 403
    assert "admin:*" in refused.text
    made = await browser.post(TOKENS, name="mine", grants=f"reader:{model}")
    assert made.status_code == 200
    listed = (await browser.get(TOKENS)).text
    assert listed.count('class="state ready"') == 1
    other = await api.token("reader:*")
    answer = await browser.post(f"{TOKENS}/{other.id}/revoke")
    assert answer.status_code == 404
    assert (await api.query.get("/v1/me", headers=carrying(other))).status_code == 200


async def test_a_reader_has_webhooks_and_nothing_else_of_it(api: Api, browser: Browser) -> None:
    await sign_in(browser, (await api.token("reader:elsewhere.*")).token)
    page = (await browser.get("/ui/admin/")).text
    assert WEBHOOKS in page
    assert TOKENS not in page
    assert AUDIT not in page
    made = await browser.post(TOKENS, name="x", grants="reader:elsewhere.*")
    assert made.status_code == 403


async def test_a_form_without_its_key_and_one_of_another_site_do_nothing(
    admin: Browser, model: str
) -> None:
    fields = {"name": f"foreign {model}", "grants": "admin:*"}
    for form_key in ("", "0" * 64):
        answer = await admin.client.post(TOKENS, data={**fields, "form_key": form_key})
        assert answer.status_code == 403
    page = (await admin.get("/ui/")).text
    found = re.search(r'name="form_key" value="([0-9a-f]{64})"', page)
    assert found is not None
    for header in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        answer = await admin.client.post(
            TOKENS, data={**fields, "form_key": found[1]}, headers=header
        )
        assert answer.status_code == 403
    assert f"foreign {model}" not in (await admin.get(TOKENS)).text


async def test_a_webhook_is_made_tested_replayed_paused_and_removed(
    api: Api, admin: Browser, hook: Receiver, model: str
) -> None:
    unknown = await admin.post(WEBHOOKS, url=hook.url, models=model, owner="token:" + "0" * 16)
    assert unknown.status_code == 404
    assert f'value="{hook.url}"' in unknown.text
    made = await admin.post(WEBHOOKS, url=hook.url, models=model, types="version.ready")
    assert made.status_code == 200, made.text
    assert secret_of(made.text).startswith("whsec_")
    found = re.search(rf'href="({WEBHOOKS}/[^"]+)"', made.text)
    assert found is not None
    here = found[1]
    assert hook.url in (await admin.get(WEBHOOKS)).text

    session = await api.open(model, file_of("model.bin", b"x"))
    await api.put(session.files[0], b"x")
    await api.ready(session)
    [first] = await hook.until_accepted(1)

    async def is_delivered() -> bool | None:
        return 'class="state delivered"' in (await admin.get(here)).text or None

    await eventually(is_delivered)
    again = await admin.post(f"{here}/replay", event_id=first.id)
    assert (again.status_code, again.headers["location"]) == (303, f"{here}?done=replay&count=1")
    assert [each.id for each in await hook.until_accepted(2)] == [first.id] * 2
    ranged = await admin.post(f"{here}/replay", model=model, since="2026-01-01T00:00")
    assert ranged.headers["location"].endswith("count=1")
    nothing = await admin.post(f"{here}/replay", model="kept.as.it.was", since="yesterday")
    assert nothing.status_code == 422
    assert 'role="alert"' in nothing.text
    assert 'value="kept.as.it.was"' in nothing.text
    gone = await admin.post(f"{here}/replay", event_id="gone")
    assert gone.status_code == 404
    assert "there is no delivery of" in gone.text
    assert f'action="{here}/replay"' in gone.text, "beside the forms"
    rest = "2026-11-28T09:30:00.5%2B00:00"
    cut = (await admin.get(f"{here}?done=replay&count=5000&rest_from={rest}")).text
    assert "5000, the oldest of them" in cut
    assert "2026-11-28 09:30:00" in cut
    assert 'value="2026-11-28T09:30:00"' in cut, "the range is filled in"
    odd = await admin.get(f"{here}?rest_from=0001-01-01T00:00:00%2B23:59")
    assert odd.status_code == 200, odd.text

    tested = await admin.post(f"{here}/test")
    assert tested.status_code == 303
    assert any("webhook.test" in str(e.event["type"]) for e in await hook.until_accepted(4))
    assert (await admin.post(f"{here}/pause")).status_code == 303
    assert 'class="state paused"' in (await admin.get(here)).text
    refused = await admin.post(f"{here}/test")
    assert refused.status_code == 409
    assert "resume it first" in refused.text
    assert 'href="?' not in refused.text, "here nothing can be asked for"
    for form in re.findall(r'<form method="get"[^>]*>', refused.text):
        assert f'action="{here}"' in form
    assert (await admin.post(f"{here}/resume")).status_code == 303
    rotated = await admin.post(f"{here}/rotate")
    assert secret_of(rotated.text) != secret_of(made.text)
    assert (await admin.post(f"{here}/remove")).headers["location"] == f"{WEBHOOKS}?done=remove"
    assert (await admin.get(here)).status_code == 404
    assert (await admin.post(f"{here}/nonsense")).status_code == 422


async def test_a_form_that_is_sent_twice_makes_one_thing(
    admin: Browser, hook: Receiver, model: str
) -> None:
    fields = {"name": f"twice {model}", "grants": f"reader:{model}", "once": secrets.token_hex(16)}
    first, second = await admin.post(TOKENS, **fields), await admin.post(TOKENS, **fields)
    assert (first.status_code, second.status_code) == (200, 409)
    assert "this form was sent before" in second.text
    assert secret_of(first.text) not in second.text
    assert (await admin.get(TOKENS)).text.count(f"<td><bdi>twice {model}</bdi></td>") == 1
    again = re.search(r'name="once" value="([0-9a-f]{32})"', second.text)
    assert again is not None
    assert (await admin.post(TOKENS, **{**fields, "once": again[1]})).status_code == 200

    told = {"url": hook.url, "models": model, "once": secrets.token_hex(16)}
    made = [await admin.post(WEBHOOKS, **told) for _ in range(2)]
    assert [each.status_code for each in made] == [200, 200]
    assert secret_of(made[0].text) == secret_of(made[1].text)
    assert (await admin.get(WEBHOOKS)).text.count(hook.url) == 1
    for path in (TOKENS, WEBHOOKS):
        answer = await admin.post(path, **{**fields, **told, "once": "x"})
        assert answer.status_code == 422
        assert "once must be" in answer.text


async def test_a_form_that_exchanges_a_secret_twice_makes_one(
    admin: Browser, hook: Receiver, model: str
) -> None:
    made = await admin.post(WEBHOOKS, url=hook.url, models=model)
    found = re.search(rf'href="({WEBHOOKS}/[^"]+)"', made.text)
    assert found is not None
    here = found[1]
    form = re.search(rf'action="{here}/rotate">(.*?)</form>', (await admin.get(here)).text)
    once = re.search(r'name="once" value="([0-9a-f]{32})"', form[1] if form is not None else "")
    assert once is not None
    first, second = [await admin.post(f"{here}/rotate", once=once[1]) for _ in range(2)]
    assert (first.status_code, second.status_code) == (200, 409)
    assert "this form was sent before" in second.text
    assert secret_of(first.text) not in second.text
    wrong = await admin.post(f"{here}/rotate", once="x")
    assert (wrong.status_code, "once must be" in wrong.text) == (422, True)


async def test_a_form_that_was_refused_is_heard_again_once_it_is_mended(
    admin: Browser, model: str
) -> None:
    fields = {"name": f"mended {model}", "once": secrets.token_hex(16)}
    assert (await admin.post(TOKENS, grants="king:*", **fields)).status_code == 422
    assert (await admin.post(TOKENS, grants=f"reader:{model}", **fields)).status_code == 200


async def test_a_webhook_that_cannot_be_made_is_told_beside_the_form(admin: Browser) -> None:
    for url in ("ftp://x", "https://user:secret@x", "https://169.254.169.254/", "x" * 5000):
        answer = await admin.post(WEBHOOKS, url=url)
        assert answer.status_code == 422, url
        assert 'role="alert"' in answer.text


async def test_the_audit_is_filtered_and_shows_what_the_caller_administers(
    api: Api, admin: Browser, browser: Browser, model: str
) -> None:
    await api.ingest.put(f"/v1/models/{model}/rules", json={})
    told = (await admin.get(f"{AUDIT}?model={model}&action=rules.set")).text
    assert told.count("<td>rules.set") + told.count("<bdi>rules.set</bdi>") == 1
    assert (await admin.get(f"{AUDIT}?model={model}&until=2026-01-01T00:00")).text.count("<tr") == 0
    token = await api.token(f"admin:other-{model}")
    await sign_in(browser, token.token)
    assert "rules.set</bdi>" not in (await browser.get(f"{AUDIT}?model={model}")).text
    for wrong in ("since=yesterday", "cursor=zzz", "until=" + "9" * 60, "principal=" + "a" * 300):
        assert (await browser.get(f"{AUDIT}?{wrong}")).status_code == 422, wrong


async def test_attacks_in_every_field_are_shown_as_text(
    api: Api, admin: Browser, hook: Receiver, model: str
) -> None:
    name, attack = TEXT[:128].replace("\u202e", ""), "<script>window.ran=1</script>"
    made = [await admin.post(TOKENS, name=name, grants=f"reader:{model}")]
    wrong = await admin.post(TOKENS, name=TEXT, grants=TEXT + "\n</textarea>" + attack, days=TEXT)
    assert wrong.status_code == 422
    hook.behave(lambda _: (418, {"x-attack": "a"}))
    new = await api.ingest.post(
        "/v1/webhooks",
        json={
            "url": hook.url + "?a='onload=x'",
            "models": [model],
            "description": TEXT[:256],
            "tags": {"<i onclick=x>": TEXT},
        },
    )
    assert new.status_code == 201, new.text
    here = f"{WEBHOOKS}/{new.json()['id']}"
    await admin.post(f"{here}/test")

    async def is_tried() -> bool | None:
        return ", the last: 418" in (await admin.get(here)).text or None

    await eventually(is_tried)
    await admin.get(f"/ui/models/{attack}")
    pages = [*made, wrong, await admin.post(WEBHOOKS, **dict.fromkeys(("url", "models"), TEXT))]
    paths = (
        *(TOKENS, WEBHOOKS, here, f"{here}?model={TEXT[:100]}", f"{here}?state={attack}"),
        *(f"{here}?done={attack}", AUDIT, f"{AUDIT}?action={attack}&principal={TEXT[:200]}"),
        *(f"{AUDIT}?since={attack}", f"{WEBHOOKS}/{attack}", f"{TOKENS}?done={attack}"),
    )
    pages += [await admin.get(path) for path in paths]
    own = OWN_TAGS | {"textarea", "select", "option", "datalist", "br"}
    for answer in pages:
        read = Read(answer.text)
        assert read.wrong == [], answer.url
        assert read.tags <= own, (answer.url, read.tags - own)
        assert read.scripts <= 2
        outside = re.sub(
            r'<bdi>.*?</bdi>|="[^"]*"|<textarea.*?</textarea>', "", answer.text, flags=re.S
        )
        assert "\u202e" not in outside, answer.url


async def test_no_secret_of_a_webhook_is_on_its_pages(api: Api, admin: Browser, model: str) -> None:
    new = await api.ingest.post(
        "/v1/webhooks", json={"url": "http://127.0.0.1:9/", "models": [model]}
    )
    secret = json.loads(new.text)["secret"]
    for path in (WEBHOOKS, f"{WEBHOOKS}/{new.json()['id']}"):
        assert secret not in (await admin.get(path)).text
    await api.ingest.delete(f"/v1/webhooks/{new.json()['id']}")
