"""Who asks to be forgotten is: in every store, for good, and nobody learns from it whether they were known."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

import pytest

from sendigopro.events.bus import Bus
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Conflict
from sendigopro.messages import settle_store
from sendigopro.messages.model import Status
from sendigopro.messages.settle_store import UnclearRow
from sendigopro.privacy import erase as erasing
from sendigopro.privacy import requests_store
from sendigopro.privacy.desk import Desk, find_marks
from sendigopro.privacy.erase import erase
from sendigopro.privacy.job import Erasures
from sendigopro.privacy.journal import JournalDamagedError
from sendigopro.privacy.model import HOURLY_MAX, Asked, Hold
from sendigopro.privacy.model import Status as RequestStatus
from sendigopro.vault.vault import PLATFORM
from tests.privacy.conftest import (
    ANNA,
    BEN,
    NOBODY,
    Office,
    decoded,
    erasures_of,
    loader_of,
    phone_of,
    request_id,
    set_aside,
)

SOON = timedelta(hours=1)
CHANGING = ("id", "created_at", "due_at", "unreadable_at", "completed_at", "grace_until", "open_until")


def in_an_hour() -> str:
    return (clock.now() + SOON).isoformat()


async def known(office: Office, number: str = ANNA, **more: Any) -> str:
    """A message to somebody; its id."""
    return (await office.house.send(to=number, body="for you alone", metadata={"k": "v"}, tags=["t"], **more)).id


async def test_an_erased_person_is_found_in_no_store(office: Office) -> None:
    """Each store of the plan is asked; Ben, who was written to in the same minute, loses nothing."""
    message, scheduled = await known(office, key="k1"), await known(office, send_at=in_an_hour())
    bens = await known(office, BEN)
    anna = await office.subject_of(ANNA)
    export = await office_export(office)
    await set_aside(office.house, ANNA)
    bens_report = await set_aside(office.house, BEN)

    made = await office.asked("erase")
    await office.finish()
    done = decoded(await office.get(made["id"]))

    mine = [ids.parse("msg", one) for one in (message, scheduled)]
    assert (made["status"], done["status"], done["has_receipt"]) == ("erasing", "completed", True)
    assert await office.rows("SELECT 1 FROM main.messages WHERE subject_id = $1", anna) == []
    for table in ("message_bodies", "message_tags", "waiting", "unclear_submits"):
        assert await office.rows(f"SELECT 1 FROM main.{table} WHERE message_id = ANY($1)", mine) == [], table  # noqa: S608
    assert await office.rows("SELECT 1 FROM main.idempotency WHERE message_ids && $1", mine) == []
    assert await office.site.house.runtime.vault.fetch("SELECT 1 FROM vault.subjects WHERE id = $1", anna) == []
    assert (
        await office.rows(
            "SELECT 1 FROM main.privacy_requests"
            " WHERE subject_ids <> '{}' OR num_nonnulls(lookup, mac, platform_mac, reason) > 0"
        )
        == []
    )
    assert [row["id"] for row in await office.rows("SELECT id FROM main.unmatched_receipts")] == [bens_report]
    assert await office.subject_of(ANNA) is None
    assert not export.exists()
    seen = await office.house.see(message)
    assert (seen.to, seen.body, seen.metadata, seen.tags) == (None, None, {}, [])
    assert (await office.house.see(bens)).body == "for you alone"


async def office_export(office: Office) -> Any:
    """A package that was built for Anna, as its handler would leave it."""
    asked = asked_by(office, "access")
    marks = await find_marks(office.desk, asked, asked.person)
    request = erasing.new_request(asked, marks, status="processing")
    async with office.desk.main.acquire() as conn:
        await requests_store.insert_request(conn, request, reason=None, key_mac=None, body_mac=None)
    folder = office.desk.exports / str(request.account_id)
    folder.mkdir(parents=True)
    path = folder / f"{request.id}.zip"
    path.write_bytes(b"all about Anna")
    return path


async def left_unclear(
    office: Office, number: str, *, account_id: UUID, carrier_id: UUID, reference: int, message_id: UUID | None = None
) -> None:
    """A message to this number was handed to the carrier, who gave no answer."""
    mac = office.house.vault.suppression_mac(PLATFORM, phone_of(number).phone)
    row = UnclearRow(carrier_id, mac, clock.now(), account_id, message_id or ids.new(), reference, 1)
    async with office.desk.main.acquire() as conn:
        await settle_store.insert_unclear(conn, [row])


def asked_by(office: Office, type_: Any = "erase", number: str = ANNA, **more: Any) -> Asked:
    caller = office.house.test
    return Asked(
        account_id=caller.account_id,
        mode=caller.mode,
        key_id=caller.key_id,
        type=type_,
        person=phone_of(number),
        **more,
    )


async def test_the_person_is_unreadable_in_every_process_when_the_answer_comes(office: Office) -> None:
    """The served process answers; the house's own vault had her key in memory and drops it within 0.3 s."""
    message = await known(office)
    assert (await office.house.see(message)).to == ANNA

    await office.asked("erase")

    async with asyncio.timeout(0.6):
        while (await office.house.see(message)).to is not None:
            await asyncio.sleep(0.01)
    assert (await office.house.see(message)).body is None


