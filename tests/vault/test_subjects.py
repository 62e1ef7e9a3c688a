"""A person is one subject for an account, found from memory or from disk, and unreadable once forgotten."""

import asyncio
import gc
from datetime import date
from uuid import UUID, uuid4

import pytest

from sendigopro.foundation import clock
from sendigopro.foundation.database_urls import as_role
from sendigopro.foundation.phones import PhoneNumber, parse_phone
from sendigopro.foundation.postgres import Conn, Pool, connect_pool
from sendigopro.vault import macs, store
from sendigopro.vault.keys import KeyErasedError
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.sealing import UnreadableError
from sendigopro.vault.tree import KeyTree
from sendigopro.vault.vault import Vault
from sendigopro.vault.warm import warm_meeting
from tests.vaults import OpenVault

ANNA, BEN = parse_phone("+4915112345678"), parse_phone("+12025550123")


def numbers(count: int, start: int = 10_000_000) -> list[PhoneNumber]:
    return [parse_phone(f"+49151{n}") for n in range(start, start + count)]


async def test_a_number_is_one_subject_for_ever_and_another_one_for_another_account_or_mode(
    open_vault: OpenVault,
) -> None:
    account, other = uuid4(), uuid4()
    here, there = await open_vault(), await open_vault()

    (live,) = await here.subjects_of(account, 1, [ANNA])
    (again,) = await there.subjects_of(account, 1, [ANNA])
    (test,) = await here.subjects_of(account, 0, [ANNA])
    (others,) = await here.subjects_of(other, 1, [ANNA])

    assert again == live
    assert (live.phone, live.country) == (ANNA.phone, "DE")
    assert len({live.id, test.id, others.id}) == 3
    assert len({live.key, test.key, others.key}) == 3


async def test_who_was_seen_is_known_without_waiting_and_nobody_else_is(vault: Vault) -> None:
    account = uuid4()

    assert vault.known(account, 1, ANNA) is None
    (anna,) = await vault.subjects_of(account, 1, [ANNA])

    assert vault.known(account, 1, ANNA) is anna
    assert vault.known(account, 0, ANNA) is None
    assert vault.known(account, 1, BEN) is None
    assert vault.known(uuid4(), 1, ANNA) is None


async def test_answers_come_in_the_order_asked_with_doubles_as_one(vault: Vault) -> None:
    found = await vault.subjects_of(uuid4(), 1, [ANNA, BEN, ANNA, ANNA])

    assert [subject.phone for subject in found] == [ANNA.phone, BEN.phone, ANNA.phone, ANNA.phone]
    assert found[0] is found[2] is found[3]


@pytest.mark.parametrize("planned_with", [0, 1, 700])
@pytest.mark.parametrize("first", ["SELECT 1", "VACUUM ANALYZE vault.subjects"])
async def test_finding_people_reads_their_rows_alone_however_young_the_table_was(
    vault: Vault, vault_url: str, vault_owner: Conn, planned_with: int, first: str
) -> None:
    """Planned while the table was young, a look-up took the other index and read all of its account."""
    account, everybody = uuid4(), numbers(700)
    await vault.subjects_of(account, 1, everybody[:planned_with])
    await vault_owner.execute(first)
    pool = await connect_pool(as_role(vault_url, "pipeline"), size=1, name="young", is_hot=True, warm=warm_meeting)
    known = await vault.subjects_of(account, 1, everybody)
    lookups = [vault.lookup_mac(account, macs.PHONE, one.phone.reveal()) for one in everybody[:20]]

    async with pool.acquire() as conn, conn.transaction():
        found = await store.find_subjects(conn, account_ids=[account], modes=[1], lookups=[lookups])
        read = await store.read_subjects(conn, account_id=account, ids=[subject.id for subject in known[:20]])
        rows = await conn.fetchval("SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'subjects'")
    await pool.close()

    assert {row.id for row in found} == {row.id for row in read} == {subject.id for subject in known[:20]}
    assert rows == 40


async def test_requests_that_come_together_share_a_commit(vault: Vault, vault_pool: Pool) -> None:
    account = uuid4()
    await vault.load_account(account)

    await asyncio.gather(*(vault.subjects_of(account, 1, [phone]) for phone in numbers(300)))
    commits = await vault_pool.fetchval("SELECT count(DISTINCT xmin::text) FROM vault.subjects")

    assert commits < 5


