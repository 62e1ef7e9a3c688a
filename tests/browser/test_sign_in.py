"""Signing in with an authenticator and signing out, in a real browser; every page for everybody (WCAG 2.2 AA)."""

from typing import TYPE_CHECKING

import pyotp

from sendigopro.accounts import people_store
from sendigopro.accounts.people import put_person
from sendigopro.foundation import clock
from tests.browser.look import BROWSER, look
from tests.web.conftest import Site

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = BROWSER
MAIL, NAME, PASSWORD = "rosa.lind@example.com", "Rosa Lind", "quarzsand im Getriebe 88"


async def look_at_a_link_by_hand(page: "Page") -> None:
    """What who invites sees where no mail can be sent."""
    await page.fill("input[name=email]", "otto@example.com")
    await page.click("button:has-text('Invite')")
    await page.wait_for_selector("text=Hand this link over")
    await look(page, "team-link-by-hand")


async def test_somebody_signs_in_sets_up_an_authenticator_and_needs_it_the_next_time(site: Site, page: "Page") -> None:
    owner = await site.databases.main("owner")
    async with owner.transaction():
        person_id = await put_person(owner, site.house.vault, mail=MAIL, name=NAME, password=PASSWORD)
        await people_store.upsert_member(owner, account_id=site.house.account_id, person_id=person_id, role="owner")
    origin = f"http://127.0.0.1:{site.port}"
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.extend([request.url] if not request.url.startswith(origin) else []))

    await page.goto(f"{origin}/console/security")
    await look(page, "sign-in")
    await page.fill("input[name=email]", MAIL)
    await page.fill("input[name=password]", "not this one")
    await page.click("button:text-is('Sign in')")
    await page.wait_for_selector("[role=alert]")
    await look(page, "sign-in-wrong")
    assert await page.input_value("input[name=email]") == MAIL
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("h1:has-text('Your sign-in')")
    await look(page, "security")

    await page.goto(f"{origin}/console/team")
    await look(page, "team")
    await look_at_a_link_by_hand(page)
    await page.goto(f"{origin}/console/security")

    await page.click("text=Set it up")
    await page.wait_for_selector(".picture svg")
    await look(page, "authenticator")
    await page.click("summary")
    secret = (await page.inner_text(".spelt")).replace(" ", "")
    await page.fill("input[name=code]", pyotp.TOTP(secret).at(clock.now()))
    await page.click("text=Turn it on")
    await page.wait_for_selector(".codes")
    await look(page, "recovery-codes")
    codes = await page.locator(".codes code").all_inner_texts()
    await page.click("text=I have them")
    await page.wait_for_selector("text=10 of the codes on paper are left")
    await look(page, "security-with-authenticator")

    await page.click(".side-end button")
    await page.fill("input[name=email]", MAIL)
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("h1:has-text('Second step')")
    await look(page, "second-step")
    await page.fill("input[name=code]", codes[0])
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{origin}/console")
    await look(page, "home")

    assert complaints == []
