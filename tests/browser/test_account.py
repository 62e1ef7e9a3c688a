"""Privacy centre, audit log, account, roles and sub-accounts in a real browser, for everybody (WCAG 2.2 AA)."""

from typing import TYPE_CHECKING

from sendigopro.accounts import people_store
from sendigopro.accounts.people import put_person
from tests.browser.look import BROWSER, look
from tests.browser.test_sign_in import MAIL, NAME, PASSWORD
from tests.web.conftest import Site

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = BROWSER


async def test_an_owner_settles_privacy_roles_and_the_account_itself(site: Site, page: "Page") -> None:
    owner = await site.databases.main("owner")
    async with owner.transaction():
        person_id = await put_person(owner, site.house.vault, mail=MAIL, name=NAME, password=PASSWORD)
        await people_store.upsert_member(owner, account_id=site.house.account_id, person_id=person_id, role="owner")
    origin = f"http://127.0.0.1:{site.port}"
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.extend([request.url] if not request.url.startswith(origin) else []))
    await page.goto(f"{origin}/console/roles")
    await page.fill("input[name=email]", MAIL)
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")

    await page.wait_for_selector("h1:has-text('Roles')")
    await page.fill("input[name=name]", "night desk")
    await page.check("input[name='messages.read']")
    await page.click("text=Make the role")
    await page.wait_for_selector("text=The role is made")
    await look(page, "roles")
    await page.click("a:has-text('night desk')")
    await look(page, "role")

    for path, name in (("privacy", "privacy-map"), ("privacy/retention", "retention"), ("privacy/proof", "proof")):
        await page.goto(f"{origin}/console/{path}")
        await look(page, name)
    await page.goto(f"{origin}/console/privacy/retention/otp/body")
    await page.fill("input[name=days]", "2")
    await page.click("text=What would this end?")
    await page.wait_for_selector(".simulated")
    await look(page, "retention-simulated")
    await page.goto(f"{origin}/console/privacy/requests")
    await look(page, "requests-empty")
    await page.fill("input[name=identifier]", "+447400123456")
    await page.click("text=Do it")
    await page.wait_for_selector("text=What happened")
    await look(page, "request")
    await page.goto(f"{origin}/console/privacy/requests")
    await look(page, "requests")

    await page.goto(f"{origin}/console/subaccounts")
    await look(page, "subaccounts-empty")
    await page.fill("input[name=name]", "Brand One")
    await page.click("text=Make the account")
    await page.wait_for_selector("text=The account is made")
    await look(page, "subaccounts")
    await page.goto(f"{origin}/console/account")
    await look(page, "account")
    await page.goto(f"{origin}/console/audit")
    await look(page, "audit")
    await page.click("summary >> nth=0")
    assert "prev" not in await page.inner_text("details[open] pre")
    assert complaints == []