async def test_five_hundred_is_a_group_and_more_are_several(vault: Vault, vault_pool: Pool) -> None:
    found = await vault.subjects_of(uuid4(), 1, numbers(1200))
    sizes = await vault_pool.fetch("SELECT count(*) FROM vault.subjects GROUP BY xmin::text ORDER BY 1")

    assert len({subject.id for subject in found}) == 1200
    assert [row[0] for row in sizes] == [200, 500, 500]


async def test_processes_that_meet_the_same_strangers_at_once_agree_on_who_they_are(open_vault: OpenVault) -> None:
    account = uuid4()
    vaults = [await open_vault() for _ in range(4)]
    strangers = numbers(400)

    answers = await asyncio.gather(
        *(vault.subjects_of(account, 1, strangers[:: 1 if n % 2 else -1]) for n, vault in enumerate(vaults))
    )

    assert answers[1] == answers[3] == answers[0][::-1] == answers[2][::-1]


async def test_ids_open_again_only_for_the_account_they_belong_to(open_vault: OpenVault) -> None:
    account, other = uuid4(), uuid4()
    here, there = await open_vault(), await open_vault()
    anna, ben = await here.subjects_of(account, 1, [ANNA, BEN])

    assert await there.open_subjects(account, [anna.id, ben.id, uuid4()]) == {anna.id: anna, ben.id: ben}
    assert there.known(account, 1, ANNA) == anna
    assert await there.open_subjects(other, [anna.id]) == {}
    assert await here.open_subjects(other, [anna.id]) == {}


async def test_a_row_given_to_another_account_or_under_another_id_does_not_open(
    open_vault: OpenVault, vault_owner: Conn
) -> None:
    account, other = uuid4(), uuid4()
    (anna,) = await (await open_vault()).subjects_of(account, 1, [ANNA])

    await vault_owner.execute("UPDATE vault.subjects SET account_id = $1", other)
    with pytest.raises(UnreadableError):
        await (await open_vault()).open_subjects(other, [anna.id])
    moved = uuid4()
    await vault_owner.execute("UPDATE vault.subjects SET account_id = $1, id = $2", account, moved)
    with pytest.raises(UnreadableError):
        await (await open_vault()).open_subjects(account, [moved])


async def test_find_looks_but_enrols_nobody(vault: Vault, vault_pool: Pool) -> None:
    account = uuid4()

    assert await vault.find(account, 1, ANNA) is None
    assert await vault_pool.fetchval("SELECT count(*) FROM vault.subjects") == 0
    (anna,) = await vault.subjects_of(account, 1, [ANNA])
    assert await vault.find(account, 1, ANNA) == anna


