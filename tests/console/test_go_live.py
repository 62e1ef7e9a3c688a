"""Going live: an account asks, a person decides, and until then no live key exists or opens anything."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from sendigopro.accounts import go_live, staff
from sendigopro.accounts.create import create_account
from sendigopro.foundation import ids
from sendigopro.foundation.problems import NotAllowed
from tests.console.test_sign_in_pages import Browser, rows, text
from tests.console.test_staff import Building
from tests.databases import Databases
from tests.messages.house import house_of
from tests.web.conftest import site_of

PAGE, QUEUE = "/console/account/go-live", "/console/staff/reviews"
ANSWERS = {"what": "codes for <b>", "where": "Germany", "opt_in": "they ask for it"}


@pytest.fixture
async def building(databases: Databases, tmp_path: Path) -> AsyncIterator[Building]:
    """The customer's account made itself, where the setting asks for a review."""
    async with house_of(databases, tmp_path, go_live="review") as house, site_of(house, databases) as site:
        owner = await databases.main("owner")
        async with owner.transaction():
            await go_live.begin_review_state(owner, house.account_id, go_live="review")
            await owner.execute("UPDATE main.config_epoch SET epoch = epoch + 1 WHERE id = 1")
            await owner.execute("SELECT pg_notify('sendigopro_config', '')")
        yield Building(site)


async def operator(building: Building) -> Browser:
    sam = await building.let_in_staff()
    owner = await building.site.databases.main("owner")
    async with owner.transaction():
        await staff.put_staff(owner, building.site.house.vault, person_id=building.sam, role="operator")
    return sam


async def waiting(building: Building) -> str:
    found = await rows(building.site, "SELECT id FROM main.go_live_reviews ORDER BY id DESC LIMIT 1")
    assert isinstance(found[0][0], UUID)
    return f"{QUEUE}/{ids.typed('rev', found[0][0])}/decide"


async def state(building: Building) -> object:
    account_id = building.site.house.account_id
    return (await rows(building.site, "SELECT state FROM main.accounts WHERE id = $1", account_id))[0][0]


async def test_until_a_person_has_decided_no_live_key_opens_anything_or_is_made(building: Building) -> None:
    site = building.site
    rosa, sam = await building.add("rosa", "owner"), await operator(building)
    refused = await site.ask("GET", "/v1/balance", key=site.live_key)
    told = msgspec.json.decode(refused.body)
    assert (refused.status, told["code"]) == (403, "not_live_yet")
    assert (
        await site.ask("POST", "/v1/messages", {"to": "+447400123456", "body": "x"}, key=site.live_key)
    ).status == 403
    assert (await site.ask("GET", "/v1/balance")).status == 200  # test keys work
    with pytest.raises(NotAllowed, match="not_live_yet"):
        await site.new_key(mode=1)
    assert "Test only" in text(await rosa.get(PAGE))

    assert (await rosa.post(PAGE, **ANSWERS)).status == 303
    assert await state(building) == "in_review"
    assert (await site.ask("GET", "/v1/balance", key=site.live_key)).status == 403
    queue = text(await sam.get(QUEUE))
    assert "codes for &lt;b&gt;" in queue
    decide = await waiting(building)
    assert (await sam.post(decide, decision="live", reason=" ")).status == 400
    assert (await sam.post(decide, decision="maybe", reason="fine")).status == 400
    assert (await sam.post(decide, decision="live", reason="codes are welcome")).status == 303
    assert (await sam.post(decide, decision="refused", reason="no")).status == 404  # it is decided
    assert "Nobody waits" in text(await sam.get(QUEUE))

    assert (await site.ask("GET", "/v1/balance", key=site.live_key)).status == 200
    assert (await site.new_key(mode=1)).startswith("sk_live_")
    page = text(await rosa.get(PAGE))
    assert "codes are welcome" in page
    assert "Send it to the staff" not in page
    said = msgspec.json.decode((await site.ask("GET", "/v1/audit-log?limit=100")).body)["data"]
    log = [(one["action"], one["actor"].get("id"), one["facts"]) for one in reversed(said)]
    assert [one for one in log if one[0].startswith("review.")] == [
        ("review.asked", ids.typed("mem", building.people["rosa"]), {"before": "test_only"}),
        ("review.decided", ids.typed("stf", building.sam), {"decision": "live"}),
    ]
    stored = await rows(site, "SELECT answers, reason FROM main.go_live_reviews")
    assert not [one for one in stored[0] if isinstance(one, bytes) and (b"codes" in one or b"Germany" in one)]


