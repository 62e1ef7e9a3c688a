"""Staff in an account: let in by it alone, for a time, as a guest who reads; and every page stands in its audit log."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from sendigopro.accounts import grants, people_store, staff, staff_store
from sendigopro.accounts.create import create_account
from sendigopro.accounts.people import put_person
from sendigopro.accounts.roles import GUESTS, PERMISSIONS, Permission, granted_by
from sendigopro.console.visit import told_path
from sendigopro.foundation import ids
from tests.console.test_sign_in_pages import PASSWORD, Browser, rows, text
from tests.console.test_team import Crew
from tests.databases import Databases
from tests.messages.house import house_of
from tests.web.conftest import site_of
from tests.web.serving import Reply

ACCESS, ACCOUNTS = "/console/access", "/console/staff/accounts"
NUMBER, TEXT = "+447400123456", "the plan is secret"


class Building(Crew):
    """A customer's account with its crew, and the staff of the installation in an account of their own."""

    home: UUID
    sam: UUID

    @property
    def customer(self) -> str:
        return ids.typed("acc", self.site.house.account_id)

    async def let_in_staff(self) -> Browser:
        owner, vault = await self.site.databases.main("owner"), self.site.house.vault
        async with owner.transaction():
            home = await create_account(owner, vault, name="The installation")
            assert home is not None
            self.home = home
            self.sam = await put_person(owner, vault, mail="sam@example.com", name="Sam", password=PASSWORD)
            await people_store.upsert_member(owner, account_id=home, person_id=self.sam, role="owner")
            await staff.put_staff(owner, vault, person_id=self.sam, role="support")
        browser = Browser(self.site)
        assert (await browser.sign_in(mail="sam@example.com", next_=ACCOUNTS)).status == 303
        return browser

    async def let_in_more_staff(self, name: str) -> Browser:
        """Somebody else of the staff, of the same account."""
        owner, vault = await self.site.databases.main("owner"), self.site.house.vault
        async with owner.transaction():
            person_id = await put_person(owner, vault, mail=f"{name}@example.com", name=name, password=PASSWORD)
            await people_store.upsert_member(owner, account_id=self.home, person_id=person_id, role="viewer")
            await staff.put_staff(owner, vault, person_id=person_id, role="operator")
        browser = Browser(self.site)
        assert (await browser.sign_in(mail=f"{name}@example.com", next_=ACCOUNTS)).status == 303
        return browser

    async def asked(self, sam: Browser, *, hours: str = "4") -> str:
        """The id of a grant that was asked for."""
        done = await sam.post(f"{ACCOUNTS}/{self.customer}/ask", reason="you asked why", hours=hours)
        assert done.status == 303, text(done)
        found = await rows(self.site, "SELECT id FROM main.staff_grants ORDER BY id DESC LIMIT 1")
        assert isinstance(found[0][0], UUID)
        return ids.typed("grt", found[0][0])

    async def allowed(self, sam: Browser, rosa: Browser, **more: str) -> str:
        grant = await self.asked(sam)
        assert (await rosa.post(f"{ACCESS}/{grant}/allow", hours="2", **more)).status == 303
        return grant

    async def enter(self, sam: Browser, grant: str) -> Reply:
        return await sam.post(f"{ACCOUNTS}/{self.customer}/enter", grant=grant)

    async def log(self) -> list[tuple[str, str | None, dict[str, object]]]:
        """What the account itself reads of the staff: action, who, facts."""
        said = msgspec.json.decode((await self.site.ask("GET", "/v1/audit-log?limit=100")).body)["data"]
        return [
            (one["action"], one["actor"].get("id"), one["facts"])
            for one in reversed(said)
            if one["action"].startswith("staff.")
        ]


@pytest.fixture
async def building(databases: Databases, tmp_path: Path) -> AsyncIterator[Building]:
    async with house_of(databases, tmp_path) as house, site_of(house, databases) as site:
        yield Building(site)


