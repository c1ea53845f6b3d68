"""The page in a real Chromium: signing in, finding, the theme, widths, and what axe finds."""

from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from registry.schemas import Version
from shared.runtime.settings import Settings
from tests.support.access import token_of
from tests.support.api import Api, file_of
from tests.support.browser import until_found
from tests.support.chromium import NEEDS_CHROMIUM, look, sign_in

CARD = b"# Churn\n\nWho is about to **leave**.\n\n| data | rows |\n|---|---|\n| june | 12000 |\n"

pytestmark = NEEDS_CHROMIUM


@pytest.fixture
def model() -> str:
    """A name that pictures may show."""
    return f"churn-{uuid4().hex[:6]}"


@pytest.fixture
async def version(api: Api, model: str) -> Version:
    session = await api.open(
        model,
        file_of("model.bin", b"x"),
        file_of("README.md", CARD),
        description="Who is about to leave, by the month.",
        metrics={"auc": 0.913, "loss": 0.21},
        parameters={"depth": 6, "schedule": {"warmup": 100}},
        tags={"team": "risk"},
    )
    for plan, data in zip(session.files, (b"x", CARD), strict=True):
        await api.put(plan, data)
    found = await api.ready(session)
    moved = await api.ingest.put(
        f"/v1/models/{model}/aliases/production", json={"version": 1, "reason": "better by 2 %"}
    )
    assert moved.status_code == 200
    for number, auc in ((2, 0.92), (3, 0.904), (4, 0.931)):
        await another(api, model, number, auc)
    await until_found(api, model, 4)
    return found


async def another(api: Api, model: str, number: int, auc: float) -> None:
    """Upload a version that was made from the one before."""
    data = b"x" * number
    session = await api.open(
        model,
        file_of("model.bin", data),
        metrics={"auc": auc, "loss": 1 - auc, "latency_ms": 12.5 * number},
        parameters={"depth": 6 + number % 2, "rate": 10.0**-number, "solver": "adam"},
        tags={"team": "risk"},
        lineage={
            "parents": [{"model": model, "version": number - 1}],
            "datasets": ["s3://warehouse/churn/2026-06"],
        },
    )
    await api.put(session.files[0], data)
    await api.ready(session)


