"""The pages about messages in a real browser: written, counted, shown, new ones told of (WCAG 2.2 AA)."""

from typing import TYPE_CHECKING

from sendigopro.accounts import people_store
from sendigopro.accounts.people import put_person
from sendigopro.messages.model import Status
from tests.browser.look import BROWSER, look
from tests.web.conftest import Site

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = BROWSER
MAIL, NAME, PASSWORD = "rosa.lind@example.com", "Rosa Lind", "quarzsand im Getriebe 88"


async def test_a_message_is_written_seen_explained_found_again_and_taken_away(site: Site, page: "Page") -> None:
    owner = await site.databases.main("owner")
    async with owner.transaction():
        person_id = await put_person(owner, site.house.vault, mail=MAIL, name=NAME, password=PASSWORD)
        await people_store.upsert_member(owner, account_id=site.house.account_id, person_id=person_id, role="owner")
    await site.house.start_worker()
    origin = f"http://127.0.0.1:{site.port}"
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await page.goto(f"{origin}/console/messages")
    await page.fill("input[name=email]", MAIL)
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=No test messages yet")
    await look(page, "messages-empty")

    await page.click("text=Write one here")
    await page.fill("input[name=to]", "+15005550006")
    await page.fill("textarea", "Your table is ready. See you at eight! ✓")
    await page.wait_for_selector("[data-why]:not([hidden]) >> text=U+2713")
    assert await page.inner_text("[data-preview]") == "Your table is ready. See you at eight! ✓"
    await look(page, "compose")
    await page.click("text=Send as a test")
    await page.wait_for_selector("h2:has-text('What happened')")
    made = page.url.rpartition("/")[2]
    await site.house.until(made, Status.DELIVERED)
    await page.reload()
    await look(page, "message")
    await page.click("text=Show number and text")
    await page.wait_for_selector("text=See you at eight")
    await look(page, "message-shown")

    await narrow_and_take_away(site, page, origin)
    await page.goto(f"{origin}/console/messages/{made}/delete")
    await look(page, "message-delete")
    await page.goto(f"{origin}/console/find?q=nothing")
    await look(page, "find")
    assert [one for one in complaints if "404" not in one] == []


async def narrow_and_take_away(site: Site, page: "Page", origin: str) -> None:
    for number, tags in (("+15005550006", ["shop", "order"]), ("+15005550001", []), ("+447400123456", ["news"])):
        await site.house.send_many([{"to": number, "body": "Hello", "tags": tags}])
    await page.goto(f"{origin}/console/messages")
    await site.house.send()
    await page.wait_for_selector(".fresh-bar:visible >> text=1 new message")
    await look(page, "messages")
    await page.select_option("select[name=status]", "delivered")
    await page.click(".filters button:has-text('Filter')")
    await page.click("text=Save this view")
    await page.fill("details input[name=name]", "Arrived")
    await page.click("details button:has-text('Save')")
    await page.wait_for_selector(".tabs [aria-current]:has-text('Arrived')")
    await look(page, "messages-filtered")

    await page.click("text=Export")
    await page.click("text=Make the file")
    await page.wait_for_selector(".chip:has-text('ready')")
    await look(page, "exports")
    async with page.expect_download() as waiting:
        await page.click("button:has-text('Download')")
    assert (await waiting.value).suggested_filename.endswith(".csv")
