"""A chain grows at its end only, with what it tells of, and nobody changes what stands in it."""

import asyncio
import json
from collections.abc import Iterator

import asyncpg
import pytest

from sendigopro.audit import sealed, store
from sendigopro.audit.chain import commitment_of, hash_of, told
from sendigopro.audit.model import NO_HASH, Action, Actor, ActorKind, Stored
from sendigopro.audit.record import record
from sendigopro.foundation import ids
from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.foundation.postgres import as_account
from tests.audit.conftest import ALL, Ledger, new_account
from tests.databases import copied

WRITERS, EACH = 8, 25


@pytest.fixture(scope="module")
def main_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """One for all tests of a file: each makes an account of its own."""
    yield from copied(server, "main")


async def stored_of(ledger: Ledger) -> list[Stored]:
    async with as_account(ledger.door, ledger.account_id) as conn:
        return await store.read_after(conn, account_id=ledger.account_id, after_n=0, until_n=ALL, limit=ALL)


async def is_whole(ledger: Ledger) -> bool:
    """Whether each entry follows the one before and has the hash that it should have."""
    before = NO_HASH
    for n, one in enumerate(await stored_of(ledger), 1):
        if (one.entry.n, one.prev_hash, one.hash) != (n, before, hash_of(before, told(one.entry))):
            return False
        before = one.hash
    return True


async def test_an_entry_is_read_back_as_it_was_written(ledger: Ledger) -> None:
    facts = {"mode": "live", "days": 3, "is_default": True, "scopes": ["a.read", "b"], "reason": None}
    request_id = ids.typed("req", ids.new())
    written = await ledger.write(Action.KEY_CREATED, target="key_1", facts=facts, request_id=request_id)

    (found,) = await stored_of(ledger)
    assert found.entry == written
    assert (found.entry.n, found.entry.facts, found.entry.request_id) == (1, facts, request_id)
    assert found.hash == hash_of(NO_HASH, told(written))


async def test_an_entry_is_rolled_back_with_the_change_it_tells_of(ledger: Ledger) -> None:
    await ledger.write()

    async def change_and_fail() -> None:
        async with as_account(ledger.door, ledger.account_id) as conn:
            await ledger.append(conn, Action.RETENTION_SET)
            await conn.execute("INSERT INTO main.standing SELECT $1, '', 0, 'no such state'", ledger.account_id)

    with pytest.raises(asyncpg.CheckViolationError):
        await change_and_fail()
    await ledger.write()

    assert await ledger.numbers() == [1, 2]
    assert await is_whole(ledger)


async def test_an_entry_outside_a_transaction_is_refused(ledger: Ledger) -> None:
    async with ledger.door.acquire() as conn:
        with pytest.raises(AssertionError):
            await ledger.append(conn)


async def test_writers_at_once_make_one_chain_without_a_fork(ledger: Ledger) -> None:
    async def write_many() -> None:
        for _ in range(EACH):
            await ledger.write()

    await asyncio.gather(*(write_many() for _ in range(WRITERS)))

    found = await stored_of(ledger)
    assert [one.entry.n for one in found] == list(range(1, WRITERS * EACH + 1))
    assert len({one.prev_hash for one in found}) == WRITERS * EACH
    assert [one.entry.at for one in found] == sorted(one.entry.at for one in found)
    assert await is_whole(ledger)


async def test_accounts_have_chains_of_their_own_and_do_not_wait_for_each_other(ledger: Ledger) -> None:
    other = await new_account(ledger.databases, ledger.vault)
    async with as_account(ledger.door, ledger.account_id) as conn:
        await ledger.append(conn)
        async with asyncio.timeout(10), as_account(ledger.door, other) as second:
            entry = await record(second, account_id=other, actor=ledger.actor, action=Action.KEY_CREATED)

    assert entry.n == 1
    assert await ledger.numbers() == [1]


@pytest.mark.parametrize("role", ["door", "pipeline", "owner"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE main.audit_log SET action = 'key.revoked'",
        "UPDATE main.audit_log SET n = n + 1000",
        "DELETE FROM main.audit_log",
        "TRUNCATE main.audit_log",
    ],
)
async def test_nobody_changes_or_removes_an_entry(ledger: Ledger, role: str, statement: str) -> None:
    await ledger.write()
    conn = await ledger.databases.main(role)
    await conn.execute(f"SET sendigopro.account_id = '{ledger.account_id}'")

    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.RestrictViolationError)):
        await conn.execute(statement)

    assert await ledger.numbers() == [1]


@pytest.mark.parametrize(("n", "prev_hash"), [(1, NO_HASH), (3, b"\x01" * 32), (2, NO_HASH)])
async def test_the_database_refuses_an_entry_anywhere_but_at_the_end(ledger: Ledger, n: int, prev_hash: bytes) -> None:
    await ledger.write()
    (first,) = await stored_of(ledger)
    owner = await ledger.databases.main("owner")

    with pytest.raises((asyncpg.RestrictViolationError, asyncpg.UniqueViolationError)):
        await owner.execute(
            """
            INSERT INTO main.audit_log (account_id, n, id, at, actor_kind, action, facts, prev_hash, hash)
            VALUES ($1, $2, $3, now(), 'system', 'key.created', '{}', $4, $5)
            """,
            ledger.account_id, n, ids.new(), prev_hash, first.hash,
        )  # fmt: skip