async def test_somebody_signs_in_finds_a_version_and_leaves(
    page: Page, settings: Settings, version: Version
) -> None:
    model = version.model
    await sign_in(page, token_of(settings), "/ui/models?kind=versions")
    await expect(page.get_by_role("heading", name="Versions")).to_be_visible()
    await page.get_by_label("Filter").fill(f"name = '{model}' AND metrics.auc >")
    await page.get_by_role("button", name="Find").click()
    await expect(page.locator("mark.wrong")).to_be_visible()
    await page.get_by_label("Filter").fill(f"name = '{model}' AND metrics.auc > 0.9")
    await page.get_by_role("button", name="Find").click()
    await page.locator("tbody").get_by_role("link", name=model).first.click()
    await expect(page.get_by_role("heading", name=model)).to_be_visible()
    await page.locator("a.chip", has_text="production").first.click()
    await expect(page.get_by_text("better by 2 %")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await page.goto(f"/ui/models/{model}")
    await expect(page.get_by_label("Token")).to_be_visible()


async def test_a_failure_of_search_is_told_and_leaves_a_page_that_works(
    page: Page, settings: Settings, version: Version
) -> None:
    await sign_in(page, token_of(settings), f"/ui/models?filter=name+%3D+'{version.model}'")
    columns, find = page.get_by_label("Columns"), page.get_by_role("button", name="Find")
    await columns.fill(",".join(f"tags.t{each}" for each in range(13)))
    await find.click()
    await expect(page.get_by_text("must be at most 12 names")).to_be_visible()
    await page.go_back()
    await columns.fill("name")
    await find.click()
    await expect(page.locator("tbody").get_by_role("link", name=version.model)).to_be_visible()
    await page.context.clear_cookies()
    await find.click()
    await expect(page.get_by_label("Token")).to_be_visible()


async def test_names_are_completed_by_keyboard(
    page: Page, settings: Settings, version: Version
) -> None:
    await sign_in(page, token_of(settings), "/ui/models?kind=versions")
    field = page.get_by_label("Filter")
    await field.press_sequentially("state = ready AND metrics.au")
    await expect(page.get_by_role("option", name="metrics.auc")).to_be_visible()
    await field.press("ArrowDown")
    await field.press("Enter")
    await expect(field).to_have_value("state = ready AND metrics.auc")
    await expect(page.get_by_role("listbox")).to_be_hidden()
    await field.press_sequentially(" > 0.9")
    await field.press("Enter")
    await expect(page.locator("tbody").get_by_role("link", name=version.model)).to_have_count(4)


# In the filter: what stands before, what is typed, what stands behind, and what becomes of the
# latter two. M stands for the name of the model, which begins the names of three tags.
QUOTED = (
    ("", 'tags."M a', "", 'tags."M a b"'),
    ("", 'tags."M a', '" = x', 'tags."M a b" = x'),
    ("", 'tags."M a', ' b" = x', 'tags."M a b" = x'),
    # What is behind is a name of its own, and stays.
    ("", 'tags."M a', ' AND tags."x y" = z', 'tags."M a b" AND tags."x y" = z'),
    ("tags.\"x y\" = 'it''s \"' AND ", 'tags."M a', "", 'tags."M a b"'),
    ("", 'tags."M""', "", 'tags."M""c"'),
    ("", 'tags."M-', "", "tags.M-d"),
)


async def test_names_are_completed_in_quotes_and_stay_quoted(
    page: Page, settings: Settings, api: Api, model: str
) -> None:
    await tagged(api, model, f"{model} a b", f'{model}"c', f"{model}-d")
    await sign_in(page, token_of(settings), "/ui/models?kind=versions")
    field = page.get_by_label("Filter")
    for before, typed, behind, taken in QUOTED:
        await field.fill(before + behind)
        await field.evaluate("(input, at) => input.setSelectionRange(at, at)", len(before))
        await field.press_sequentially(typed.replace("M", model))
        await expect(page.get_by_role("option")).to_have_count(1)
        await field.press("ArrowDown")
        await field.press("Enter")
        await expect(field).to_have_value(before + taken.replace("M", model))
        await expect(page.get_by_role("listbox")).to_be_hidden()


@pytest.mark.parametrize(
    ("typed", "asked"), [('tags."x', 1), ('tags."x y"', 0), ("name = 'tags.", 0)]
)
async def test_in_a_text_and_behind_a_quoted_name_nothing_is_offered(
    page: Page, settings: Settings, typed: str, asked: int
) -> None:
    await sign_in(page, token_of(settings), "/ui/models?kind=versions")
    found: list[str] = []
    page.on("request", lambda each: found.append(each.url) if "completions" in each.url else None)
    field = page.get_by_label("Filter")
    await field.evaluate("(input, text) => (input.value = text)", typed[:-1])
    await field.press("End")
    await field.press_sequentially(typed[-1])
    await page.wait_for_timeout(1000)  # a pause in typing is waited for
    assert len(found) == asked


async def tagged(api: Api, model: str, *names: str) -> None:
    """Upload a version with tags of these names."""
    data = file_of("model.bin", b"x")
    session = await api.open(model, data, tags=dict.fromkeys(names, "x"))
    await api.put(session.files[0], b"x")
    await api.ready(session)
    await until_found(api, model)


async def test_a_version_appears_as_it_becomes_ready(
    page: Page, settings: Settings, api: Api, model: str
) -> None:
    await sign_in(page, token_of(settings), "/ui/")
    await expect(page.get_by_text("appear here by themselves")).to_be_visible()
    session = await api.open(model, file_of("model.bin", b"x"))
    row = page.locator(f'[data-key="{model}/1"]')
    await expect(row).to_contain_text("pending")
    await api.put(session.files[0], b"x")
    await expect(row).to_contain_text("ready")


async def test_the_theme_is_kept(page: Page, settings: Settings) -> None:
    await sign_in(page, token_of(settings), "/ui/")
    await page.get_by_role("button", name="Theme").click()
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.goto("/ui/nothing")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_no_page_is_wider_than_its_window(
    page: Page, settings: Settings, version: Version
) -> None:
    below = f"/ui/models/{version.model}"
    columns = "name,version,params.rate,params.solver,paramz.lr"
    paths = {
        "overview": "/ui/",
        "models": "/ui/models",
        "versions": "/ui/models?kind=versions",
        "columns": f"/ui/models?kind=versions&columns={columns}",
        "wrong": "/ui/models?filter=name+%3D%3D+churn",
        "model": below,
        "alias": f"{below}/aliases/production",
        "version": f"{below}/versions/1",
        "tensors": f"{below}/versions/1/tensors",
        "lineage": f"{below}/versions/3",
        "comparison": f"{below}/compare?" + "&".join(f"versions={each}" for each in range(1, 5)),
        "no-comparison": "/ui/compare?pick=churn/1",
        "account": "/ui/me",
        "missing": "/ui/nothing",
    }
    await page.goto("/ui/sign-in")
    await look(page, "sign-in")
    await sign_in(page, token_of(settings), "/ui/")
    for name, path in paths.items():
        await page.goto(path)
        await look(page, name)
