"""Restriction, objection, withdrawal and correction: what a person may ask besides being forgotten."""

import asyncio
from uuid import UUID

from sendigopro.foundation import clock
from sendigopro.messages.model import Status
from sendigopro.privacy import journal_store
from sendigopro.privacy.journal import Intent
from tests.privacy.conftest import ANNA, BEN, NOBODY, Office, decoded


async def standing(office: Office) -> list[tuple[str, int]]:
    rows = await office.rows("SELECT state, scope FROM main.standing ORDER BY 1, 2")
    return [(row["state"], row["scope"]) for row in rows]


async def kinds(office: Office) -> list[str]:
    return [entry.intent.kind for entry in office.desk.journal.entries_after(0)]


async def test_nothing_is_sent_to_whom_objected_withdrew_or_is_restricted(office: Office) -> None:
    waiting = {number: (await office.house.send(to=number)).id for number in (ANNA, BEN, NOBODY)}
    for type_, number in (("object", ANNA), ("withdraw", BEN), ("restrict", NOBODY)):
        made = await office.asked(type_, number)
        assert made["status"] == "completed"

    await office.house.start_worker()

    reasons = {number: (await office.house.until(one, Status.REJECTED)).reason for number, one in waiting.items()}
    assert reasons == {
        ANNA: "recipient_opted_out",
        BEN: "recipient_opted_out",
        NOBODY: "recipient_restricted",
    }
    assert await kinds(office) == ["opt_out", "opt_out", "restrict"]


async def test_an_opt_out_whose_process_died_before_the_journal_reaches_it_by_any_worker(office: Office) -> None:
    intent = Intent(
        id=UUID(int=7), kind="opt_out", account_id=UUID(int=office.house.account_id.int), mode=0, mac=b"m" * 16,
        at=clock.now(),
    )  # fmt: skip
    async with office.desk.main.acquire() as conn:
        await journal_store.intend(conn, intent)

    await office.finish()

    assert await kinds(office) == ["opt_out"]
    assert await office.rows("SELECT 1 FROM main.journal_intents") == []


async def test_a_lifted_restriction_brings_back_the_opt_out_that_stood_before_it(office: Office) -> None:
    await office.asked("object")
    await office.asked("restrict")
    await office.asked("restrict", BEN)
    for number in (ANNA, BEN):
        lifted = await office.asked("restrict", number, lift=True)
        assert (lifted["lift"], lifted["status"]) == (True, "completed")

    assert await standing(office) == [("opted_out", 0)]
    assert await kinds(office) == ["opt_out", "restrict", "restrict", "lift", "lift"]


async def test_lifting_a_restriction_undoes_no_erasure_that_waits(office: Office) -> None:
    await office.asked("erase", grace_hours=5)
    await office.asked("restrict")

    await office.asked("restrict", lift=True)

    assert await standing(office) == [("restricted", 1)]


async def test_a_corrected_person_is_written_to_under_the_right_number_alone(office: Office) -> None:
    """The running worker had the old number in memory, and hears that it was changed."""
    worker = await office.house.start_worker()
    first = (await office.house.send(to=ANNA)).id
    await office.house.until(first, Status.DELIVERED)
    anna = await office.subject_of(ANNA)
    assert anna is not None

    made = await office.asked("rectify", ANNA, corrected_identifier=NOBODY)
    async with asyncio.timeout(10):
        while (await worker.vault.open_subjects(office.house.account_id, [anna]))[anna].phone.reveal() != NOBODY:
            await asyncio.sleep(0.02)

    assert made["status"] == "completed"
    assert decoded(await office.site.ask("GET", f"/v1/messages/{first}"))["to"] == NOBODY
    office.house.vault.drop_subjects()
    assert (await office.subject_of(ANNA), await office.subject_of(NOBODY)) == (None, anna)
    assert (await office.house.see(first)).body == "hello"


async def test_what_stood_against_the_person_stands_under_the_right_number(office: Office) -> None:
    await office.house.send(to=ANNA)
    await office.asked("object")

    await office.asked("rectify", ANNA, corrected_identifier=NOBODY)

    assert await standing(office) == [("opted_out", 0), ("opted_out", 0)]


async def test_a_number_that_somebody_has_is_nobodys_correction(office: Office) -> None:
    await office.house.send(to=ANNA)
    await office.house.send(to=BEN)

    made = await office.asked("rectify", ANNA, corrected_identifier=BEN)
    unknown = await office.asked("rectify", NOBODY, corrected_identifier=BEN)

    assert (made["status"], made["outcome"]) == ("rejected", "corrected_identifier_in_use")
    assert (unknown["status"], unknown["outcome"]) == ("completed", None)  # nothing is learnt of Ben
    assert await office.subject_of(ANNA) is not None


async def test_a_repeated_correction_with_its_key_is_done_once(office: Office) -> None:
    await office.house.send(to=ANNA)
    first = await office.ask("rectify", ANNA, corrected_identifier=NOBODY, Idempotency_Key="r")
    again = await office.ask("rectify", ANNA, corrected_identifier=NOBODY, Idempotency_Key="r")

    assert decoded(first)["id"] == decoded(again)["id"]
    assert await kinds(office) == ["rectify"]


async def test_requests_are_listed_newest_first_page_by_page(office: Office) -> None:
    made = [(await office.asked("object", number))["id"] for number in (ANNA, BEN, NOBODY)]

    first = decoded(await office.site.ask("GET", "/v1/privacy/requests?limit=2"))
    rest = decoded(await office.site.ask("GET", f"/v1/privacy/requests?limit=2&after={first['next_cursor']}"))
    back = decoded(await office.site.ask("GET", f"/v1/privacy/requests?limit=2&before={made[0]}"))

    assert [one["id"] for one in first["data"] + rest["data"]] == made[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert [one["id"] for one in back["data"]] == [made[2], made[1]]
