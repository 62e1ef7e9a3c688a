"""Coming in by the company's own provider, in a real browser, and out when the company says so."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sendigopro.sso import domains
from tests.browser.look import BROWSER
from tests.browser.test_coming_in import FRAME, put_owner, sign_in
from tests.console.coming import Town, town_of
from tests.databases import Databases
from tests.sso.providers import CLIENT_ID, CLIENT_SECRET, needs_oidc_provider, oidc_provider
from tests.web.serving import free_port

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [*BROWSER, needs_oidc_provider]
DOMAIN, OTTO = "wels.example.com", "otto@wels.example.com"


@pytest.fixture
async def town(databases: Databases, tmp_path: Path) -> AsyncIterator[Town]:
    port = free_port()
    url = f"http://localhost:{port}"
    async with town_of(databases, tmp_path, url=url, port=port, allow_private_webhooks=True) as town:
        yield town


async def test_a_company_connects_its_provider_somebody_comes_in_by_it_and_is_out_when_it_says_so(
    town: Town, page: "Page"
) -> None:
    await put_owner(town)
    vault, account_id = town.site.house.vault, town.site.house.account_id
    name, value = await domains.record_of(vault, account_id, DOMAIN)

    async def text_records(asked: str) -> list[str]:
        return [value] if asked == name else []

    town.site.web.providers.text_records = text_records
    async with oidc_provider(f"{town.url}/console/sign-in/oidc") as issuer:
        await sign_in(page, town, "/console/sso")
        await page.fill("input[name=issuer]", issuer)
        await page.fill("input[name=client_id]", CLIENT_ID)
        await page.fill("input[name=client_secret]", CLIENT_SECRET)
        await page.check("section[aria-labelledby=new] input[name=joins]")
        await page.click("button:text-is('Connect')")
        await page.wait_for_selector("text=needs a domain")
        await page.fill("input[name=domain]:visible", DOMAIN)
        await page.click("button:text-is('Add')")
        await page.click("button:text-is('Check')")
        await page.wait_for_selector("text=signs in")
        await page.click("button:text-is('Make a token')")
        token = (await page.inner_text("pre[aria-label='SCIM token']")).strip()
        await page.context.clear_cookies()

        await page.goto(f"{town.url}/console/sign-in")
        await page.click("text=Sign in with your company")
        await page.fill("input[name=email]", OTTO)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("input[name=login]")
        await page.fill("input[name=login]", OTTO)
        await page.fill("input[name=password]", "anything")
        await page.keyboard.press("Enter")
        await page.click("button[type=submit]")
        await page.wait_for_selector(FRAME)
        await page.goto(f"{town.url}/console/security")
        assert f"{OTTO} · viewer" in await page.inner_text("header.title")

    told = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": OTTO, "active": True}
    known = await town.site.ask("POST", "/scim/v2/Users", told, key=token, Content_Type="application/scim+json")
    assert known.status == 201, known.body
    user = json.loads(known.body)["id"]
    gone = await town.site.ask("DELETE", f"/scim/v2/Users/{user}", key=token)
    assert gone.status == 204
    await page.click("nav >> text=Home")
    await page.wait_for_selector("h1:has-text('Sign in')")
