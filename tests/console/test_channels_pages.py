"""Senders, carriers and routes in the console: what is shown, what may be changed, and what leaves no trace."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from sendigopro.accounts.create import create_account
from sendigopro.channels import store
from sendigopro.channels.model import Carrier, Sender
from sendigopro.consent.store import set_standing
from sendigopro.foundation import ids
from sendigopro.foundation.personal import Phone
from sendigopro.messages.model import Channel, Mode, Status
from tests.console.test_sign_in_pages import Browser, rows, text
from tests.console.test_team import Crew
from tests.databases import Databases
from tests.messages.house import house_of
from tests.web.conftest import Site, site_of
from tests.web.strangers import first_words, state_of

SENDERS, CARRIERS, ROUTES = "/console/senders", "/console/carriers", "/console/routes"
NUMBER = "+447400123456"
TYPED = {"to": NUMBER, "body": "hello", "from": "", "purpose": "transactional"}


@pytest.fixture
async def crew(databases: Databases, tmp_path: Path) -> AsyncIterator[Crew]:
    async with house_of(databases, tmp_path, price_micros=70_000) as house, site_of(house, databases) as site:
        yield Crew(site)


async def senders(site: Site) -> set[tuple[object, ...]]:
    found = await rows(site, "SELECT value, is_default FROM main.senders WHERE account_id = $1", site.house.account_id)
    return set(found)


async def test_a_sender_is_added_as_by_the_api_with_its_entry_in_the_log(crew: Crew) -> None:
    rosa = await crew.add("rosa", "developer")
    assert (await rosa.post(SENDERS, value=" Acme ", is_default="1")).status == 303
    assert await senders(crew.site) == {("SendiGoPro", False), ("Acme", True)}
    page = text(await rosa.get(SENDERS))
    assert "Sends only" in page
    first = (await rows(crew.site, "SELECT id FROM main.senders WHERE value = 'SendiGoPro'"))[0][0]
    assert (await rosa.post(f"{SENDERS}/{ids.typed('snd', first)}/default")).status == 303  # type: ignore[arg-type]
    assert await senders(crew.site) == {("SendiGoPro", True), ("Acme", False)}
    said = msgspec.json.decode((await crew.site.ask("GET", "/v1/audit-log?limit=100")).body)["data"]
    log = [(one["action"], one["actor"].get("id")) for one in reversed(said) if one["action"].startswith("sender.")]
    mine = ids.typed("mem", crew.people["rosa"])
    assert log == [("sender.added", mine), ("sender.changed", mine)]


@pytest.mark.parametrize("value", ["", "<script>", "waytoolongname", "12", "+49", "+447400123456x", "Acme\n", "ñandu"])
async def test_what_is_no_sender_is_said_beside_the_field_and_kept(crew: Crew, value: str) -> None:
    rosa = await crew.add("rosa", "owner")
    refused = await rosa.post(SENDERS, value=value)
    if value == "Acme\n":  # a line's end around it is no fault
        assert refused.status == 303
        return
    assert (refused.status, 'aria-invalid="true"' in text(refused)) == (400, True)
    assert "<script>" not in text(refused).partition("<body")[2]
    assert await senders(crew.site) == {("SendiGoPro", True)}


async def test_a_number_has_one_account_and_only_who_may_changes_senders(crew: Crew) -> None:
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    owner = await crew.site.databases.main("owner")
    other = await create_account(owner, crew.site.house.vault, name="Other")
    assert other is not None
    theirs = await store.add_sender(owner, Sender(other, ids.new(), Channel.SMS, NUMBER, is_default=True))
    taken = await rosa.post(SENDERS, value=NUMBER)
    assert (taken.status, "Another account has this number" in text(taken)) == (409, True)
    assert (await rosa.post(f"{SENDERS}/{ids.typed('snd', theirs.id)}/default")).status == 404
    assert (await otto.post(SENDERS, value="Mine")).status == 403
    shown = text(await otto.get(SENDERS))
    assert "SendiGoPro" in shown
    assert "Add sender" not in shown
    await owner.execute("DELETE FROM main.senders WHERE account_id = $1", crew.site.house.account_id)
    assert "No sender yet" in text(await rosa.get(SENDERS))


async def test_carriers_show_what_was_counted_and_nothing_of_their_secrets(crew: Crew) -> None:
    site, rosa = crew.site, await crew.add("rosa", "viewer")
    assert "not bound" in text(await rosa.get(CARRIERS))
    await site.house.start_worker()
    sent = await site.house.send(to=NUMBER)
    failed = await site.house.send(to="+15005550001")
    await site.house.until(sent.id, Status.DELIVERED)
    await site.house.until(failed.id, Status.FAILED, Status.UNDELIVERED, Status.REJECTED)
    shown = text(await rosa.get(CARRIERS))
    assert "50.0 %" in shown
    assert "1 of 2" in shown
    assert "nothing" in shown  # waits
    for hidden in ("worker-1", "credentials", "delay_ms"):
        assert hidden not in shown
    live = await first_words(rosa, f"{CARRIERS}/stream")
    assert live.status == 200
    owner = await site.databases.main("owner")
    await owner.execute("DELETE FROM main.routes")
    await site.web.directory.refresh()
    assert "No carrier for test messages" in text(await rosa.get(CARRIERS))


async def test_a_simulation_tells_the_way_and_leaves_no_trace(crew: Crew) -> None:
    site, rosa = crew.site, await crew.add("rosa", "developer")
    house = site.house
    owner = await site.databases.main("owner")
    spare = Carrier(ids.new(), "spare", "sandbox", Channel.SMS, 1, 300, is_enabled=True)
    await store.put_carrier(owner, spare, credentials=b"")
    first = await owner.fetchval("SELECT id FROM main.carriers WHERE name = 'sandbox'")
    await store.put_route(
        owner, account_id=house.account_id, mode=Mode.LIVE, channel=Channel.SMS, carrier_ids=[first, spare.id]
    )
    await site.web.directory.refresh()
    await rosa.post("/console/mode", mode="live")
    before = await state_of(site, house.account_id)
    known = await (await site.databases.vault("owner")).fetch("SELECT * FROM vault.subjects")

    shown = text(await rosa.post(ROUTES, **{**TYPED, "body": "hello \u20ac\U0001f600"}))
    for told in (
        "It would go",
        "Valid, GB",
        "SendiGoPro, a name",
        "1 segment, UCS-2",
        "sandbox, then spare",
        "0.0700 EUR",
    ):
        assert told in shown, told
    assert NUMBER in shown  # what was typed is kept
    assert await state_of(site, house.account_id) == before
    assert await (await site.databases.vault("owner")).fetch("SELECT * FROM vault.subjects") == known == []


async def simulated(browser: Browser, **more: str) -> str:
    answered = await browser.post(ROUTES, **{**TYPED, **more})
    assert answered.status == 200
    return text(answered)


async def test_a_simulation_says_what_would_refuse_the_message(crew: Crew) -> None:
    site, rosa, otto = crew.site, await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    house = site.house
    owner = await site.databases.main("owner")
    assert "Not a number that exists" in await simulated(rosa, to="+4474")
    assert "sender_not_owned" in await simulated(rosa, **{"from": "Mallory"})
    await house.vault.load_account(house.account_id)
    mac = house.vault.suppression_mac(house.account_id, Phone(NUMBER))
    await set_standing(owner, account_id=house.account_id, macs=[mac], state="opted_out")
    assert "It would be accepted, then rejected" in await simulated(rosa)
    assert "opted out" not in (await simulated(otto)).partition("<main")[2]  # who may not know people learns nothing
    await owner.execute("DELETE FROM main.standing")

    await rosa.post("/console/mode", mode="live")
    await owner.execute("UPDATE main.credit SET limit_micros = 10000 WHERE account_id = $1", house.account_id)
    assert "credit does not cover" in await simulated(rosa)
    await owner.execute("UPDATE main.accounts SET state = 'test_only' WHERE id = $1", house.account_id)
    assert "not_live_yet" in await simulated(rosa)
    await owner.execute("DELETE FROM main.senders WHERE account_id = $1", house.account_id)
    await site.web.directory.refresh()
    assert "no_default_sender" in await simulated(rosa)
    await owner.execute("DELETE FROM main.routes")
    await store.add_sender(owner, Sender(house.account_id, ids.new(), Channel.SMS, "Acme", is_default=True))
    await site.web.directory.refresh()
    assert "no_route" in await simulated(rosa)


@pytest.mark.parametrize(
    ("field", "value"),
    [("to", ""), ("to", "1" * 65), ("body", ""), ("body", "x" * 1601), ("purpose", "<b>"), ("from", "x" * 22)],
)
async def test_a_simulation_that_cannot_be_read_says_so_and_keeps_what_was_typed(
    crew: Crew, field: str, value: str
) -> None:
    rosa = await crew.add("rosa", "viewer")
    refused = await rosa.post(ROUTES, **{**TYPED, field: value})
    assert (refused.status, "field-problem" in text(refused)) == (400, True)
    assert (TYPED["to"] in text(refused)) or field == "to"
