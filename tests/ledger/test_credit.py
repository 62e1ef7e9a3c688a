"""Credit is never overdrawn however many want it at once, and every movement is in the ledger for ever."""

import asyncio
import random
from collections.abc import Iterator
from uuid import UUID

import asyncpg
import pytest

from sendigopro.accounts.create import create_account
from sendigopro.foundation.database_urls import as_role
from sendigopro.foundation.embedded import EmbeddedServer
from sendigopro.foundation.postgres import Conn, Pool, connect_pool
from sendigopro.ledger import store
from sendigopro.vault.vault import Vault
from tests.databases import copied


@pytest.fixture(scope="module")
def main_url(server: EmbeddedServer, templates: None) -> Iterator[str]:  # noqa: ARG001  # it migrates
    """One for all: each test makes an account of its own."""
    yield from copied(server, "main")


async def make(owner: Conn, vault: Vault, *, balance: int = 0, limit: int | None = 0) -> UUID:
    account_id = await create_account(owner, vault, name="Acme")
    assert account_id is not None
    if balance:
        await store.pay_in(owner, account_id=account_id, amount_micros=balance, reference="test")
    await store.set_limit(owner, account_id=account_id, limit_micros=limit)
    return account_id


async def credit_of(conn: Conn, account_id: UUID) -> tuple[int, int]:
    credit = await store.read_credit(conn, account_id=account_id)
    assert credit is not None
    return credit.balance_micros, credit.held_micros


async def test_a_hundred_who_hold_at_once_never_get_more_than_there_is(
    main_owner: Conn, main_url: str, vault: Vault
) -> None:
    account_id = await make(main_owner, vault, balance=1_000_000, limit=500_000)
    pool = await connect_pool(as_role(main_url, "pipeline"), size=100, name="test")
    together = asyncio.Barrier(100)

    async def take() -> int:
        async with pool.acquire() as conn:
            await together.wait()
            granted = await store.hold(conn, account_ids=[account_id], needed=[20_000])
        return granted[account_id]

    granted = await asyncio.gather(*(take() for _ in range(100)))
    await pool.close()

    assert sum(granted) == 1_500_000
    assert sorted(set(granted)) == [0, 20_000]
    assert await credit_of(main_owner, account_id) == (1_000_000, 1_500_000)


async def test_what_is_left_is_granted_in_part(main_owner: Conn, vault: Vault) -> None:
    account_id = await make(main_owner, vault, balance=100, limit=20)

    assert await store.hold(main_owner, account_ids=[account_id], needed=[90]) == {account_id: 90}
    assert await store.hold(main_owner, account_ids=[account_id], needed=[90]) == {account_id: 30}
    assert await store.hold(main_owner, account_ids=[account_id], needed=[90]) == {account_id: 0}


async def test_an_account_without_a_limit_holds_nothing_and_is_never_refused(main_owner: Conn, vault: Vault) -> None:
    free, bound = await make(main_owner, vault, limit=None), await make(main_owner, vault, balance=10)

    granted = await store.hold(main_owner, account_ids=[free, bound], needed=[50, 50])
    await store.charge(main_owner, account_ids=[free], amounts=[50], held=[0])

    assert granted == {bound: 10}
    assert await credit_of(main_owner, free) == (-50, 0)


async def test_a_limit_set_below_what_is_used_grants_nothing_more_and_takes_nothing_back(
    main_owner: Conn, vault: Vault
) -> None:
    account_id = await make(main_owner, vault, balance=0, limit=100)
    await store.hold(main_owner, account_ids=[account_id], needed=[80])

    await store.set_limit(main_owner, account_id=account_id, limit_micros=10)

    assert await store.hold(main_owner, account_ids=[account_id], needed=[5]) == {account_id: 0}
    assert await credit_of(main_owner, account_id) == (0, 80)


