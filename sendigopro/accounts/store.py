"""Every statement about accounts, members and API keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sendigopro.accounts.model import ListedKey
from sendigopro.foundation.postgres import Conn

CHANNEL = "sendigopro_config"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A live key with what its account has settled."""

    account_id: UUID
    id: UUID
    mode: int
    hash: bytes
    scopes: Sequence[str]
    purpose: str
    key_rate_per_second: int | None
    currency: str
    on_unclear: str
    rate_per_second: int | None
    burst: int | None
    state: str
    """Of the account: whether it is live."""


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """An account as the operator lists it."""

    id: UUID
    name: bytes
    currency: str
    balance_micros: int
    held_micros: int
    limit_micros: int | None
    keys: int
    created_at: datetime
    closed_at: datetime | None


async def insert_account(
    conn: Conn, *, account_id: UUID, name: bytes, currency: str, is_first: bool, parent_id: UUID | None = None
) -> bool:
    """False when there is a first account already and this was to be it."""
    done: str = await conn.execute(
        """
        INSERT INTO main.accounts (id, name, currency, is_first, parent_id)
        VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (is_first) WHERE is_first DO NOTHING
        """,
        account_id,
        name,
        currency,
        is_first,
        parent_id,
    )
    return done.endswith(" 1")


async def insert_credit(conn: Conn, *, account_id: UUID, currency: str) -> None:
    """An empty purse without a limit."""
    await conn.execute("INSERT INTO main.credit (account_id, currency) VALUES ($1, $2)", account_id, currency)


async def find_first_account(conn: Conn) -> UUID | None:
    account_id: UUID | None = await conn.fetchval("SELECT id FROM main.accounts WHERE is_first")
    return account_id


async def read_name(conn: Conn, *, account_id: UUID) -> bytes | None:
    """What it is called, sealed."""
    name: bytes | None = await conn.fetchval("SELECT name FROM main.accounts WHERE id = $1", account_id)
    return name


async def list_accounts_of_everyone(conn: Conn) -> list[StoredAccount]:
    rows = await conn.fetch(
        """
        SELECT a.id, a.name, a.currency, c.balance_micros, c.held_micros, c.limit_micros,
               (SELECT count(*) FROM main.api_keys k WHERE k.account_id = a.id AND k.revoked_at IS NULL),
               a.created_at, a.closed_at
          FROM main.accounts a
          JOIN main.credit c ON c.account_id = a.id
         ORDER BY a.id
        """
    )
    return [StoredAccount(*row) for row in rows]


async def insert_key(
    conn: Conn,
    *,
    account_id: UUID,
    key_id: UUID,
    mode: int,
    key_hash: bytes,
    last4: str,
    scopes: Sequence[str],
    purpose: str,
    rate_per_second: int | None,
) -> None:
    await conn.execute(
        """
        INSERT INTO main.api_keys (account_id, id, mode, hash, last4, scopes, purpose, rate_per_second)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        account_id,
        key_id,
        mode,
        key_hash,
        last4,
        scopes,
        purpose,
        rate_per_second,
    )


async def find_key_of_anyone(conn: Conn, *, key_hash: bytes) -> StoredKey | None:
    """The one look-up that begins without an account: it is how the account is found."""
    row = await conn.fetchrow(
        """
        SELECT k.account_id, k.id, k.mode, k.hash, k.scopes, k.purpose, k.rate_per_second, a.currency,
               a.on_unclear, a.rate_per_second, a.burst, a.state
          FROM main.api_keys k
          JOIN main.accounts a ON a.id = k.account_id
         WHERE k.hash = $1 AND k.revoked_at IS NULL AND a.closed_at IS NULL AND a.closing_at IS NULL
        """,
        key_hash,
    )
    return None if row is None else StoredKey(*row)


async def list_keys(conn: Conn, *, account_id: UUID) -> list[ListedKey]:
    rows = await conn.fetch(
        """
        SELECT id, mode, last4, scopes, purpose, created_at, revoked_at, last_used_at
          FROM main.api_keys
         WHERE account_id = $1
         ORDER BY id
        """,
        account_id,
    )
    return [ListedKey(*row) for row in rows]


async def revoke_key(conn: Conn, *, account_id: UUID, key_id: UUID) -> bool:
    """False when the account has no such key, or it was revoked before."""
    done: str = await conn.execute(
        "UPDATE main.api_keys SET revoked_at = now() WHERE account_id = $1 AND id = $2 AND revoked_at IS NULL",
        account_id,
        key_id,
    )
    return done.endswith(" 1")


async def mark_keys_used(conn: Conn, *, account_ids: Sequence[UUID], key_ids: Sequence[UUID]) -> None:
    await conn.execute(
        """
        UPDATE main.api_keys k
           SET last_used_at = now()
          FROM unnest($1::uuid[], $2::uuid[]) AS used (account_id, id)
         WHERE k.account_id = used.account_id AND k.id = used.id AND k.account_id = ANY($1)
        """,
        account_ids,
        key_ids,
    )


async def read_config_epoch(conn: Conn) -> int:
    epoch: int = await conn.fetchval("SELECT epoch FROM main.config_epoch WHERE id = 1")
    return epoch


async def announce_change(conn: Conn, *, what: str) -> None:
    """Tell every process that configuration has changed; they hear of it when this transaction commits."""
    await conn.execute("UPDATE main.config_epoch SET epoch = epoch + 1 WHERE id = 1")
    await conn.execute("SELECT pg_notify($1, $2)", CHANNEL, what)


async def resending_of_everyone(conn: Conn) -> set[UUID]:
    """Accounts that want a transactional message sent once more when its carrier never answered."""
    rows = await conn.fetch("SELECT id FROM main.accounts WHERE on_unclear = 'resend'")
    return {row["id"] for row in rows}
