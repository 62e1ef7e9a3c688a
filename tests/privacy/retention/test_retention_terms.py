"""An account says how long things are kept: what is over is refused at once and gone within the hour."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from sendigopro.accounts.retention_terms import LIMITS, RetentionClock
from sendigopro.channels.contract import Inbound
from sendigopro.events.bus import Bus
from sendigopro.foundation import clock, log_files
from sendigopro.foundation.operator_errors import OperatorError
from sendigopro.foundation.personal import Body, Phone
from sendigopro.messages.accept import TTL_DEFAULT
from sendigopro.messages.receive import Receiver
from sendigopro.privacy.retention import by_account
from sendigopro.privacy.retention.audit import audit_backups, audit_files, audit_main
from sendigopro.privacy.retention.job import Retention
from sendigopro.privacy.retention.rules import BACKUP_DAYS, LOG_DAYS
from tests.databases import Databases
from tests.privacy.conftest import ANNA, BEN, Office, decoded, loader_of
from tests.web.serving import Reply

RETENTION = "/v1/privacy/retention"
MoveTo = Callable[[int], None]


@pytest.fixture
def days_later(monkeypatch: pytest.MonkeyPatch) -> MoveTo:
    """From the day on which what is sent now expires, for terms count from it: in the evening that is tomorrow."""
    today = (clock.now() + TTL_DEFAULT).date()
    return lambda days: monkeypatch.setattr(clock, "today", lambda: today + timedelta(days=days))


@pytest.fixture
def days_from_now(monkeypatch: pytest.MonkeyPatch) -> MoveTo:
    """For what never waits: it is filed by the day on which it came."""
    today = clock.today()
    return lambda days: monkeypatch.setattr(clock, "today", lambda: today + timedelta(days=days))


def job_of(office: Office) -> Retention:
    settings = office.house.runtime.settings
    return Retention(
        office.desk, loader=loader_of(office.house), bus=Bus(), owner="worker-1", owner_url=settings.main("owner"),
        log_folder=settings.data_dir / "log",
    )  # fmt: skip


async def put(office: Office, what: str, days: object, **more: Any) -> Reply:
    key = more.pop("key", "")
    return await office.site.ask("PUT", f"{RETENTION}/{what}", {"days": days, **more}, key=key)


async def keep(office: Office, what: str, days: int, **more: Any) -> dict[str, Any]:
    """Set a term, accepted."""
    answered = await put(office, what, days, **more)
    assert answered.status == 200, answered.body
    await office.house.directory.refresh()
    return decoded(answered)


async def send(office: Office, to: str = ANNA, **more: Any) -> str:
    key = more.pop("key", "")
    body = {"to": to, "body": "What must end", **more}
    answered = await office.site.ask("POST", "/v1/messages", body, key=key)
    assert answered.status == 202, answered.body
    message_id: str = decoded(answered)["id"]
    return message_id


async def seen(office: Office, message_id: str) -> dict[str, Any] | None:
    answered = await office.site.ask("GET", f"/v1/messages/{message_id}")
    return decoded(answered) if answered.status == 200 else None


async def listed(office: Office, query: str = "") -> list[str]:
    return [one["id"] for one in decoded(await office.site.ask("GET", f"/v1/messages{query}"))["data"]]


async def count(office: Office, table: str) -> int:
    found: int = (await office.rows(f"SELECT count(*) FROM {table}"))[0][0]  # noqa: S608  # of this file
    return found


async def late(databases: Databases) -> set[str]:
    found = await audit_main(await databases.main("owner"), today=clock.today())
    return {one.store for one in found if one.is_late}


# The doors


async def test_every_clock_is_listed_with_its_limits_whether_or_not_it_was_set(office: Office) -> None:
    await keep(office, "otp/body", 2)
    found = decoded(await office.site.ask("GET", RETENTION))["data"]

    assert [(one["product"], one["clock"]) for one in found] == [(product, kind.value) for product, kind in LIMITS]
    otp = next(one for one in found if (one["product"], one["clock"]) == ("otp", "body"))
    assert (otp["days"], otp["default_days"], otp["cap_days"], otp["reason"]) == (2, 7, 30, None)
    assert otp["set_at"] is not None
    assert {one["set_at"] for one in found if one is not otp} == {None}


async def test_longer_than_the_default_needs_a_reason_that_only_the_account_reads(office: Office) -> None:
    without = await put(office, "transactional/body", 60)
    kept = await keep(office, "transactional/body", 60, reason="Disputes of order 4711")

    assert (without.status, decoded(without)["code"]) == (422, "reason_required")
    assert kept["reason"] == "Disputes of order 4711"
    (sealed,) = [row[0] for row in await office.rows("SELECT reason FROM main.retention_terms")]
    assert b"4711" not in sealed
    strange = decoded(await office.site.ask("GET", RETENTION, key=await office.site.strangers_key()))["data"]
    assert {one["set_at"] for one in strange} == {None}


@pytest.mark.parametrize(
    ("what", "days", "status", "code"),
    [
        ("transactional/body", 401, 422, "retention_too_long"),
        ("otp/body", 31, 422, "retention_too_long"),
        ("marketing/record", 401, 422, "retention_too_long"),
        ("people/identifier", 401, 422, "retention_too_long"),
        ("marketing/record", 6, 422, "retention_too_short"),
        ("people/identifier", 0, 422, "retention_too_short"),
        ("otp/identifier", 5, 404, "retention_term_not_found"),
        ("pigeons/body", 5, 404, "retention_term_not_found"),
        ("otp/body", -1, 400, "invalid_value"),
        ("otp/body", 2.5, 400, "invalid_value"),
        ("otp/body", "7", 400, "invalid_value"),
        ("otp/body", None, 400, "invalid_value"),
    ],
)
async def test_a_term_beyond_its_limits_is_refused_with_the_reason_and_changes_nothing(
    office: Office, what: str, days: object, status: int, code: str
) -> None:
    answered = await put(office, what, days, reason="We want to")

    found = decoded(answered)
    assert (answered.status, found["code"]) == (status, code), found
    if code == "retention_too_long":
        assert "GDPR 5(1)(e)" in found["detail"]
    assert await count(office, "main.retention_terms") == 0


async def test_setting_a_term_needs_the_right_to_it(office: Office) -> None:
    key = await office.site.new_key("privacy.read")

    assert (await put(office, "otp/body", 1, key=key)).status == 403
    assert (await office.site.ask("GET", RETENTION, key=key)).status == 200


# What is over


async def test_each_product_has_a_term_of_its_own(office: Office, days_later: MoveTo) -> None:
    """A code is over after a week, an advertisement when the account says so, all else by the default."""
    await keep(office, "marketing/body", 3)
    code, advertisement, order = [await send(office, purpose=one) for one in ("otp", "marketing", "transactional")]

    texts = {}
    for days in (3, 4, 7, 8, 30, 31):
        days_later(days)
        texts[days] = [(await seen(office, one) or {})["body"] is not None for one in (code, advertisement, order)]

    assert texts == {
        3: [True, True, True], 4: [True, False, True], 7: [True, False, True],
        8: [False, False, True], 30: [False, False, True], 31: [False, False, False],
    }  # fmt: skip


async def test_a_shorter_term_refuses_what_was_written_under_a_longer_one_at_once(
    office: Office, days_later: MoveTo
) -> None:
    message_id = await send(office, tags=["order"], metadata={"order": "4711"})
    days_later(6)
    before = await seen(office, message_id)
    await keep(office, "transactional/body", 5)

    after = await seen(office, message_id)
    assert before is not None
    assert after is not None
    assert (before["body"], before["metadata"]) == ("What must end", {"order": "4711"})
    assert (after["body"], after["metadata"], after["tags"], after["to"]) == (None, {}, [], ANNA)
    assert await count(office, "main.message_bodies") == 1  # the job has not been here


async def test_a_text_filed_by_the_month_is_refused_on_its_own_day(office: Office, days_later: MoveTo) -> None:
    """Terms of more than 35 days share a partition for each month: it used to be readable until the month was over."""
    await keep(office, "transactional/body", 60, reason="Disputes")
    message_id = await send(office)

    days_later(60)
    assert (await seen(office, message_id) or {})["body"] == "What must end"
    days_later(61)
    assert (await seen(office, message_id) or {})["body"] is None
    await job_of(office).step()
    assert await count(office, "main.message_bodies") == 0


async def test_a_record_that_is_over_is_in_no_answer_though_nothing_has_removed_it(
    office: Office, days_later: MoveTo
) -> None:
    await keep(office, "marketing/record", 10)
    gone, kept = await send(office, purpose="marketing", tags=["all"]), await send(office, tags=["all"])
    days_later(11)

    assert await seen(office, gone) is None
    for door in ("/events", "/explain"):
        assert (await office.site.ask("GET", f"/v1/messages/{gone}{door}")).status == 404
    assert (await office.site.ask("DELETE", f"/v1/messages/{gone}")).status == 404
    number = ANNA.replace("+", "%2B")
    for query in ("", "?tag=all", f"?recipient={number}", "?limit=1", "?status=queued"):
        assert await listed(office, query) == [kept], query
    assert await count(office, "main.messages") == 2


async def test_a_person_not_met_for_the_term_is_refused_though_nobody_has_forgotten_them(
    office: Office, databases: Databases, days_later: MoveTo
) -> None:
    message_id = await send(office)
    waiting = await send(office, send_at=(clock.now() + timedelta(days=20)).isoformat())
    await keep(office, "people/identifier", 10)
    number = ANNA.replace("+", "%2B")
    assert (await seen(office, message_id) or {})["to"] == ANNA
    days_later(13)  # a message expires a day or two after it was made

    old, new = await seen(office, message_id), await seen(office, waiting)
    assert old is not None
    assert new is not None
    assert (old["to"], old["body"]) == (None, None)
    assert (new["to"], new["body"]) == (ANNA, "What must end")
    assert await listed(office, f"?recipient={number}") == [waiting]
    vault = await databases.vault("owner")
    assert await vault.fetchval("SELECT count(*) FROM vault.subjects") == 1


async def test_nobody_is_forgotten_while_a_message_to_them_waits(office: Office, days_later: MoveTo) -> None:
    await keep(office, "people/identifier", 2)
    await send(office, send_at=(clock.now() + timedelta(days=20)).isoformat())
    await send(office, BEN)

    days_later(15)
    first = await job_of(office).step()
    assert await office.subject_of(ANNA) is not None
    assert await office.subject_of(BEN) is None
    days_later(25)
    then = await job_of(office).step()

    assert (first["people"], then["people"]) == (1, 1)
    assert await office.subject_of(ANNA) is None


async def test_what_people_write_ends_by_a_term_of_its_own(office: Office, days_from_now: MoveTo) -> None:
    await keep(office, "received/body", 4)
    house = office.house
    receiver = Receiver(pool=house.runtime.main, vault=house.vault, directory=house.directory, bus=Bus(), owner="w")
    (sender,) = house.directory.senders_of(house.account_id)
    inbound = Inbound(sender=Phone(ANNA), recipient=sender.value, body=Body("Hello"), handles=())
    await receiver.receive(sender, mode=0, inbound=inbound)
    (message_id,) = await listed(office)

    days_from_now(4)
    assert (await seen(office, message_id) or {})["body"] == "Hello"
    days_from_now(5)
    assert (await seen(office, message_id) or {})["body"] is None


# The job


async def test_the_job_ends_rows_by_the_accounts_own_terms_and_touches_no_others(
    office: Office, databases: Databases, days_later: MoveTo
) -> None:
    gone, kept = await send(office, purpose="marketing", tags=["all"]), await send(office, tags=["all"])
    stranger = await office.site.strangers_key()
    added = await office.site.ask("POST", "/v1/senders", {"value": "Others", "is_default": True}, key=stranger)
    assert added.status == 201
    hers = await send(office, purpose="marketing", key=stranger)
    await keep(office, "marketing/record", 10)
    await keep(office, "transactional/body", 10)
    days_later(9)
    early = await job_of(office).step()
    days_later(12)
    late_before = await late(databases)
    done = await job_of(office).step()
    again = await job_of(office).step()
    late_after = await late(databases)

    assert (early["records"], early["texts"]) == (0, 0)
    assert (done["records"], done["texts"]) == (1, 1)
    assert (again["records"], again["texts"]) == (0, 0)
    assert late_before >= {"main.messages", "main.message_bodies"}
    assert late_after & {"main.messages", "main.message_bodies"} == set()
    assert await count(office, "main.messages") == 2
    assert await count(office, "main.message_bodies") == 1
    assert await count(office, "main.message_tags") == 1
    assert [await seen(office, gone), (await seen(office, kept) or {})["body"]] == [None, None]
    assert decoded(await office.site.ask("GET", f"/v1/messages/{hers}", key=stranger))["body"] == "What must end"


async def test_a_crash_between_two_batches_is_made_good_by_the_next_run(
    office: Office, days_later: MoveTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        await send(office)
    await keep(office, "transactional/body", 1)
    days_later(4)
    monkeypatch.setattr(by_account, "BATCH", 2)
    passed = 0

    def die_at_the_second(point: str) -> None:
        nonlocal passed
        passed += point == "retention.rows_ended"
        if passed == 2:
            raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(by_account, "reach", die_at_the_second)
        with pytest.raises(InterruptedError):
            await job_of(office).step()
    left = await count(office, "main.message_bodies")
    done = await job_of(office).step()

    assert (left, done["texts"]) == (1, 5)  # it looks at all again, since nothing was noted as done
    assert await count(office, "main.message_bodies") == 0


async def test_a_term_made_shorter_once_more_ends_what_the_first_had_left(office: Office, days_later: MoveTo) -> None:
    await keep(office, "transactional/body", 20)
    await send(office)
    days_later(15)
    first = await job_of(office).step()
    await keep(office, "transactional/body", 10)
    second = await job_of(office).step()

    assert (first["texts"], second["texts"]) == (0, 1)


async def test_a_simulation_counts_what_the_job_would_end_and_changes_nothing(
    office: Office, days_later: MoveTo
) -> None:
    for to in (ANNA, BEN):
        await send(office, to)
    await send(office, purpose="marketing")
    days_later(15)

    counts = {}
    for what in ("transactional/body", "marketing/record", "people/identifier", "otp/body"):
        for days in (10, 20):
            answered = await office.site.ask("POST", f"{RETENTION}/{what}/simulate", {"days": days})
            assert answered.status == 200, answered.body
            found = decoded(answered)
            counts[what, days] = (found["would_end"], found["count"])

    assert counts == {
        ("transactional/body", 10): ("texts", 2), ("transactional/body", 20): ("texts", 0),
        ("marketing/record", 10): ("records", 1), ("marketing/record", 20): ("records", 0),
        ("people/identifier", 10): ("people", 2), ("people/identifier", 20): ("people", 0),
        ("otp/body", 10): ("texts", 0), ("otp/body", 20): ("texts", 0),
    }  # fmt: skip
    assert await count(office, "main.retention_terms") == 0
    assert await count(office, "main.message_bodies") == 3


# Events, logs, backups


async def test_events_and_attempts_of_more_than_thirty_days_are_refused_though_their_partitions_are_there(
    office: Office, days_from_now: MoveTo
) -> None:
    message_id = await send(office)
    assert (await office.site.ask("POST", f"/v1/messages/{message_id}/cancel")).status == 200
    days_from_now(30)
    before = decoded(await office.site.ask("GET", "/v1/events"))["data"]
    days_from_now(31)
    after = decoded(await office.site.ask("GET", "/v1/events"))["data"]
    since = decoded(await office.site.ask("GET", "/v1/events?since=2026-01-01T00:00:00Z"))["data"]

    assert len(before) >= 1
    assert (after, since) == ([], [])
    assert await count(office, "main.events") >= 1


async def test_lines_of_a_log_end_by_its_term_and_the_writer_goes_on(office: Office) -> None:
    settings, today = office.house.runtime.settings, clock.today()
    log = settings.data_dir / "log" / "postgres.log"
    log.parent.mkdir(exist_ok=True)
    old, young = today - timedelta(days=LOG_DAYS + 3), today - timedelta(days=LOG_DAYS - 3)
    with log.open("ab", buffering=0) as writer:
        writer.write(
            f"{old} 10:00:00.000 UTC [1] LOG:  old\n\tmore of it\n{young} 10:00:00.000 UTC [1] LOG:  young\n".encode()
        )

        before = log_state(office, today)
        done = await job_of(office).step()
        writer.write(f"{today} 10:00:00.000 UTC [1] LOG:  new\n".encode())

    assert before.is_late
    assert done["log_lines"] == 2
    assert not log_state(office, today).is_late
    assert [line.split()[-1] for line in log.read_text().splitlines()] == ["young", "new"]
    assert log_files.oldest_entry(log) == young


def log_state(office: Office, today: date) -> Any:
    settings = office.house.runtime.settings
    found = audit_files(
        settings.data_dir, settings.exports_folder, office.house.vault.keys, today=today, now=clock.now()
    )
    return next(one for one in found if one.store == "logs")


def test_a_backup_older_than_what_is_in_it_may_be_is_late(tmp_path: Path) -> None:
    today = clock.today()
    for name, age in (("old", BACKUP_DAYS + 2), ("new", 1)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(
            f'{{"made_at": "{clock.midnight(today - timedelta(days=age)).isoformat()}"}}'
        )

    (both,) = audit_backups([tmp_path], today=today)
    (young,) = audit_backups([tmp_path / "new"], today=today)

    assert (both.is_late, both.oldest) == (True, today - timedelta(days=BACKUP_DAYS + 2))
    assert not young.is_late


def test_a_folder_without_a_backup_and_a_damaged_manifest_are_named(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="There is no backup in"):
        list(audit_backups([tmp_path], today=clock.today()))
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(OperatorError, match="is no manifest of a backup"):
        list(audit_backups([tmp_path], today=clock.today()))


def test_no_default_needs_a_reason_and_every_cap_says_what_it_stands_on() -> None:
    for limit in LIMITS.values():
        assert limit.least <= limit.default <= limit.cap
        assert "GDPR" in limit.why
    assert {kind for _, kind in LIMITS} == set(RetentionClock)