async def test_an_erased_subject_cannot_be_read_by_any_process_and_comes_back_as_a_stranger(
    open_vault: OpenVault, keys: KeyTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = uuid4()
    here, there = await open_vault(), await open_vault()
    anna, ben = await here.subjects_of(account, 1, [ANNA, BEN])
    await there.open_subjects(account, [anna.id, ben.id])

    keys.erase([anna.slot])
    later = clock.monotonic() + 0.31  # how long a cache may be believed without a look
    monkeypatch.setattr(clock, "monotonic", lambda: later)

    for vault in (here, there):
        assert vault.known(account, 1, ANNA) is None
        assert vault.known(account, 1, BEN) == ben
        assert await vault.open_subjects(account, [anna.id, ben.id]) == {ben.id: ben}
        assert await vault.find(account, 1, ANNA) is None
    (new,) = await here.subjects_of(account, 1, [ANNA])
    assert new.id != anna.id
    assert new.key != anna.key
    assert await (await open_vault()).open_subjects(account, [anna.id, new.id]) == {new.id: new}


async def test_last_seen_is_written_later_once_a_day_and_not_for_who_was_seen_today(
    open_vault: OpenVault, vault_owner: Conn
) -> None:
    account = uuid4()
    await (await open_vault()).subjects_of(account, 1, [ANNA, BEN])
    old = date(2020, 1, 1)
    await vault_owner.execute("UPDATE vault.subjects SET last_seen = $1 WHERE country = 'DE'", old)
    before = await vault_owner.fetchval("SELECT xmin::text FROM vault.subjects WHERE country = 'US'")

    vault = await open_vault()
    await vault.subjects_of(account, 1, [ANNA, BEN])
    await vault.close()

    assert await vault_owner.fetchval("SELECT last_seen FROM vault.subjects WHERE country = 'DE'") == clock.today()
    assert await vault_owner.fetchval("SELECT xmin::text FROM vault.subjects WHERE country = 'US'") == before


async def test_the_day_after_everybody_is_looked_up_once_more(
    vault: Vault, vault_owner: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = uuid4()
    await vault.subjects_of(account, 1, [ANNA])
    tomorrow, later = date.fromordinal(clock.today().toordinal() + 1), clock.monotonic() + 1
    monkeypatch.setattr(clock, "today", lambda: tomorrow)
    monkeypatch.setattr(clock, "monotonic", lambda: later)

    assert vault.known(account, 1, ANNA) is None
    await vault.subjects_of(account, 1, [ANNA])
    await vault.close()

    assert await vault_owner.fetchval("SELECT last_seen FROM vault.subjects") == tomorrow


async def test_a_day_has_one_key_for_all_processes_and_dies_with_it(
    open_vault: OpenVault, keys: KeyTree, vault_pool: Pool
) -> None:
    account, day = uuid4(), date(2030, 1, 31)
    vaults = [await open_vault() for _ in range(3)]

    assert vaults[0].bucket_key_known(account, day) is None
    found = await asyncio.gather(*(vault.bucket_key(account, day) for vault in vaults for _ in range(10)))
    others = {await vaults[0].bucket_key(account, date(2030, 2, 1)), await vaults[0].bucket_key(uuid4(), day)}

    assert len({*found}) == 1
    assert len({found[0], *others}) == 3
    assert vaults[1].bucket_key_known(account, day) == found[0]
    slot = await vault_pool.fetchval(
        "SELECT slot FROM vault.buckets WHERE account_id = $1 AND bucket = $2", account, day
    )
    keys.erase([slot])
    with pytest.raises(KeyErasedError):
        await (await open_vault()).bucket_key(account, day)


async def test_account_secrets_open_for_that_account_and_place_only(open_vault: OpenVault) -> None:
    account, row = uuid4(), uuid4()
    here, there = await open_vault(), await open_vault()
    sealed = await here.seal_account(account, "endpoints", "url", row, b"https://example.org/hook")

    assert await there.open_account(account, "endpoints", "url", row, sealed) == b"https://example.org/hook"
    for place in [(PLATFORM, "endpoints", "url", row), (account, "endpoints", "secret", row)]:
        with pytest.raises(UnreadableError):
            await there.open_account(*place, sealed)


async def test_macs_agree_between_processes_and_differ_between_accounts(open_vault: OpenVault) -> None:
    account, other = uuid4(), uuid4()
    here, there = await open_vault(), await open_vault()

    async def all_of(vault: Vault, of: UUID) -> list[bytes]:
        await vault.load_account(of)
        return [
            vault.suppression_mac(of, ANNA.phone),
            vault.lookup_mac(of, 1, "x"),
            vault.tag_mac(of, "x"),
            await vault.idempotency_mac(of, "x"),
            await vault.body_mac(of, b"x"),
        ]

    assert await all_of(here, account) == await all_of(there, account)
    assert set(await all_of(here, account)).isdisjoint(await all_of(here, other))


async def test_asking_for_a_mac_of_an_account_that_was_not_loaded_is_a_mistake_that_says_what_to_do(
    vault: Vault,
) -> None:
    with pytest.raises(RuntimeError, match="load_account"):
        vault.tag_mac(uuid4(), "x")


async def test_who_waits_is_told_when_the_database_is_gone_and_the_next_one_is_served(
    vault: Vault, vault_owner: Conn
) -> None:
    account = uuid4()
    await vault.load_account(account)
    await vault_owner.execute("REVOKE INSERT ON vault.subjects FROM pipeline")

    answers = await asyncio.gather(
        *(vault.subjects_of(account, 1, [phone]) for phone in (ANNA, BEN)), return_exceptions=True
    )
    await vault_owner.execute("GRANT INSERT ON vault.subjects TO pipeline")

    assert all(isinstance(answer, Exception) for answer in answers)
    assert len(await vault.subjects_of(account, 1, [ANNA, BEN])) == 2


async def test_what_memory_holds_of_people_gives_the_collector_nothing_to_look_at(vault: Vault) -> None:
    (anna,) = await vault.subjects_of(uuid4(), 1, [ANNA])

    held = [anna, *(getattr(anna, name) for name in anna.__struct_fields__)]

    assert not any(gc.is_tracked(one) for one in held)


async def test_memory_is_bounded_however_many_are_seen(vault_pool: Pool, keys: KeyTree) -> None:
    account = uuid4()
    vault = Vault(vault_pool, keys, subjects_max=100)

    await vault.subjects_of(account, 1, numbers(1000))
    known = sum(vault.known(account, 1, phone) is not None for phone in numbers(1000))
    await vault.close()
    gc.collect()

    assert 0 < known <= 100