async def test_queued_and_scheduled_messages_are_canceled_and_their_credit_comes_back(office: Office) -> None:
    owner = await office.site.databases.main("owner")
    await owner.execute("UPDATE main.credit SET limit_micros = 1000000")
    await owner.execute("UPDATE main.credit SET held_micros = 0")
    scheduled, queued = await known(office, send_at=in_an_hour()), await known(office)
    await owner.execute("UPDATE main.messages SET held_micros = 7 WHERE true")
    await owner.execute("UPDATE main.credit SET held_micros = 14 WHERE true")

    await office.asked("erase")
    await office.finish()
    await office.house.start_worker()

    for message in (scheduled, queued):
        seen = await office.house.until(message, Status.CANCELED)
        assert seen.reason == "erased"
    assert await owner.fetchval("SELECT held_micros FROM main.credit") == 0
    assert await office.rows("SELECT 1 FROM main.outcomes WHERE rank < 50") == []


async def test_nothing_leaves_after_the_answer_even_if_no_worker_has_forgotten_yet(office: Office) -> None:
    message = await known(office)
    await office.asked("erase")

    worker = await office.house.start_worker()

    await office.house.until(message, Status.CANCELED, Status.REJECTED, Status.FAILED)
    async with asyncio.timeout(5):
        while (await office.house.see(message)).to is not None:  # the test's own vault looks each 0.3 s
            await asyncio.sleep(0.02)
    assert await office.rows("SELECT 1 FROM main.outcomes WHERE rank IN (10, 20)") == []
    assert "erase" in worker.jobs


async def test_the_erased_number_stays_barred(office: Office) -> None:
    await known(office)
    await office.asked("erase")
    await office.finish()
    await office.house.start_worker()

    again = await known(office)

    seen = await office.house.until(again, Status.REJECTED)
    assert seen.reason == "recipient_erased"


async def test_of_two_accounts_with_the_same_number_only_the_one_that_asked_forgets(office: Office) -> None:
    message = await known(office)
    stranger = await office.site.strangers_key()

    made = await office.asked("erase", key=stranger)
    await office.finish()

    assert decoded(await office.get(made["id"], key=stranger))["status"] == "completed"
    assert (await office.house.see(message)).to == ANNA
    assert (await office.get(made["id"])).status == 404
    assert (await office.get(made["id"], "/receipt")).status == 404


async def test_reports_of_carriers_on_the_number_go_whether_or_not_the_account_knew_it(office: Office) -> None:
    """No account has them, so nothing but the fingerprint under the installation's own key leads to them."""
    await set_aside(office.house, NOBODY)
    await set_aside(office.house, NOBODY, age=timedelta(days=2), reference=7)
    others = await set_aside(office.house, BEN)

    await office.asked("erase", NOBODY)
    await office.finish()

    assert [row["id"] for row in await office.rows("SELECT id FROM main.unmatched_receipts")] == [others]


async def test_a_report_that_has_just_come_may_still_find_its_message_but_leads_to_nobody(office: Office) -> None:
    """It was acknowledged; the carrier's number of another account's message may be on disk in the next moment."""
    report = await set_aside(office.house, ANNA, age=timedelta(seconds=1))

    await office.asked("erase")
    await office.finish()

    (left,) = await office.rows("SELECT id, ref, recipient_mac FROM main.unmatched_receipts")
    assert (left["id"], left["ref"], left["recipient_mac"]) == (report, f"ref of {ANNA}", None)