async def test_staff_look_in_with_consent_as_a_guest_and_every_page_is_in_the_accounts_log(building: Building) -> None:
    rosa, sam = await building.add("rosa", "owner"), await building.let_in_staff()
    grant = await building.asked(sam)
    assert "asks for leave to look into this account" in text(await rosa.get("/console"))
    shown = text(await rosa.get(ACCESS))
    assert "you asked why" in shown
    assert ids.typed("stf", building.sam) in shown
    assert (await rosa.post(f"{ACCESS}/{grant}/allow", hours="2")).status == 303
    assert "asks for leave" not in text(await rosa.get("/console"))

    assert (await building.enter(sam, grant)).headers["location"] == "/console"
    home = text(await sam.get("/console"))
    assert "You are in Test as a guest" in home
    assert "numbers and texts stay masked" in home
    carriers = await sam.get("/console/carriers")
    assert (carriers.status, "You are in Test as a guest" in text(carriers)) == (200, True)
    for path in ("/console/team", "/console/security", ACCESS, ACCOUNTS, "/console/account/go-live"):
        assert (await sam.get(path)).status == 403, path
    assert (await sam.get("/console/handset")).status == 403
    assert (await sam.post("/console/senders", value="Mine")).status == 403
    assert (await sam.post("/console/security/password", password=PASSWORD, again=PASSWORD)).status == 403
    assert (await sam.post("/console/staff/leave")).status == 303
    assert "You are in" not in text(await sam.get("/console"))
    assert (await sam.get(f"{ACCOUNTS}/{building.customer}")).status == 200

    told, stf = await building.log(), ids.typed("stf", building.sam)
    assert [(action, who) for action, who, _ in told if action != "staff.looked"] == [
        ("staff.asked", stf), ("staff.allowed", ids.typed("mem", building.people["rosa"])), ("staff.entered", stf),
        ("staff.left", stf),
    ]  # fmt: skip
    assert {who for action, who, _ in told if action == "staff.looked"} == {stf}
    pages = [facts["page"] for action, _, facts in told if action == "staff.looked"]
    assert pages == ["/console", "/console/carriers", "/console/handset"]  # the last was refused, and tried
    assert told[-1][2] == {"how": "left"}
    assert await rows(building.site, "SELECT value FROM main.senders") == [("SendiGoPro",)]


async def test_without_a_grant_an_account_is_nowhere_for_staff(building: Building) -> None:
    rosa, sam = await building.add("rosa", "owner"), await building.let_in_staff()
    unknown = ids.typed("grt", ids.new())
    assert (await building.enter(sam, unknown)).status == 404
    asked = await building.asked(sam)
    assert (await building.enter(sam, asked)).status == 404  # nobody has allowed it
    again = await sam.post(f"{ACCOUNTS}/{building.customer}/ask", reason="please", hours="1")
    assert (again.status, "Wait for its answer" in text(again)) == (409, True)
    assert (await rosa.post(f"{ACCESS}/{asked}/end")).status == 303
    assert (await building.enter(sam, asked)).status == 404
    assert (await rosa.post(f"{ACCESS}/{asked}/allow", hours="1")).status == 404  # refused is refused
    assert (await sam.post("/console/security/account", account=building.customer)).status == 404

    grant = await building.allowed(sam, rosa)
    elsewhere = f"{ACCOUNTS}/{ids.typed('acc', building.home)}/enter"
    assert (await sam.post(elsewhere, grant=grant)).status == 404  # it opens one account
    nora = await building.let_in_more_staff("nora")
    assert (await building.enter(nora, grant)).status == 404  # to one person
    assert (await rosa.get(ACCOUNTS)).status == 404
    assert [action for action, _, _ in await building.log()] == [
        "staff.asked", "staff.refused", "staff.asked", "staff.allowed",
    ]  # fmt: skip


@pytest.mark.parametrize("how", ["expired", "withdrawn", "not of the staff any more"])
async def test_a_grant_that_is_over_ends_with_the_next_request(building: Building, how: str) -> None:
    rosa, sam = await building.add("rosa", "admin"), await building.let_in_staff()
    grant = await building.allowed(sam, rosa)
    await building.enter(sam, grant)
    assert (await sam.get("/console/carriers")).status == 200
    owner = await building.site.databases.main("owner")
    if how == "expired":
        await owner.execute(
            "UPDATE main.staff_grants SET consented_at = now() - interval '3 hours', ends_at = now() - interval '1 s'"
        )
    elif how == "withdrawn":
        assert (await rosa.post(f"{ACCESS}/{grant}/end")).status == 303
    else:
        async with owner.transaction():
            await staff.remove_staff(owner, building.site.house.vault, person_id=building.sam)

    over = await sam.get("/console/carriers")
    assert (over.status, "You are back in your own account" in text(over)) == (403, True)
    home = text(await sam.get("/console"))
    assert "You are in" not in home
    assert "The installation" in home
    assert (await building.enter(sam, grant)).status == 404
    told = await building.log()
    assert [action for action, _, _ in told].count("staff.left") == 1
    assert [facts for action, _, facts in told if action == "staff.left"] == [{"how": "over"}]


