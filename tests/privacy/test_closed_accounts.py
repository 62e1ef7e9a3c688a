"""A closed account: kept within its grace, forgotten after it, in backups too; nobody else notices."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from sendigopro.accounts import closing, people_store, roles_store
from sendigopro.accounts.create import create_account
from sendigopro.accounts.keys import create_key
from sendigopro.accounts.model import SCOPES, TEST
from sendigopro.accounts.people import put_person
from sendigopro.audit.model import BY_OPERATOR
from sendigopro.events.bus import Bus
from sendigopro.foundation import clock
from sendigopro.foundation.postgres import as_account
from sendigopro.messages.model import Status
from sendigopro.privacy import closed, closed_store
from sendigopro.privacy.desk import Desk, desk_of
from sendigopro.privacy.journal import Journal
from sendigopro.privacy.replay import replay
from sendigopro.privacy.retention.audit import audit_main, audit_vault
from sendigopro.privacy.retention.job import Retention, identifier_terms
from sendigopro.vault.keys import KeyErasedError
from tests.databases import Databases
from tests.messages.house import House, house_of
from tests.privacy.conftest import loader_of

NUMBER = "+447400123456"


@pytest.fixture
async def house(databases: Databases, tmp_path: Path) -> AsyncIterator[House]:
    async with house_of(databases, tmp_path) as house:
        yield house


def job_of(house: House) -> tuple[Retention, Desk]:
    runtime = house.runtime
    desk = desk_of(runtime, house.vault, Journal(runtime.settings.journal_folder))
    job = Retention(
        desk, loader=loader_of(house), bus=Bus(), owner="worker-1", owner_url=runtime.settings.main("owner"),
        log_folder=runtime.settings.data_dir / "log",
    )  # fmt: skip
    return job, desk


async def filled(house: House) -> UUID:
    """A message that was delivered and a member here; another account, untouched, is returned."""
    await house.start_worker()
    sent = await house.send(to=NUMBER, body="The plan is secret", tags=["plan"], metadata={"note": "Ada"})
    await house.until(sent.id, Status.DELIVERED)
    async with house.owner() as owner:
        person = await put_person(owner, house.vault, mail="rosa@example.com", name="Rosa", password=None)
        await people_store.upsert_member(owner, account_id=house.account_id, person_id=person, role="owner")
        other = await create_account(owner, house.vault, name="Untouched")
        assert other is not None
        await create_key(owner, account_id=other, mode=TEST, scopes=SCOPES, purpose="otp")
        both = await put_person(owner, house.vault, mail="both@example.com", name="Both", password=None)
        for account_id in (house.account_id, other):
            await people_store.upsert_member(owner, account_id=account_id, person_id=both, role="viewer")
    return other


async def begin(house: House) -> None:
    async with as_account(house.runtime.door, house.account_id) as conn:
        await closing.begin_closing(conn, account_id=house.account_id, children=0, grace_days=30, by=BY_OPERATOR)


async def grace_is_over(house: House) -> None:
    async with house.owner() as owner:
        await owner.execute(
            "UPDATE main.accounts SET closes_at = now() - interval '1 second' WHERE closes_at IS NOT NULL"
        )


async def rows_of(house: House, account_id: UUID) -> dict[str, int]:
    """How many rows each table has of an account, where there are any."""
    async with house.owner() as owner:
        tables = [*await closed_store.tables_of_accounts(owner), *(f"main.{one}" for one in closed_store.STAYS)]
        found = {
            table: await owner.fetchval(f"SELECT count(*) FROM {table} WHERE account_id = $1", account_id)  # noqa: S608  # pg_class
            for table in tables
        }
    for table in ("subjects", "buckets", "account_keys"):
        found[f"vault.{table}"] = await house.runtime.vault.fetchval(
            f"SELECT count(*) FROM vault.{table} WHERE account_id = $1",  # noqa: S608  # names above
            account_id,
        )
    return {table: n for table, n in found.items() if n}


async def test_within_its_grace_nothing_is_forgotten_and_closing_is_undone(house: House) -> None:
    await filled(house)
    before = await rows_of(house, house.account_id)
    await begin(house)
    job, _ = job_of(house)
    assert (await job.step())["accounts"] == 0
    async with as_account(house.runtime.door, house.account_id) as conn:
        await closing.undo_closing(conn, account_id=house.account_id, by=BY_OPERATOR)
    await grace_is_over(house)
    assert (await job.step())["accounts"] == 0
    after = await rows_of(house, house.account_id)
    assert {**after, "main.audit_log": 0} == {**before, "main.audit_log": 0}


async def test_after_its_grace_nothing_of_it_is_left_or_readable_and_others_are_untouched(house: House) -> None:
    other = await filled(house)
    others = await rows_of(house, other)
    counted = (await rows_of(house, house.account_id))["main.tallies"]
    async with house.runtime.vault.acquire() as vault:
        slots = [*await closed_store.own_slots(vault, account_id=house.account_id)]
        people = await closed_store.subject_slots(vault, account_id=house.account_id, after=closed.BEFORE_ALL, limit=9)
    slots += [slot for _, slot in people]
    assert len(slots) >= 5
    await begin(house)
    await grace_is_over(house)
    job, desk = job_of(house)
    done = await job.step()

    assert (done["accounts"], done["members"]) == (1, 1)  # who works elsewhere too stays
    left = await rows_of(house, house.account_id)
    assert left.pop("main.tallies") == counted
    assert set(left) <= {"main.ledger_entries"}
    async with house.owner() as owner:
        assert await owner.fetchval("SELECT count(*) FROM main.accounts WHERE id = $1", house.account_id) == 0
        assert await owner.fetchval("SELECT count(*) FROM main.people") == 1
        terms = await identifier_terms(owner)
        late = [one for one in await audit_main(owner, today=clock.today() + timedelta(days=1)) if one.is_late]
    async with house.runtime.vault.acquire() as vault:
        late += [one for one in await audit_vault(vault, terms, today=clock.today()) if one.is_late]
    assert late == []
    for slot in slots:
        with pytest.raises(KeyErasedError):
            house.vault.keys.key(slot)
    assert await rows_of(house, other) == others
    assert [entry.intent.kind for entry in desk.journal.entries_after(0)] == ["close"]
    assert (await job.step())["accounts"] == 0


async def test_a_crash_at_any_step_is_made_good_by_the_next_run(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await filled(house)
    await begin(house)
    await grace_is_over(house)
    job, desk = job_of(house)

    async def dies(*_: object, **__: object) -> None:
        raise RuntimeError("the process ends here")

    for step in ("catch_up", "condemn", "delete_everything"):
        with monkeypatch.context() as broken:
            broken.setattr(closed, step, dies)
            with pytest.raises(RuntimeError, match="ends here"):
                await job.step()
    assert (await job.step())["accounts"] == 1
    assert set(await rows_of(house, house.account_id)) <= {"main.tallies", "main.ledger_entries"}
    assert [entry.intent.kind for entry in desk.journal.entries_after(0)] == ["close"]


async def test_a_backup_forgets_it_as_well(house: House) -> None:
    """As a restore does it: the databases are those of before, the journal knows better."""
    await filled(house)
    _, desk = job_of(house)
    intent = closed.intent_of(house.account_id)
    desk.journal.write(desk.journal.head(), [intent])
    assert (await replay(desk))["close"] == 1
    async with house.owner() as owner:
        closes_at = await owner.fetchval("SELECT closes_at FROM main.accounts WHERE id = $1", house.account_id)
        person = await owner.fetchval("SELECT person_id FROM main.members WHERE account_id = $1", house.account_id)
        assert closes_at is not None
        assert await roles_store.read_granted(owner, account_id=house.account_id, person_id=person) == []
    with pytest.raises(KeyErasedError):
        await house.vault.load_account(house.account_id)
    job, _ = job_of(house)
    assert (await job.step())["accounts"] == 1
    assert set(await rows_of(house, house.account_id)) <= {"main.tallies", "main.ledger_entries"}