async def test_a_report_that_may_be_of_another_accounts_message_is_left_to_that_account(office: Office) -> None:
    """Or any account could end another one's knowledge of what became of a message, by a number alone."""
    carrier_id, stranger = ids.new(), ids.new()
    theirs = await set_aside(office.house, ANNA, carrier_id=carrier_id, reference=7)
    without_reference = await set_aside(office.house, ANNA, carrier_id=carrier_id)
    await set_aside(office.house, ANNA, carrier_id=carrier_id, reference=8)
    await left_unclear(office, ANNA, account_id=stranger, carrier_id=carrier_id, reference=7)

    await office.asked("erase")
    await office.finish()

    left = {row["id"]: row["recipient_mac"] for row in await office.rows("SELECT * FROM main.unmatched_receipts")}
    assert left.keys() == {theirs, without_reference}
    assert None not in left.values()


async def test_a_report_that_only_the_persons_own_messages_could_have_goes_with_them(office: Office) -> None:
    carrier_id, message = ids.new(), ids.parse("msg", await known(office))
    await set_aside(office.house, ANNA, carrier_id=carrier_id, reference=7)
    await left_unclear(
        office, ANNA, account_id=office.house.account_id, carrier_id=carrier_id, reference=7, message_id=message
    )

    await office.asked("erase")
    await office.finish()

    assert await office.rows("SELECT 1 FROM main.unmatched_receipts") == []


async def test_a_test_key_reaches_no_live_data_and_a_live_key_forgets_test_data_too(office: Office) -> None:
    live = (await office.house.send(office.house.live, to=ANNA, body="live")).id if await route_live(office) else ""
    test = await known(office)

    await office.asked("erase")
    await office.finish()
    assert (await office.subject_of(ANNA, 0), bool(await office.subject_of(ANNA, 1))) == (None, True)

    await known(office)
    await office.asked("erase", key=office.site.live_key)
    await office.finish()
    assert (await office.subject_of(ANNA, 0), await office.subject_of(ANNA, 1)) == (None, None)
    assert (live, test) != ("", "")


async def route_live(office: Office) -> bool:
    return office.house.directory.route(office.house.account_id, 1, 1) is not None


def shape(found: Any) -> Any:
    """What could tell one answer from another: everything but ids and times."""
    if isinstance(found, dict):
        return {name: "…" if name in CHANGING or name.endswith("at") else shape(value) for name, value in found.items()}
    if isinstance(found, list):
        return [shape(one) for one in found]
    return found


async def whole_story(office: Office, number: str) -> list[Any]:
    """All that an account can see of an erasure."""
    made = await office.asked("erase", number)
    await office.finish()
    receipt = decoded(await office.get(made["id"], "/receipt"))["receipt"]
    receipt["request_id"] = "…"
    events = decoded(await office.site.ask("GET", "/v1/events?limit=100"))["data"]
    told = [one for one in events if one["data"].get("id") == made["id"]]
    for one in told:
        one["id"] = one["timestamp"] = one["data"]["id"] = "…"
    sent = await office.house.send(to=number)
    return [shape(made), shape(decoded(await office.get(made["id"]))), shape(receipt), told, sent.status]


async def test_known_unknown_anothers_and_erased_twice_are_answered_alike(office: Office) -> None:
    await known(office)
    stranger = await office.site.strangers_key()
    await office.asked("restrict", BEN, key=stranger)

    stories = [await whole_story(office, number) for number in (ANNA, NOBODY, BEN, ANNA)]

    assert stories[0][1]["status"] == "completed"
    assert len(stories[0][3]) == 1
    assert all(story == stories[0] for story in stories[1:])


async def test_the_event_names_the_request_and_nobody(office: Office) -> None:
    await known(office)
    made = await office.asked("erase")
    await office.finish()

    (event,) = [
        one
        for one in decoded(await office.site.ask("GET", "/v1/events?limit=100"))["data"]
        if one["type"] == "subject.erased"
    ]

    assert event["data"] == {"id": made["id"], "object": "privacy_request", "mode": "test", "status": "completed"}


