"""Signing in at a real OpenID Connect server, Ory Hydra, in a real Chromium."""

import secrets
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from local.processes.state import SERVICES
from local.stack import PORTS, start_services, stop
from shared.domain.access.issuers import ClaimRule, TrustedIssuer
from shared.runtime.settings import Settings
from tests.support.chromium import NEEDS_CHROMIUM, look
from tests.support.hydra import is_to_be_had
from tests.support.hydra_people import hydra_with_people
from tests.support.oidc_tokens import AUDIENCE

pytestmark = [
    NEEDS_CHROMIUM,
    pytest.mark.skipif(not is_to_be_had(), reason="Hydra needs a C compiler to be built"),
]
PEOPLE = {"anna": ["ml-risk"], "otto": ["sales"]}


@pytest.fixture(scope="module")
def query(
    settings: Settings, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a second query, where people sign in at Hydra."""
    rules = (ClaimRule(claims={"groups": "ml-*"}, grants=("admin:risk.*",)),)
    root, secret = tmp_path_factory.mktemp("hydra-people"), secrets.token_hex(16)
    with hydra_with_people(tmp_path_factory.mktemp("hydra"), PEOPLE) as hydra:
        issuer = TrustedIssuer(
            url=hydra.url, audiences=(AUDIENCE,), rules=rules, allow_loopback_http=True
        )
        chosen = {
            **{name: value for name, value in environment.items() if name not in PORTS.values()},
            "OIDC_ISSUERS": f"[{issuer.model_dump_json()}]",
            "OIDC_SIGN_IN_ISSUER": hydra.url,
            "OIDC_CLIENT_ID": "registry",
            "OIDC_CLIENT_SECRET": secret,
        }
        try:
            started = start_services(root, chosen, "free", names=["ingest", "query"])
            address = f"http://localhost:{started[PORTS['query']]}"
            hydra.register_page("registry", secret, f"{address}/ui/sign-in/oidc/back")
            yield address
        finally:
            stop(root, SERVICES)


async def test_somebody_signs_in_at_the_issuer_and_comes_back_to_the_page_they_wanted(
    page: Page, query: str
) -> None:
    await page.goto(f"{query}/ui/admin/tokens")
    sign_in = page.get_by_role("link", name="Sign in at")
    await expect(sign_in).to_be_visible()  # the page that was asked for leads to it by a refresh
    await look(page, "sign-in-issuer")
    await sign_in.click()
    await page.get_by_label("Name").fill("anna")
    await page.get_by_role("button", name="Log in").click()
    await expect(page).to_have_url(f"{query}/ui/admin/tokens")
    await expect(page.locator(".who .name")).to_have_text("Anna")
    await page.get_by_label("What it is for").fill("of anna")
    await page.get_by_label("Grants, one a line").fill("reader:risk.*")
    await page.get_by_role("button", name="Make token").click()
    await expect(page.get_by_label("Token")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Token")).to_be_visible()
    await page.goto(f"{query}/ui/admin/tokens")
    await expect(sign_in).to_be_visible()


async def test_who_is_granted_nothing_is_told_so(page: Page, query: str) -> None:
    await page.goto(f"{query}/ui/")
    await page.get_by_role("link", name="Sign in at").click()
    await page.get_by_label("Name").fill("otto")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_contain_text("Otto is granted nothing here")
    await look(page, "sign-in-nothing")
