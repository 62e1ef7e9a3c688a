"""The SQL of the terms that accounts have chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sendigopro.accounts.retention_terms import RetentionClock, RetentionTerms
from sendigopro.foundation.postgres import Conn


@dataclass(frozen=True, slots=True)
class StoredTerm:
    """A term as it was set."""

    product: str
    clock: RetentionClock
    days: int
    reason: bytes | None = field(repr=False)
    set_at: datetime | None
    """None: it was never set."""


@dataclass(frozen=True, slots=True)
class Unswept:
    """A term by which rows must be looked for, and how far that has been done."""

    account_id: UUID
    product: str
    clock: RetentionClock
    days: int
    swept_before: date | None


async def read_terms_of_everyone(conn: Conn) -> Mapping[UUID, RetentionTerms]:
    """By account; one that has chosen nothing is absent."""
    rows = await conn.fetch("SELECT account_id, product, clock, days FROM main.retention_terms")
    chosen: dict[UUID, dict[tuple[str, RetentionClock], int]] = {}
    for row in rows:
        chosen.setdefault(row["account_id"], {})[row["product"], RetentionClock(row["clock"])] = row["days"]
    return {account_id: RetentionTerms(terms) for account_id, terms in chosen.items()}


async def read_terms(conn: Conn, *, account_id: UUID) -> RetentionTerms:
    """Those of one account, as they are at this moment."""
    rows = await conn.fetch("SELECT product, clock, days FROM main.retention_terms WHERE account_id = $1", account_id)
    return RetentionTerms({(row["product"], RetentionClock(row["clock"])): row["days"] for row in rows})


async def list_terms(conn: Conn, *, account_id: UUID) -> list[StoredTerm]:
    rows = await conn.fetch(
        "SELECT product, clock, days, reason, set_at FROM main.retention_terms WHERE account_id = $1", account_id
    )
    return [StoredTerm(row[0], RetentionClock(row[1]), row[2], row[3], row[4]) for row in rows]


async def put_term(
    conn: Conn,
    *,
    account_id: UUID,
    product: str,
    clock: RetentionClock,
    days: int,
    reason: bytes | None,
    key_id: UUID | None,
) -> datetime:
    """Set one; when it was set. How far rows have been ended stays as it is, so a shorter term ends what it reaches."""
    set_at: datetime = await conn.fetchval(
        """
        INSERT INTO main.retention_terms (account_id, product, clock, days, reason, key_id)
        VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (account_id, product, clock)
            DO UPDATE SET days = $4, reason = $5, key_id = $6, set_at = now()
        RETURNING set_at
        """,
        account_id,
        product,
        clock,
        days,
        reason,
        key_id,
    )
    return set_at


async def unswept_of_everyone(conn: Conn) -> list[Unswept]:
    """RetentionTerms of messages; people are found by the vault itself."""
    rows = await conn.fetch(
        """
        SELECT account_id, product, clock, days, swept_before
          FROM main.retention_terms
         WHERE clock <> $1
         ORDER BY account_id, product, clock
        """,
        RetentionClock.IDENTIFIER,
    )
    return [Unswept(row[0], row[1], RetentionClock(row[2]), row[3], row[4]) for row in rows]


async def mark_swept(conn: Conn, *, account_id: UUID, product: str, clock: RetentionClock, before: date) -> None:
    await conn.execute(
        """
        UPDATE main.retention_terms SET swept_before = $4
         WHERE account_id = $1 AND product = $2 AND clock = $3
        """,
        account_id,
        product,
        clock,
        before,
    )