async def test_charging_and_releasing_empty_the_hold_and_write_one_entry_for_each_account(
    main_owner: Conn, vault: Vault
) -> None:
    one, two = await make(main_owner, vault, balance=1000), await make(main_owner, vault, balance=1000)
    await store.hold(main_owner, account_ids=[one, two], needed=[100, 200])

    await store.charge(main_owner, account_ids=[one, two], amounts=[70, 0], held=[100, 150])
    await store.release(main_owner, account_ids=[two], amounts=[50])

    assert await credit_of(main_owner, one) == (930, 0)
    assert await credit_of(main_owner, two) == (1000, 0)
    assert await store.sums_of_books(main_owner, account_id=one) == {"account": 930, "paid_in": -1000, "revenue": 70}
    assert await store.sums_of_books(main_owner, account_id=two) == {"account": 1000, "paid_in": -1000}


async def test_more_is_never_released_than_was_held(main_owner: Conn, vault: Vault) -> None:
    account_id = await make(main_owner, vault, balance=1000)

    with pytest.raises(asyncpg.CheckViolationError):
        await store.release(main_owner, account_ids=[account_id], amounts=[1])


async def test_a_transaction_that_fails_leaves_no_hold_and_no_entry(main_owner: Conn, vault: Vault) -> None:
    account_id = await make(main_owner, vault, balance=1000)

    transaction = main_owner.transaction()
    await transaction.start()
    await store.hold(main_owner, account_ids=[account_id], needed=[500])
    await store.charge(main_owner, account_ids=[account_id], amounts=[10], held=[10])
    await transaction.rollback()

    assert await credit_of(main_owner, account_id) == (1000, 0)
    assert await store.sums_of_books(main_owner, account_id=account_id) == {"account": 1000, "paid_in": -1000}


async def test_whatever_happens_at_once_the_books_are_zero_together_and_agree_with_the_purse(
    main_owner: Conn, main_url: str, vault: Vault
) -> None:
    accounts = [await make(main_owner, vault, balance=50_000, limit=10_000 * n) for n in range(5)]
    pool = await connect_pool(as_role(main_url, "pipeline"), size=20, name="test")
    left = dict.fromkeys(accounts, 0)

    async def work(seed: int) -> None:
        rng = random.Random(seed)  # noqa: S311  # the same work every time
        for _ in range(15):
            chosen = rng.sample(accounts, 3)  # in any order: the statements lock in theirs
            async with pool.acquire() as conn, conn.transaction():
                held = await store.hold(conn, account_ids=chosen, needed=[rng.randint(1, 3000) for _ in chosen])
            order = rng.sample(sorted(held), 3)
            amounts = [rng.randint(0, held[one]) for one in order]
            async with pool.acquire() as conn, conn.transaction():
                await store.charge(conn, account_ids=order, amounts=amounts, held=[held[one] for one in order])
            for one, amount in zip(order, amounts, strict=True):
                left[one] += amount

    await asyncio.gather(*(work(seed) for seed in range(20)))
    await pool.close()

    for number, account_id in enumerate(accounts):
        balance, held = await credit_of(main_owner, account_id)
        books = await store.sums_of_books(main_owner, account_id=account_id)
        assert sum(books.values()) == 0
        assert books["account"] == balance == 50_000 - left[account_id]
        assert held == 0
        assert balance >= -10_000 * number


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE main.ledger_entries SET amount_micros = 1",
        "DELETE FROM main.ledger_entries",
        "TRUNCATE main.ledger_entries",
    ],
)
@pytest.mark.parametrize("role", ["pipeline", "door"])
async def test_nobody_who_runs_the_product_can_change_the_ledger(main_url: str, role: str, statement: str) -> None:
    conn = await asyncpg.connect(as_role(main_url, "door" if role == "door" else "pipeline"))

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute(statement)
    await conn.close()


async def test_the_hot_path_has_the_rights_it_needs(main_owner: Conn, main_pool: Pool, vault: Vault) -> None:
    account_id = await make(main_owner, vault, balance=1000)

    async with main_pool.acquire() as conn:
        await store.hold(conn, account_ids=[account_id], needed=[10])
        await store.charge(conn, account_ids=[account_id], amounts=[4], held=[10])

    assert await credit_of(main_owner, account_id) == (996, 0)