@pytest.mark.parametrize(
    "identifier", ["hello", "0151 2345678", "+44740012345", "+999123456789", "anna@example.com", "+" * 64]
)
async def test_what_is_no_identifier_is_refused_by_name_and_never_repeated(identifier: str, office: Office) -> None:
    answered = await office.ask("erase", identifier)

    assert (answered.status, decoded(answered)["code"], decoded(answered)["param"]) == (
        422,
        "invalid_identifier",
        "identifier",
    )
    assert identifier not in answered.body.decode()
    assert await office.rows("SELECT 1 FROM main.privacy_requests") == []


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"type": "forget", "identifier": ANNA}, 400, "type"),
    ({"type": "erase"}, 400, "identifier"),
    ({"type": "erase", "identifier": 5}, 400, "identifier"),
    ({"type": "erase", "identifier": ANNA, "grace_hours": -1}, 400, "grace_hours"),
    ({"type": "erase", "identifier": ANNA, "grace_hours": 721}, 400, "grace_hours"),
    ({"type": "object", "identifier": ANNA, "grace_hours": 1}, 400, "grace_hours"),
    ({"type": "rectify", "identifier": ANNA}, 400, "corrected_identifier"),
    ({"type": "erase", "identifier": ANNA, "corrected_identifier": BEN}, 400, "corrected_identifier"),
    ({"type": "rectify", "identifier": ANNA, "corrected_identifier": "hello"}, 422, "corrected_identifier"),
    ({"type": "erase", "identifier": ANNA, "lift": True}, 400, "lift"),
    ({"type": "erase", "identifier": ANNA, "subject": "x"}, 400, "subject"),
]


async def test_each_wrong_request_is_refused_by_its_field_and_nothing_is_kept(office: Office) -> None:
    wrong = []
    for body, status, param in WRONG:
        answered = await office.site.ask("POST", "/v1/privacy/requests", body)
        if (answered.status, decoded(answered).get("param")) != (status, param):
            wrong.append((body, answered.status, answered.body))

    assert wrong == []
    assert await office.rows("SELECT 1 FROM main.privacy_requests") == []


async def test_keys_do_what_their_scopes_say(office: Office) -> None:
    reader = await office.site.new_key("privacy.read")
    made = await office.asked("erase", grace_hours=1)

    assert (await office.ask("erase", key=reader)).status == 403
    assert (await office.get(made["id"], key=reader)).status == 200
    assert (await office.get(made["id"], key=await office.site.new_key("messages.read"))).status == 403
    assert (await office.site.ask("POST", f"/v1/privacy/requests/{made['id']}/cancel", key=reader)).status == 403


async def test_a_request_repeated_with_its_idempotency_key_is_the_same_request(office: Office) -> None:
    first = await office.ask("erase", Idempotency_Key="a")
    again = await office.ask("erase", Idempotency_Key="a")
    other = await office.ask("erase", BEN, Idempotency_Key="a")

    assert decoded(again)["id"] == decoded(first)["id"]
    assert again.headers["idempotent-replayed"] == "true"
    assert (other.status, decoded(other)["code"]) == (422, "idempotency_key_reused")


async def test_during_the_grace_the_person_is_restricted_and_after_it_erased(office: Office) -> None:
    message = await known(office, send_at=in_an_hour())
    made = await office.asked("erase", grace_hours=24)
    await office.finish()
    barred = await office.rows("SELECT state FROM main.standing")
    assert (made["status"], barred[0]["state"], (await office.house.see(message)).to) == (
        "in_grace",
        "restricted",
        ANNA,
    )

    owner = await office.site.databases.main("owner")
    await owner.execute("UPDATE main.privacy_requests SET grace_until = now()")
    await office.finish()

    assert decoded(await office.get(made["id"]))["status"] == "completed"
    assert (await office.house.see(message)).to is None
    assert [row["state"] for row in await office.rows("SELECT state FROM main.standing")] == ["erased"]


async def test_who_was_met_only_during_the_grace_is_forgotten_too(office: Office) -> None:
    made = await office.asked("erase", grace_hours=24)
    message = await known(office)

    owner = await office.site.databases.main("owner")
    await owner.execute("UPDATE main.privacy_requests SET grace_until = now()")
    await office.finish()

    assert decoded(await office.get(made["id"]))["status"] == "completed"
    assert (await office.house.see(message)).to is None


