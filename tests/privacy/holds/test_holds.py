"""What a law demands is kept as a copy; everybody else, and the original, ends on time; released, it is gone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from sendigopro.events.bus import Bus
from sendigopro.foundation import clock, ids
from sendigopro.messages.accept import TTL_DEFAULT
from sendigopro.messages.model import Mode
from sendigopro.privacy.holds import place as placing
from sendigopro.privacy.holds import store
from sendigopro.privacy.holds.model import HoldError, Identifier, Item, Message, StoredHold, Words
from sendigopro.privacy.holds.place import Follower, HoldsOn
from sendigopro.privacy.package.model import Sources
from sendigopro.privacy.retention.job import Retention
from sendigopro.vault.key_store import key_folders, open_key_store
from sendigopro.vault.keys import KeyErasedError
from sendigopro.vault.vault import Vault
from tests.privacy.conftest import ANNA, BEN, Office, decoded, loader_of, phone_of

WORDS = Words("claim 7 of 2026", "Code of Civil Procedure 142", "Head of Legal")
BODY_DAYS = 30
MoveTo = Callable[[int], None]


@pytest.fixture
def days_later(monkeypatch: pytest.MonkeyPatch) -> MoveTo:
    """From the day on which what is sent now expires, for terms count from it: in the evening that is tomorrow."""
    today = (clock.now() + TTL_DEFAULT).date()
    return lambda days: monkeypatch.setattr(clock, "today", lambda: today + timedelta(days=days))


def sources_of(office: Office) -> Sources:
    runtime = office.house.runtime
    return Sources(runtime.main, runtime.vault, office.house.vault, office.house.directory)


def retention_of(office: Office) -> Retention:
    url = office.house.runtime.settings.main("owner")
    logs = office.house.runtime.settings.data_dir / "log"
    return Retention(
        office.desk, loader=loader_of(office.house), bus=Bus(), owner_url=url, owner="worker-1", log_folder=logs
    )


async def id_of(office: Office, number: str) -> UUID:
    found = await office.house.vault.find(office.house.account_id, Mode.TEST, phone_of(number))
    assert found is not None
    return found.id


async def held(office: Office, number: str = ANNA, **more: Any) -> StoredHold:
    return await placing.place(
        sources_of(office), WORDS, account_id=office.house.account_id, subject_ids=[await id_of(office, number)], **more
    )


async def kept(office: Office, hold: StoredHold) -> list[Item]:
    return [one async for one in placing.copies(sources_of(office), hold)]


def texts(items: list[Item]) -> list[str | None]:
    return [one.record.body for one in items if isinstance(one, Message)]


async def counts(office: Office) -> list[int]:
    return [
        (await office.rows(f"SELECT count(*) FROM main.{table}"))[0][0]  # noqa: S608  # names from below
        for table in ("holds", "held_subjects", "held_items")
    ]


async def test_the_copy_of_who_is_held_survives_and_all_others_end_on_time(office: Office, days_later: MoveTo) -> None:
    others = [f"+49151{n:08}" for n in range(20_000_000, 20_000_025)]
    await office.house.send_many([{"to": to, "body": f"Text for {to}"} for to in (ANNA, *others)])
    hold = await held(office)
    days_later(401)
    vault = office.house.runtime.vault
    await (await office.site.databases.vault("owner")).execute(
        "UPDATE vault.subjects SET last_seen = $1", clock.today() - timedelta(days=402)
    )

    done = await retention_of(office).step()

    assert (done["people"], done["days"]) == (26, 1)  # who is held as well: only the copy stays
    assert await vault.fetchval("SELECT count(*) FROM vault.subjects") == 0
    assert await office.rows("SELECT 1 FROM main.message_bodies") == []
    identifier, message = sorted(await kept(office, hold), key=lambda one: isinstance(one, Message))
    assert isinstance(identifier, Identifier)
    assert identifier.phone == ANNA
    assert isinstance(message, Message)
    assert (message.record.body, message.record.to, message.record.country) == (f"Text for {ANNA}", ANNA, "DE")


async def test_released_its_key_is_destroyed_and_no_row_is_left_even_if_the_rows_come_back(office: Office) -> None:
    await office.house.send(to=ANNA)
    hold, stays = await held(office), await held(office)
    owner = await office.site.databases.main("owner")
    await owner.execute("CREATE TEMP TABLE backup AS SELECT * FROM main.held_items")
    await owner.execute("CREATE TEMP TABLE backup_holds AS SELECT * FROM main.holds")

    root = key_folders(office.house.runtime.settings)[0] / "root"
    before = root.read_bytes()

    await placing.release(sources_of(office), hold)

    assert root.read_bytes() != before  # what opened the key in older copies of the store is gone
    assert await counts(office) == [1, 1, 2]
    await owner.execute("INSERT INTO main.holds SELECT * FROM backup_holds ON CONFLICT DO NOTHING")
    await owner.execute("INSERT INTO main.held_items SELECT * FROM backup ON CONFLICT DO NOTHING")
    fresh = Vault(office.house.runtime.vault, open_key_store(office.house.runtime.settings))
    with pytest.raises(KeyErasedError):
        fresh.keys.key(hold.key_slot)
    await fresh.close()
    with pytest.raises(KeyErasedError):
        await kept(office, hold)
    await Follower(sources_of(office)).step()
    assert await counts(office) == [1, 1, 2]
    assert len(await kept(office, stays)) == 2


async def test_a_release_that_is_cut_short_after_the_key_is_ended_by_the_worker(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.house.send(to=ANNA)
    hold = await held(office)

    async def die(*_: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr(store, "delete_hold", die)
        with pytest.raises(InterruptedError):
            await placing.release(sources_of(office), hold)

    assert await counts(office) == [1, 1, 2]
    async with office.house.runtime.main.acquire() as conn:
        found = await HoldsOn(office.house.vault)(
            conn, account_id=hold.account_id, subject_ids=[await id_of(office, ANNA)]
        )
    assert found is None
    await Follower(sources_of(office)).step()
    assert await counts(office) == [0, 0, 0]


async def test_an_erasure_of_who_is_held_is_refused_with_reason_and_review_date_until_the_release(
    office: Office,
) -> None:
    await office.house.send_many([{"to": ANNA}, {"to": BEN}])
    hold = await held(office, review_days=30)

    refused, ben = await office.ask("erase"), await office.ask("erase", BEN)

    problem = decoded(refused)
    assert (refused.status, problem["code"], ben.status) == (409, "legal_hold", 202)
    assert WORDS.reason in problem["detail"]
    assert f"{hold.review_at:%Y-%m-%d}" in problem["detail"]
    await placing.release(sources_of(office), hold)
    assert (await office.ask("erase")).status == 202


async def test_another_account_is_not_told_of_a_hold(office: Office) -> None:
    await office.house.send(to=ANNA)
    hold = await held(office)
    found = HoldsOn(office.house.vault)
    subject_ids = [await id_of(office, ANNA)]

    async with office.house.runtime.main.acquire() as conn:
        assert await found(conn, account_id=ids.new(), subject_ids=subject_ids) is None
        told = await found(conn, account_id=hold.account_id, subject_ids=subject_ids)
    assert told is not None
    door = await office.site.databases.main("door")
    assert await door.fetch("SELECT 1 FROM main.holds") == []


async def test_who_is_being_erased_can_no_longer_be_held(office: Office) -> None:
    await office.house.send(to=ANNA)
    subject_id = await id_of(office, ANNA)
    await office.asked("erase")

    with pytest.raises(HoldError, match="has begun"):
        await placing.place(sources_of(office), WORDS, account_id=office.house.account_id, subject_ids=[subject_id])

    assert await counts(office) == [0, 0, 0]


async def test_what_comes_after_the_hold_is_copied_and_a_removed_text_stays_in_the_copy(office: Office) -> None:
    first = await office.house.send(to=ANNA, body="before")
    hold = await held(office)
    await office.house.send(to=ANNA, body="after")
    await office.house.runtime.main.execute(
        "UPDATE main.message_bodies SET body = NULL WHERE message_id = $1", ids.parse("msg", first.id)
    )

    for _ in range(2):  # again changes nothing
        await Follower(sources_of(office)).step()

    assert sorted(map(str, texts(await kept(office, hold)))) == ["after", "before"]


async def test_nothing_of_a_hold_stands_in_clear_in_the_database(office: Office) -> None:
    await office.house.send(to=ANNA, body="A secret text")
    await held(office)

    rows = await office.rows("SELECT words AS sealed FROM main.holds UNION ALL SELECT content FROM main.held_items")

    assert len(rows) == 3
    for secret in (
        *(word.encode() for word in (WORDS.reason, WORDS.owner, WORDS.authority)),
        b"A secret text",
        ANNA.encode(),
    ):
        assert not [row for row in rows if secret in row["sealed"]]


async def test_a_hold_is_overdue_once_its_review_is_past_and_a_review_moves_it(office: Office) -> None:
    await office.house.send(to=ANNA)
    hold = await held(office)
    late = hold.placed_at + timedelta(days=91)

    assert (hold.is_overdue(clock.now()), hold.is_overdue(late)) == (False, True)
    with pytest.raises(HoldError, match="90 days"):
        placing.next_review(clock.now(), 91)
    async with office.house.runtime.main.acquire() as conn:
        reviewed = await placing.review(conn, hold, days=60)
        (stored,) = await store.list_of_everyone(conn)
    assert stored.review_at == reviewed.review_at != hold.review_at
