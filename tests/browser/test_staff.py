"""An account lets the staff in and sees its channels; the staff looks at the installation, and enters as a guest."""

from datetime import timedelta
from typing import TYPE_CHECKING

from sendigopro.accounts import go_live, grants, people_store, staff
from sendigopro.accounts.create import create_account
from sendigopro.accounts.people import put_person
from sendigopro.audit.model import BY_OPERATOR
from sendigopro.channels import store
from sendigopro.channels.model import Sender
from sendigopro.foundation import clock, ids
from sendigopro.messages.model import Channel, Status
from tests.browser.look import BROWSER, look
from tests.console.test_sign_in_pages import PASSWORD
from tests.web.conftest import Site

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = BROWSER
OWNERS_PAGES = ("senders", "carriers", "access")
STAFFS_PAGES = ("accounts", "reviews", "queues")
"""With something on them; as they are when empty, every page is looked at by test_every_page.py."""


async def furnish(site: Site) -> None:
    """Rosa owns an account that has sent; Sam is of the staff, has asked to look in; somebody waits to go live."""
    owner, house = await site.databases.main("owner"), site.house
    async with owner.transaction():
        rosa = await put_person(owner, house.vault, mail="rosa@example.com", name="Rosa Lind", password=PASSWORD)
        await people_store.upsert_member(owner, account_id=house.account_id, person_id=rosa, role="owner")
        home = await create_account(owner, house.vault, name="The installation")
        assert home is not None
        sam = await put_person(owner, house.vault, mail="sam@example.com", name="Sam Stone", password=PASSWORD)
        await people_store.upsert_member(owner, account_id=home, person_id=sam, role="owner")
        await staff.put_staff(owner, house.vault, person_id=sam, role="operator")
        await store.add_sender(
            owner, Sender(house.account_id, ids.new(), Channel.SMS, "+15005550006", is_default=False)
        )
        why = "You asked why messages to Austria fail since Tuesday."
        by = grants.by_staff(sam)
        await grants.ask(owner, house.vault, account_id=house.account_id, person_id=sam, reason=why, hours=4, by=by)
        for name in ("Parcels & Co", "Night Clinic"):
            new = await create_account(owner, house.vault, name=name)
            assert new is not None
            await go_live.begin_review_state(owner, new, go_live="review")
        answers = go_live.Answers("When a doctor is free.", "Switzerland", "They ask for it at the desk.")
        assert new is not None
        await go_live.ask_for_review(owner, house.vault, account_id=new, person_id=sam, answers=answers, by=BY_OPERATOR)
    await house.start_worker()
    for n in range(4):
        sent = await house.send(to=f"+44740012345{n}")
    failed = await house.send(to="+15005550001")
    await house.until(sent.id, Status.DELIVERED)
    await house.until(failed.id, Status.FAILED, Status.REJECTED, Status.UNDELIVERED)
    await house.send_many([{"send_at": clock.now() + timedelta(hours=1)}])


async def sign_in(page: "Page", origin: str, mail: str) -> None:
    await page.goto(f"{origin}/console/sign-in")
    await page.fill("input[name=email]", mail)
    await page.fill("input[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".side")


async def test_an_account_lets_staff_in_and_they_look_as_a_guest(site: Site, page: "Page") -> None:
    await furnish(site)
    origin = f"http://127.0.0.1:{site.port}"
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.extend([request.url] if not request.url.startswith(origin) else []))
    await sign_in(page, origin, "rosa@example.com")
    await look(page, "home-asked")
    for name in OWNERS_PAGES:
        await page.goto(f"{origin}/console/{name}")
        await look(page, name.replace("/", "-"))
    await page.goto(f"{origin}/console/routes")
    await page.fill("input[name=to]", "+447400123456")
    await page.fill("textarea", "Your parcel comes at noon \U0001f4e6")
    await page.click("text=Simulate >> nth=-1")
    await page.wait_for_selector("text=It would go")
    await look(page, "routes")
    await page.goto(f"{origin}/console/access")
    await page.click("text=Allow >> nth=-1")
    await page.wait_for_selector("text=may look in")
    await look(page, "access-running")
    await page.click(".side-end button")

    await sign_in(page, origin, "sam@example.com")
    for name in STAFFS_PAGES:
        await page.goto(f"{origin}/console/staff/{name}")
        await look(page, f"staff-{name}")
    await page.goto(f"{origin}/console/staff/accounts/{ids.typed('acc', site.house.account_id)}")
    await look(page, "staff-account")
    await page.click("main button:has-text('Enter')")
    await page.wait_for_selector(".guest")
    await look(page, "guest")
    await page.click(".guest button")
    await page.wait_for_selector("text=Installation")
    assert complaints == []