async def test_whoever_is_canceled_in_the_grace_is_contacted_again(office: Office) -> None:
    await known(office)
    made = await office.asked("erase", grace_hours=24)
    canceled = await office.site.ask("POST", f"/v1/privacy/requests/{made['id']}/cancel")

    assert decoded(canceled)["status"] == "canceled"
    assert await office.rows("SELECT 1 FROM main.standing") == []
    assert await office.subject_of(ANNA) is not None
    done = await office.asked("erase", BEN)
    too_late = await office.site.ask("POST", f"/v1/privacy/requests/{done['id']}/cancel")
    assert (too_late.status, decoded(too_late)["code"]) == (409, "too_late")


async def test_the_hundred_and_first_erasure_in_an_hour_needs_a_second_person(office: Office) -> None:
    owner = await office.site.databases.main("owner")
    await known(office)
    await owner.execute(
        """
        INSERT INTO main.privacy_requests (account_id, id, mode, type, status, due_at)
        SELECT $1, unnest($2::uuid[]), 0, 'erase', 'completed', now()
        """,
        office.house.account_id,
        [ids.new() for _ in range(HOURLY_MAX - 1)],
    )
    hundredth = await office.asked("erase", BEN)
    made = await office.asked("erase")
    assert (hundredth["status"], made["status"]) == ("erasing", "awaiting_approval")
    await office.finish()
    assert await office.subject_of(ANNA) is not None
    assert [row["state"] for row in await office.rows("SELECT state FROM main.standing ORDER BY state")] == [
        "erased",
        "restricted",
    ]

    place = f"/v1/privacy/requests/{made['id']}/approve"
    own = await office.site.ask("POST", place)
    unable = await office.site.ask("POST", place, key=await office.site.new_key("privacy.write"))
    strange = await office.site.ask("POST", place, key=await office.site.strangers_key())
    approved = await office.site.ask("POST", place, key=await office.site.new_key("privacy.approve"))
    again = await office.site.ask("POST", place, key=await office.site.new_key("privacy.approve"))

    assert (own.status, decoded(own)["code"]) == (403, "second_person_needed")
    assert (unable.status, strange.status, again.status) == (403, 404, 409)
    assert (approved.status, decoded(approved)["status"]) == (200, "erasing")
    await office.finish()
    assert await office.subject_of(ANNA) is None


def held_until(day: datetime) -> Any:
    async def holds_on(conn: Conn, *, account_id: UUID, subject_ids: Sequence[UUID]) -> Hold | None:
        del conn, account_id
        return Hold("court order 12/2026", day) if subject_ids else None

    return holds_on


async def test_a_legal_hold_is_said_with_its_reason_and_its_review_date(office: Office) -> None:
    await known(office)
    desk = replace(office.desk, holds_on=held_until(datetime(2027, 3, 1, tzinfo=UTC)))

    with pytest.raises(Conflict, match=r"legal_hold: .*court order 12/2026.*2027-03-01"):
        await erase(desk, asked_by(office))

    assert await office.subject_of(ANNA) is not None
    assert await office.rows("SELECT 1 FROM main.standing") == []


async def test_a_hold_that_came_during_the_grace_keeps_the_person_restricted(office: Office) -> None:
    await known(office)
    made = await office.asked("erase", grace_hours=24)
    desk: Desk = replace(office.desk, holds_on=held_until(datetime(2027, 3, 1, tzinfo=UTC)))
    owner = await office.site.databases.main("owner")
    await owner.execute("UPDATE main.privacy_requests SET grace_until = now()")

    await erasures_of(office.house, desk).step()

    found = decoded(await office.get(made["id"]))
    assert (found["status"], found["outcome"]) == ("on_hold", "legal_hold")
    assert await office.subject_of(ANNA) is not None
    assert [row["state"] for row in await office.rows("SELECT state FROM main.standing")] == ["restricted"]