async def test_who_does_nothing_after_the_end_is_led_out_by_the_job(building: Building) -> None:
    rosa, sam = await building.add("rosa", "owner"), await building.let_in_staff()
    await building.enter(sam, await building.allowed(sam, rosa))
    pool = building.site.house.runtime.main
    async with pool.acquire() as conn:
        assert await grants.lead_out(conn) == 0
        await conn.execute("UPDATE main.staff_grants SET ended_at = now()")
        assert [await grants.lead_out(conn), await grants.lead_out(conn)] == [1, 0]
    assert (await building.log())[-1][:2] == ("staff.left", ids.typed("stf", building.sam))


async def test_signing_out_as_a_guest_leaves_the_account_first(building: Building) -> None:
    rosa, sam = await building.add("rosa", "owner"), await building.let_in_staff()
    await building.enter(sam, await building.allowed(sam, rosa))
    assert (await sam.post("/console/sign-out")).status == 303
    assert (await building.log())[-1] == ("staff.left", ids.typed("stf", building.sam), {"how": "signed_out"})


async def test_people_and_texts_are_shown_to_staff_only_if_the_account_ticked_it(building: Building) -> None:
    assert not [one for one in GUESTS["guest"] if one in (Permission.READ_SUBJECTS, Permission.READ_BODIES)]
    assert {Permission.READ_SUBJECTS, Permission.READ_BODIES} <= GUESTS["guest_seeing_people"]
    assert GUESTS["guest"] <= PERMISSIONS["viewer"]
    assert not [one for role in GUESTS for one in GUESTS[role] if one.endswith((".write", ".approve"))]
    assert Permission.READ_MESSAGES in granted_by("guest")
    assert Permission.READ_MESSAGES not in granted_by("nobody")
    rosa, sam = await building.add("rosa", "owner"), await building.let_in_staff()
    typed = {"to": NUMBER, "body": TEXT, "from": "", "purpose": "otp"}
    await building.enter(sam, await building.allowed(sam, rosa))
    assert (await sam.post("/console/routes", **typed)).status == 403
    await sam.post("/console/staff/leave")
    await building.site.house.runtime.main.execute("UPDATE main.staff_grants SET ended_at = now()")
    await building.enter(sam, await building.allowed(sam, rosa, shows_people="1"))
    assert "also at numbers and texts" in text(await sam.get("/console"))
    assert (await sam.post("/console/routes", **typed)).status == 200
    assert (await sam.post("/console/senders", value="Mine")).status == 403
    assert [facts for action, _, facts in await building.log() if action == "staff.entered"] == [
        {"shows_people": False}, {"shows_people": True},
    ]  # fmt: skip


async def test_who_may_not_change_the_account_lets_nobody_in_and_a_stale_sign_in_neither(building: Building) -> None:
    rosa, sam = await building.add("rosa", "owner"), await building.let_in_staff()
    grant = await building.asked(sam)
    for role in sorted(set(PERMISSIONS) - {"owner", "admin"}):
        otto = await building.add(f"of-{role}", role)
        for what in ("allow", "end"):
            assert (await otto.post(f"{ACCESS}/{grant}/{what}", hours="1")).status == 403, role
        assert "asks for leave" not in text(await otto.get("/console"))
    owner = await building.site.databases.main("owner")
    stranger = await create_account(owner, building.site.house.vault, name="Stranger")
    assert stranger is not None
    await building.add("mia", "viewer")
    await people_store.upsert_member(owner, account_id=stranger, person_id=building.people["mia"], role="owner")
    mia = Browser(building.site)
    await mia.sign_in(mail="mia@example.com")
    await mia.post("/console/security/account", account=ids.typed("acc", stranger))
    assert (await mia.post(f"{ACCESS}/{grant}/allow", hours="1")).status == 404  # of another account
    assert (await mia.post(f"{ACCESS}/{grant}/end")).status == 404

    await owner.execute("UPDATE main.sessions SET proved_at = now() - interval '11 minutes'")
    stale = await rosa.post(f"{ACCESS}/{grant}/allow", hours="1")
    assert (stale.status, "once more before you do this" in text(stale)) == (403, True)
    assert await rows(building.site, "SELECT consented_at, ended_at FROM main.staff_grants") == [(None, None)]
    assert (await rosa.post(f"{ACCESS}/{grant}/end")).status == 303  # saying no needs no password


