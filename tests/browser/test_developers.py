"""What is live for developers, in a real browser: a tail that can be paused, a key made, a list narrowed."""

from typing import TYPE_CHECKING

from tests.browser.look import BROWSER, look
from tests.console.test_sign_in_pages import PASSWORD
from tests.web.conftest import Site
from tests.web.strangers import member

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = BROWSER
NUMBER = "+447400123456"


async def test_a_key_is_made_and_what_it_asks_passes_by_until_somebody_pauses(site: Site, page: "Page") -> None:
    await member(site, site.house.account_id, "owner")
    origin = f"http://127.0.0.1:{site.port}"
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{origin}/console/keys/new")
    await page.fill("input[name=email]", "owner@example.com")
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("h1:has-text('Make a test key')")
    await page.fill("input[name=rate]", "fast")
    await page.click("text=Make it")
    await page.wait_for_selector(".field-problem")
    await look(page, "key-wrong")
    await page.fill("input[name=rate]", "")
    await page.click("text=Make it")
    await page.wait_for_selector("h1:has-text('Your test key')")
    await look(page, "key-made")
    key = await page.inner_text("pre[aria-label='The key']")

    await page.goto(f"{origin}/console/live")
    await page.wait_for_selector("[data-state]:has-text('Live')")
    assert (await site.ask("POST", "/v1/messages", {"to": NUMBER, "body": "<b>x</b>"}, key=key)).status == 202
    await page.wait_for_selector("tbody tr:has-text('POST /v1/messages')")
    await look(page, "live")
    await page.click("text=Pause")
    assert (await site.ask("POST", "/v1/messages", {"to": "x", "body": "x"}, key=key)).status == 400
    await page.wait_for_selector("[data-state]:has-text('1 waiting')")
    assert await page.locator("tbody tr:has-text('invalid_number')").count() == 0
    await page.click("text=Go on")
    await page.click("tbody tr:has-text('invalid_number') a")
    await page.wait_for_selector("h2:has-text('What it means')")
    await look(page, "request-refused")

    await page.goto(f"{origin}/console/errors")
    await page.fill("input[type=search]", "idempotency reused")
    await page.wait_for_selector("[data-count]:has-text('1 of')")
    assert await page.locator("[data-entry]:visible").count() == 1
    assert complaints == []