async def test_a_closed_account_takes_its_whole_chain_along(ledger: Ledger) -> None:
    await ledger.write()
    owner = await ledger.databases.main("owner")
    await owner.execute("UPDATE main.accounts SET closed_at = now() WHERE id = $1", ledger.account_id)

    await owner.execute("DELETE FROM main.audit_log WHERE account_id = $1", ledger.account_id)

    assert await ledger.numbers() == []


async def test_another_account_sees_nothing_and_writes_nothing(ledger: Ledger) -> None:
    await ledger.write(
        beside=await sealed.seal(ledger.vault, account_id=ledger.account_id, values={"mail": "a@b.example"})
    )
    other = await new_account(ledger.databases, ledger.vault)
    async with as_account(ledger.door, other) as conn:
        seen = [
            *await conn.fetch("SELECT n FROM main.audit_log"),
            *await conn.fetch("SELECT id FROM main.audit_personal"),
        ]
        asked = await store.read_after(conn, account_id=ledger.account_id, after_n=0, until_n=ALL, limit=ALL)
        erased = await conn.execute("DELETE FROM main.audit_personal")

    assert (seen, asked, erased) == ([], [], "DELETE 0")
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.RestrictViolationError)):
        async with as_account(ledger.door, other) as conn:
            await ledger.append(conn)


async def test_without_an_account_a_door_sees_nothing(ledger: Ledger) -> None:
    await ledger.write()
    door = await ledger.databases.main("door")

    assert await door.fetch("SELECT 1 FROM main.audit_log") == []


async def test_who_is_erased_leaves_the_chain_whole_and_nothing_of_themselves(ledger: Ledger) -> None:
    member, mail = ids.new(), "anna@example.com"
    target = ids.typed("mem", member)
    about = await sealed.seal(ledger.vault, account_id=ledger.account_id, values={"mail": mail})
    of_another = await sealed.seal(ledger.vault, account_id=ledger.account_id, values={"mail": "ben@example.com"})
    await ledger.write(Action.MEMBER_ADDED, target=target, beside=about)
    await ledger.write(Action.MEMBER_ADDED, target="mem_other", beside=of_another)
    before = await stored_of(ledger)
    assert await sealed.open_beside(ledger.vault, before[0]) is not None

    async with as_account(ledger.door, ledger.account_id) as conn:
        erased = await store.erase_personal(conn, account_id=ledger.account_id, actor_id=member, target=target)

    after = await stored_of(ledger)
    assert erased == 1
    assert await sealed.open_beside(ledger.vault, after[0]) is None
    assert await sealed.open_beside(ledger.vault, after[1]) is not None
    assert [one.hash for one in after] == [one.hash for one in before]
    assert await is_whole(ledger)


async def test_what_a_member_did_is_erased_with_the_member_too(ledger: Ledger) -> None:
    member = ids.new()
    beside = await sealed.seal(ledger.vault, account_id=ledger.account_id, values={"address": "192.0.2.0/24"})
    async with as_account(ledger.door, ledger.account_id) as conn:
        await record(
            conn, account_id=ledger.account_id, actor=Actor(ActorKind.MEMBER, member), action=Action.SESSION_STARTED,
            beside=beside,
        )  # fmt: skip
        erased = await store.erase_personal(conn, account_id=ledger.account_id, actor_id=member, target="mem_x")

    assert erased == 1


async def test_what_stands_beside_an_entry_is_what_the_entry_commits_to(ledger: Ledger) -> None:
    values = {"mail": "anna@example.com", "name": "Zoë"}
    await ledger.write(beside=await sealed.seal(ledger.vault, account_id=ledger.account_id, values=values))
    (found,) = await stored_of(ledger)

    opened = await sealed.open_beside(ledger.vault, found)

    assert opened is not None
    assert opened["values"] == values
    assert commitment_of(bytes.fromhex(opened["salt"]), values) == found.entry.commitment
    assert found.sealed is not None
    assert b"anna" not in found.sealed


async def test_no_column_of_the_log_holds_what_was_sealed_beside_it(ledger: Ledger) -> None:
    values = {"mail": "canary-4711@example.com"}
    await ledger.write(beside=await sealed.seal(ledger.vault, account_id=ledger.account_id, values=values))
    owner = await ledger.databases.main("owner")
    rows = await owner.fetch(
        "SELECT to_jsonb(l) AS log, to_jsonb(p) AS beside FROM main.audit_log l, main.audit_personal p"
    )

    assert rows
    assert "canary" not in json.dumps([[row["log"], row["beside"]] for row in rows])