async def test_a_person_with_many_messages_is_forgotten_in_batches(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sendigopro.messages.forget.BATCH", 7)
    await office.house.send_many([{"to": ANNA} for _ in range(40)])
    await office.asked("erase")

    await office.finish()

    assert await office.rows("SELECT 1 FROM main.messages WHERE subject_id IS NOT NULL") == []
    assert await office.rows("SELECT 1 FROM main.message_bodies") == []


async def test_a_batch_for_others_too_keeps_its_idempotency_key(office: Office) -> None:
    """Without it, a repeat of the batch would be sent to everybody else a second time."""
    asked = [{"to": ANNA}, {"to": BEN}]
    first = await office.house.send_many(asked, key="batch")
    await office.asked("erase")
    await office.finish()

    again = await office.house.send_many(asked, key="batch")

    assert [one.id for one in again if not isinstance(one, Exception)] == [
        one.id for one in first if not isinstance(one, Exception)
    ]


async def test_the_words_of_a_request_are_sealed_and_no_answer_tells_who_it_was(office: Office) -> None:
    made = await office.asked("erase", reason=f"{ANNA} wrote to us")
    (row,) = await office.rows("SELECT reason FROM main.privacy_requests")
    listed = await office.site.ask("GET", "/v1/privacy/requests")

    assert ANNA.encode() not in row["reason"]
    assert decoded(listed)["data"][0]["id"] == made["id"]
    assert ANNA not in listed.body.decode()
    assert request_id(made).bytes


async def test_what_accounts_wrote_about_a_person_is_gone_with_them(office: Office) -> None:
    """Also beside requests that are long done, and that were made under the number before it was corrected."""
    await known(office)
    for type_ in ("object", "restrict", "withdraw"):
        await office.asked(type_, reason=f"about {ANNA}")
    await office.asked("restrict", reason=f"about {ANNA}", lift=True)
    await office.asked("rectify", reason=f"about {ANNA}", corrected_identifier=NOBODY)
    await office.asked("erase", BEN, reason="about Ben", grace_hours=1)

    await office.asked("erase", NOBODY, reason=f"about {ANNA}")
    await office.finish()

    rows = await office.rows("SELECT type, mac, reason FROM main.privacy_requests")
    assert len(rows) == 7
    assert [row["type"] for row in rows if row["reason"] is not None or row["mac"] is not None] == ["erase"]


async def test_while_the_journal_cannot_be_written_the_person_is_barred_and_the_rest_follows(office: Office) -> None:
    message = await known(office)
    path = office.desk.journal.path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a journal\n")

    answered = await office.ask("erase", Idempotency_Key="a")
    with pytest.raises(JournalDamagedError):
        await office.finish()
    barred = await office.rows("SELECT state FROM main.standing")
    path.unlink()
    again = await office.ask("erase", Idempotency_Key="a")
    await office.finish()

    assert (answered.status, decoded(answered)["code"]) == (503, "journal_unavailable")
    assert [row["state"] for row in barred] == ["erased"]
    assert again.status == 202
    assert decoded(await office.get(decoded(again)["id"]))["status"] == "completed"
    assert (await office.house.see(message)).to is None


async def test_of_the_answers_states_each_is_one_that_the_store_knows(office: Office) -> None:
    """The words of the model and those of the table's check are the same."""
    (row,) = await office.rows(
        "SELECT pg_get_constraintdef(oid) AS words FROM pg_constraint WHERE conname = 'privacy_requests_status_check'"
    )

    assert all(f"'{word}'" in row["words"] for word in get_args(RequestStatus))


async def test_what_another_process_accepted_in_the_last_moment_is_forgotten_with_the_rest(office: Office) -> None:
    """Its subject was in memory when the key died: the row comes late, and is not passed over."""
    await known(office)
    anna = await office.subject_of(ANNA)
    await office.asked("erase")
    hasty = Erasures(office.desk, loader=loader_of(office.house), bus=Bus(), owner="worker-2")
    passed_over = await hasty.step()
    late = await known(office, BEN)
    owner = await office.site.databases.main("owner")
    await owner.execute("UPDATE main.messages SET subject_id = $1 WHERE id = $2", anna, ids.parse("msg", late))

    async with asyncio.timeout(20):
        while not await hasty.step():
            await asyncio.sleep(0.1)

    assert not passed_over
    assert await office.rows("SELECT 1 FROM main.messages WHERE subject_id = $1", anna) == []
