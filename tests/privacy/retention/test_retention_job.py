"""What is over is refused at once and gone within the hour: bodies by their day, people by when they were last seen."""

from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from sendigopro.events.bus import Bus
from sendigopro.foundation import clock, partitions
from sendigopro.messages.accept import TTL_DEFAULT
from sendigopro.messages.view import MessageObject
from sendigopro.privacy.desk import desk_of
from sendigopro.privacy.journal import Journal
from sendigopro.privacy.retention import audit, store
from sendigopro.privacy.retention.job import Retention, identifier_terms
from sendigopro.vault.vault import KeyErasedError
from tests.databases import Databases
from tests.messages.house import House, house_of
from tests.privacy.conftest import ANNA, BEN, loader_of

BODY_DAYS = 30
SET_TERM = "INSERT INTO main.retention_terms (account_id, product, clock, days) VALUES ($1, $2, $3, $4)"
MoveTo = Callable[[int], None]


@pytest.fixture
async def house(databases: Databases, tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(databases, tmp_path) as house:
        yield house


@pytest.fixture
def days_later(monkeypatch: pytest.MonkeyPatch) -> MoveTo:
    """From the day on which what is sent now expires, for terms count from it: in the evening that is tomorrow."""
    today = (clock.now() + TTL_DEFAULT).date()
    return lambda days: monkeypatch.setattr(clock, "today", lambda: today + timedelta(days=days))


def job_of(house: House) -> Retention:
    runtime = house.runtime
    desk = desk_of(runtime, house.vault, Journal(runtime.settings.journal_folder))
    return Retention(
        desk,
        loader=loader_of(house),
        bus=Bus(),
        owner_url=runtime.settings.main("owner"),
        owner="worker-1",
        log_folder=runtime.settings.data_dir / "log",
    )


async def sent(house: House, to: str) -> MessageObject:
    found = await house.send(to=to, body="What must end")
    assert isinstance(found, MessageObject)
    return found


async def test_a_body_whose_day_is_over_is_refused_although_nothing_has_removed_it(
    house: House, days_later: MoveTo
) -> None:
    message = await sent(house, ANNA)
    assert (await house.see(message.id)).body == "What must end"

    days_later(BODY_DAYS)
    assert (await house.see(message.id)).body == "What must end"
    days_later(BODY_DAYS + 1)

    assert (await house.see(message.id)).body is None
    assert (await house.fetch("SELECT count(*) FROM main.message_bodies WHERE body IS NOT NULL"))[0][0] == 1


async def test_the_job_ends_the_day_its_key_and_its_partition(house: House, days_later: MoveTo) -> None:
    message = await sent(house, ANNA)
    (day,) = (await house.fetch("SELECT DISTINCT body_expires_on FROM main.messages"))[0]
    days_later(BODY_DAYS + 1)

    done = await job_of(house).step()
    again = await job_of(house).step()

    assert done["days"] == 1
    assert done["partitions"] >= 1
    assert (again["days"], again["partitions"]) == (0, 0)
    assert (await house.fetch("SELECT count(*) FROM main.message_bodies"))[0][0] == 0
    assert await house.runtime.vault.fetchval("SELECT count(*) FROM vault.buckets WHERE bucket = $1", day) == 0
    seen = await house.see(message.id)
    assert (seen.to, seen.body) == (ANNA, None)


async def test_a_crash_between_key_and_row_is_made_good_by_the_next_run(
    house: House, days_later: MoveTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent(house, ANNA)
    days_later(BODY_DAYS + 1)

    async def die(*_: object, **__: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(store, "delete_days", die)
        with pytest.raises(InterruptedError):
            await job_of(house).step()
    (bucket, slot) = (await house.runtime.vault.fetch("SELECT bucket, slot FROM vault.buckets"))[0]
    with pytest.raises(KeyErasedError):
        house.vault.keys.key(slot)

    assert bucket < clock.today()
    assert (await job_of(house).step())["days"] == 1
    assert await house.runtime.vault.fetchval("SELECT count(*) FROM vault.buckets") == 0


@pytest.mark.parametrize("term", [390, 20])
async def test_whom_an_account_has_not_met_for_its_term_is_forgotten_and_nobody_else(
    house: House, databases: Databases, term: int
) -> None:
    anna, ben = await sent(house, ANNA), await sent(house, BEN)
    async with house.owner() as owner:
        await owner.execute(SET_TERM, house.account_id, "people", "identifier", term)
        found = {row["id"]: row["subject_id"] for row in await owner.fetch("SELECT id, subject_id FROM main.messages")}
    vault = await databases.vault("owner")
    ages = dict(zip(sorted(found), (term + 1, term), strict=True))  # ids are in the order of time: Anna first
    for message_id, days in ages.items():
        day = clock.today() - timedelta(days=days)
        await vault.execute("UPDATE vault.subjects SET last_seen = $2 WHERE id = $1", found[message_id], day)
        async with house.owner() as owner:
            await owner.execute(
                "UPDATE main.messages SET expires_at = $2 WHERE id = $1", message_id, clock.midnight(day)
            )

    done = await job_of(house).step()

    assert done["people"] == 1
    seen = [await house.see(anna.id), await house.see(ben.id)]
    text = "What must end" if term < BODY_DAYS else None
    assert [(one.to, one.body) for one in seen] == [(None, None), (BEN, text)]
    assert await vault.fetchval("SELECT count(*) FROM vault.subjects") == 1
    assert (await job_of(house).step())["people"] == 0


async def test_the_audit_names_what_is_late_and_is_content_once_the_job_has_run(
    house: House, databases: Databases, days_later: MoveTo
) -> None:
    await sent(house, ANNA)
    owner = await databases.main("owner")
    old = clock.today() - timedelta(days=40)
    await partitions.ensure_days(owner, "main.idempotency", [old])
    await owner.execute(
        "INSERT INTO main.idempotency (account_id, key_mac, day, body_mac, message_ids, code, at)"
        " VALUES ($1, '\\x00', $2, '\\x00', '{}', 202, now())",
        house.account_id,
        old,
    )
    days_later(BODY_DAYS + 2)

    before = await late(house, databases)
    await job_of(house).step()

    assert before >= {"main.idempotency", "main.message_bodies", "vault.buckets"}
    assert await late(house, databases) & {"main.idempotency", "main.message_bodies", "vault.buckets"} == set()


async def late(house: House, databases: Databases) -> set[str]:
    """Stores with something that should have ended."""
    today: date = clock.today()
    found = await audit.audit_main(await databases.main("owner"), today=today)
    async with house.runtime.main.acquire() as conn:
        terms = await identifier_terms(conn)
    async with house.runtime.vault.acquire() as conn:
        found += await audit.audit_vault(conn, terms, today=today)
    found += audit.audit_files(
        house.runtime.settings.data_dir, house.runtime.settings.exports_folder, house.vault.keys,
        today=today, now=clock.now(),
    )  # fmt: skip
    return {one.store for one in found if one.is_late}