@pytest.mark.parametrize("hours", ["0", "73", "-1", "", "x", "9" * 400])
async def test_no_grant_is_longer_than_three_days_nor_without_a_reason(building: Building, hours: str) -> None:
    rosa, sam = await building.add("rosa", "owner"), await building.let_in_staff()
    where = f"{ACCOUNTS}/{building.customer}/ask"
    refused = await sam.post(where, reason="because <b>", hours=hours)
    assert (refused.status, "because &lt;b&gt;" in text(refused)) == (400, True)  # what was typed is kept
    assert (await sam.post(where, reason="  ", hours="1")).status == 400
    assert (await sam.post(where, reason="x" * 501, hours="1")).status == 400
    grant = await building.asked(sam)
    assert (await rosa.post(f"{ACCESS}/{grant}/allow", hours=hours)).status == 400
    nowhere = f"{ACCOUNTS}/{ids.typed('acc', ids.new())}"
    assert (await sam.post(f"{nowhere}/ask", reason="x", hours="1")).status == 404
    assert (await sam.get(nowhere)).status == 404


async def test_a_request_that_nobody_answered_for_a_week_cannot_be_allowed_any_more(building: Building) -> None:
    rosa, sam = await building.add("rosa", "owner"), await building.let_in_staff()
    grant = await building.asked(sam)
    owner = await building.site.databases.main("owner")
    await owner.execute("UPDATE main.staff_grants SET asked_at = now() - interval '8 days'")
    assert (await rosa.post(f"{ACCESS}/{grant}/allow", hours="1")).status == 404
    assert "asks for leave" not in text(await rosa.get("/console"))
    assert "never answered" in text(await rosa.get(ACCESS))


def test_a_path_in_the_log_names_nobody() -> None:
    message = "msg_01h455vb4pex5vsknk084sn02q"
    assert told_path(f"/console/messages/{message}") == f"/console/messages/{message}"
    assert told_path(f"/console/people/{NUMBER}/x") == "/console/people/-/x"
    assert told_path("/console/people/rosa@example.com") == "/console/people/-"
    assert told_path("/console/x/447400123456") == "/console/x/-"
    assert len(told_path("/console" + "/a" * 400)) <= 128


async def test_staff_see_how_the_installation_does_and_nothing_about_anybody(building: Building) -> None:
    sam = await building.let_in_staff()
    await building.site.house.start_worker()
    await building.add("rosa", "owner")
    sent = await building.site.ask("POST", "/v1/messages", {"to": NUMBER, "body": TEXT})
    assert sent.status == 202
    said = ""
    for page in ("accounts", f"accounts/{building.customer}", "reviews", "carriers", "queues", "workers", "health"):
        shown = await sam.get(f"/console/staff/{page}")
        assert shown.status == 200, page
        said += text(shown)
    assert building.customer in said
    assert "sandbox" in said
    for hidden in (NUMBER[1:], TEXT, "rosa@example.com", "Rosa"):
        assert hidden not in said
    assert "1 member, " in said


async def test_accounts_are_shown_by_state_and_page_by_page(building: Building) -> None:
    sam = await building.let_in_staff()
    owner, vault = await building.site.databases.main("owner"), building.site.house.vault
    for n in range(26):
        await create_account(owner, vault, name=f"Account {n}")
    first = text(await sam.get(ACCOUNTS))
    assert "Account 25" in first
    assert "Account 0<" not in first
    last = first.partition("before=")[2].partition('"')[0]
    assert "Account 0<" in text(await sam.get(f"{ACCOUNTS}?before={last}"))
    assert (await sam.get(f"{ACCOUNTS}?before=x")).status == 400
    assert "No account" in text(await sam.get(f"{ACCOUNTS}?state=refused"))
    async with owner.transaction():
        await staff_store.set_state(owner, account_id=building.home, state="refused")
    assert "The installation" in text(await sam.get(f"{ACCOUNTS}?state=refused"))
