"""The SQL of what an account has settled of itself, of its end, and of the accounts it has."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn


@dataclass(frozen=True, slots=True)
class Account:
    """A row of `accounts`, as its members may see it."""

    id: UUID
    name: bytes = field(repr=False)
    currency: str
    on_unclear: str
    default_purpose: str
    networks: bytes | None = field(repr=False)
    """From where the console is opened, sealed; None: from anywhere."""
    closing_at: datetime | None
    closes_at: datetime | None
    parent_id: UUID | None


@dataclass(frozen=True, slots=True)
class Child:
    """An account of an account, and how much it sent within a day."""

    id: UUID
    currency: str
    rate_per_second: int | None
    limit_micros: int | None
    keys: int
    sent: int
    closing_at: datetime | None
    created_at: datetime


async def read_account(conn: Conn, *, account_id: UUID) -> Account | None:
    row = await conn.fetchrow(
        """
        SELECT id, name, currency, on_unclear, default_purpose, console_networks, closing_at, closes_at, parent_id
          FROM main.accounts WHERE id = $1
        """,
        account_id,
    )
    return None if row is None else Account(*row)


async def set_settings(
    conn: Conn, *, account_id: UUID, name: bytes | None, on_unclear: str, default_purpose: str
) -> None:
    """Without a name it keeps the one it has."""
    await conn.execute(
        """
        UPDATE main.accounts SET name = coalesce($2, name), on_unclear = $3, default_purpose = $4 WHERE id = $1
        """,
        account_id,
        name,
        on_unclear,
        default_purpose,
    )


async def set_networks(conn: Conn, *, account_id: UUID, networks: bytes | None) -> None:
    await conn.execute("UPDATE main.accounts SET console_networks = $2 WHERE id = $1", account_id, networks)


async def begin_closing(conn: Conn, *, account_id: UUID, closes_at: datetime) -> bool:
    """False when it is being closed already."""
    done: str = await conn.execute(
        """
        UPDATE main.accounts SET closing_at = now(), closes_at = $2
         WHERE id = $1 AND closing_at IS NULL AND closed_at IS NULL
        """,
        account_id,
        closes_at,
    )
    return done.endswith(" 1")


async def undo_closing(conn: Conn, *, account_id: UUID) -> bool:
    """False when it is not being closed, or it is too late."""
    done: str = await conn.execute(
        """
        UPDATE main.accounts SET closing_at = NULL, closes_at = NULL
         WHERE id = $1 AND closes_at > now() AND closed_at IS NULL
        """,
        account_id,
    )
    return done.endswith(" 1")


# Accounts of an account: as `pipeline`, for row level security shows one account at a time


async def count_children(conn: Conn, *, account_id: UUID) -> int:
    """Those that are not gone yet."""
    count: int = await conn.fetchval("SELECT count(*) FROM main.accounts WHERE parent_id = $1", account_id)
    return count


async def lock_parent(conn: Conn, *, account_id: UUID) -> UUID | None:
    """Whose account this is; until the transaction ends nobody else makes one in it."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('children ' || $1, 0))", str(account_id))
    parent: UUID | None = await conn.fetchval("SELECT parent_id FROM main.accounts WHERE id = $1", account_id)
    return parent


async def is_child(conn: Conn, *, account_id: UUID, child_id: UUID) -> bool:
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT FROM main.accounts WHERE id = $2 AND parent_id = $1 AND closed_at IS NULL)",
        account_id,
        child_id,
    )
    return found


async def list_children(conn: Conn, *, account_id: UUID, mode: int, since: datetime, limit: int) -> Sequence[Child]:
    rows = await conn.fetch(
        """
        SELECT a.id, a.currency, a.rate_per_second, c.limit_micros,
               (SELECT count(*) FROM main.api_keys k WHERE k.account_id = a.id AND k.revoked_at IS NULL),
               (SELECT coalesce(sum(t.n), 0)::bigint FROM main.tallies t
                 WHERE t.account_id = a.id AND t.mode = $2 AND t.hour >= $3),
               a.closing_at, a.created_at
          FROM main.accounts a
          JOIN main.credit c ON c.account_id = a.id
         WHERE a.parent_id = $1 AND a.closed_at IS NULL
         ORDER BY a.id
         LIMIT $4
        """,
        account_id,
        mode,
        since,
        limit,
    )
    return [Child(*row) for row in rows]


async def set_rate(conn: Conn, *, account_id: UUID, rate_per_second: int | None) -> None:
    """How many requests a second; None: the installation's."""
    await conn.execute(
        "UPDATE main.accounts SET rate_per_second = $2, burst = NULL WHERE id = $1", account_id, rate_per_second
    )


async def read_currency(conn: Conn, *, account_id: UUID) -> str:
    currency: str = await conn.fetchval("SELECT currency FROM main.accounts WHERE id = $1", account_id)
    return currency