async def test_who_is_refused_reads_why_and_may_ask_again(building: Building) -> None:
    rosa, sam = await building.add("rosa", "owner"), await operator(building)
    await rosa.post(PAGE, **ANSWERS)
    assert (await rosa.post(PAGE, **ANSWERS)).status == 409  # one at a time
    await sam.post(await waiting(building), decision="refused", reason="say who agreed")
    page = text(await rosa.get(PAGE))
    assert "say who agreed" in page
    assert "Ask again" in page
    key = building.site.live_key
    assert b"may ask again" in (await building.site.ask("GET", "/v1/balance", key=key)).body
    assert (await rosa.post(PAGE, **ANSWERS)).status == 303
    assert await state(building) == "in_review"


async def test_only_an_operator_decides_and_only_who_may_change_the_account_asks(building: Building) -> None:
    rosa, sam = await building.add("rosa", "owner"), await building.let_in_staff()
    otto = await building.add("otto", "developer")
    assert [(await otto.get(PAGE)).status, (await otto.post(PAGE, **ANSWERS)).status] == [403, 403]
    empty = await rosa.post(PAGE, **{**ANSWERS, "where": " "})
    assert (empty.status, "to which countries" in text(empty), "codes for &lt;b&gt;" in text(empty)) == (
        400,
        True,
        True,
    )
    assert (await rosa.post(PAGE, **{**ANSWERS, "what": "x" * 1001})).status == 400
    await rosa.post(PAGE, **ANSWERS)
    decide = await waiting(building)
    assert (await sam.post(decide, decision="live", reason="fine")).status == 403  # support
    assert (await rosa.post(decide, decision="live", reason="fine")).status == 404
    assert await state(building) == "in_review"


async def test_accounts_of_the_operator_are_live_and_a_wrong_word_in_the_setting_asks_for_a_review(
    building: Building,
) -> None:
    owner, vault = await building.site.databases.main("owner"), building.site.house.vault
    made = {}
    for word in ("open", "review", "opne"):
        async with owner.transaction():
            account_id = await create_account(owner, vault, name=word)
            assert account_id is not None
            made["operator"] = await owner.fetchval("SELECT state FROM main.accounts WHERE id = $1", account_id)
            await go_live.begin_review_state(owner, account_id, go_live=word)
            made[word] = await owner.fetchval("SELECT state FROM main.accounts WHERE id = $1", account_id)
    assert made == {"operator": "live", "open": "live", "review": "test_only", "opne": "test_only"}


async def test_an_account_cannot_make_itself_live(building: Building) -> None:
    import asyncpg  # noqa: PLC0415  # only its error

    door = await building.site.databases.main("door")
    await door.execute(f"SET sendigopro.account_id = '{building.site.house.account_id}'")
    for statement in (
        "UPDATE main.accounts SET state = 'live'",
        "UPDATE main.go_live_reviews SET decision = 'live'",
        "INSERT INTO main.staff (person_id, role) VALUES (gen_random_uuid(), 'operator')",
        "UPDATE main.staff_grants SET hours = 72",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await door.execute(statement)
    pipeline = await building.site.databases.main("pipeline")
    for statement in ("UPDATE main.staff_grants SET consented_at = now()", "UPDATE main.staff SET role = 'operator'"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pipeline.execute(statement)
