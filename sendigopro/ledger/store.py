"""Credit and its ledger: each statement moves the purse and writes the entry, or does neither.

All lock purses in the order of their account ids, so that groups of accounts never wait for each other in a circle.
Do not call two of them in one transaction with different accounts: `charge` also releases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn


@dataclass(frozen=True, slots=True)
class Credit:
    """An account's purse."""

    currency: str
    balance_micros: int
    held_micros: int
    limit_micros: int | None
    """How far below zero the balance may go; None: nothing is held, and nothing refused."""


async def read_credit(conn: Conn, *, account_id: UUID) -> Credit | None:
    row = await conn.fetchrow(
        "SELECT currency, balance_micros, held_micros, limit_micros FROM main.credit WHERE account_id = $1", account_id
    )
    return None if row is None else Credit(*row)


async def hold(conn: Conn, *, account_ids: Sequence[UUID], needed: Sequence[int]) -> dict[UUID, int]:
    """Hold as much of what is needed as credit allows. Accounts without a limit are not in the answer."""
    rows = await conn.fetch(
        """
        WITH asked AS (SELECT * FROM unnest($1::uuid[], $2::bigint[]) AS a (account_id, needed)),
        locked AS MATERIALIZED (
            SELECT account_id
              FROM main.credit
             WHERE account_id = ANY($1) AND limit_micros IS NOT NULL
             ORDER BY account_id
               FOR UPDATE
        )
        UPDATE main.credit c
           SET held_micros = c.held_micros
                             + least(asked.needed, greatest(0, c.balance_micros + c.limit_micros - c.held_micros))
          FROM asked
          JOIN locked USING (account_id)
         WHERE c.account_id = asked.account_id AND c.account_id = ANY($1)
        RETURNING c.account_id, new.held_micros - old.held_micros
        """,
        account_ids,
        needed,
    )
    return {row[0]: row[1] for row in rows}


async def release(conn: Conn, *, account_ids: Sequence[UUID], amounts: Sequence[int]) -> None:
    """Give back what was held."""
    await charge(conn, account_ids=account_ids, amounts=[0] * len(account_ids), held=amounts)


async def charge(
    conn: Conn,
    *,
    account_ids: Sequence[UUID],
    amounts: Sequence[int],
    held: Sequence[int],
    reference: str = "messages",
) -> None:
    """Take `amounts` from the balance and give back `held`: of what is charged now, and of what came to nothing."""
    await conn.execute(
        """
        WITH asked AS (
            SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[]) AS a (account_id, amount, held, id)
        ),
        locked AS MATERIALIZED (
            SELECT account_id FROM main.credit WHERE account_id = ANY($1) ORDER BY account_id FOR UPDATE
        ),
        charged AS (
            UPDATE main.credit c
               SET balance_micros = c.balance_micros - asked.amount, held_micros = c.held_micros - asked.held
              FROM asked
              JOIN locked USING (account_id)
             WHERE c.account_id = asked.account_id AND c.account_id = ANY($1)
            RETURNING c.account_id, asked.id, asked.amount, c.currency
        )
        INSERT INTO main.ledger_entries (account_id, id, from_book, to_book, amount_micros, currency, reference)
        SELECT account_id, id, 'account', 'revenue', amount, currency, $5
          FROM charged
         WHERE amount > 0
        """,
        account_ids,
        amounts,
        held,
        [ids.new() for _ in account_ids],
        reference,
    )


async def pay_in(conn: Conn, *, account_id: UUID, amount_micros: int, reference: str) -> Credit | None:
    """Raise the balance; None when there is no such account."""
    row = await conn.fetchrow(
        """
        WITH paid AS (
            UPDATE main.credit SET balance_micros = balance_micros + $2 WHERE account_id = $1
            RETURNING account_id, currency, balance_micros, held_micros, limit_micros
        ),
        written AS (
            INSERT INTO main.ledger_entries (account_id, id, from_book, to_book, amount_micros, currency, reference)
            SELECT account_id, $3, 'paid_in', 'account', $2, currency, $4 FROM paid
        )
        SELECT currency, balance_micros, held_micros, limit_micros FROM paid
        """,
        account_id,
        amount_micros,
        ids.new(),
        reference,
    )
    return None if row is None else Credit(*row)


async def set_limit(conn: Conn, *, account_id: UUID, limit_micros: int | None) -> Credit | None:
    """How far below zero the balance may go from now on; what is held already stays held."""
    row = await conn.fetchrow(
        """
        UPDATE main.credit SET limit_micros = $2 WHERE account_id = $1
        RETURNING currency, balance_micros, held_micros, limit_micros
        """,
        account_id,
        limit_micros,
    )
    return None if row is None else Credit(*row)


async def sums_of_books(conn: Conn, *, account_id: UUID) -> dict[str, int]:
    """What each book holds by the entries alone: `account` is the balance, and all together are zero."""
    rows = await conn.fetch(
        """
        SELECT book, sum(amount)::bigint
          FROM main.ledger_entries
         CROSS JOIN LATERAL (VALUES (from_book, -amount_micros), (to_book, amount_micros)) AS side (book, amount)
         WHERE account_id = $1
         GROUP BY book
        """,
        account_id,
    )
    return {row[0]: row[1] for row in rows}
