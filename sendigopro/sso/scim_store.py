"""The SQL of whom a provider's SCIM client has told us of."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn


@dataclass(frozen=True, slots=True)
class StoredUser:
    """A row of `scim_users`."""

    id: UUID
    person_id: UUID
    content: bytes = field(repr=False)
    is_active: bool
    created_at: datetime
    changed_at: datetime


USER = "id, person_id, content, is_active, created_at, changed_at"


async def insert_user(
    conn: Conn, *, account_id: UUID, user_id: UUID, connection_id: UUID, person_id: UUID, name_mac: bytes,
    content: bytes, is_active: bool,
) -> StoredUser | None:  # fmt: skip
    """None when the connection has somebody of this name."""
    row = await conn.fetchrow(
        f"""
        INSERT INTO main.scim_users (account_id, id, connection_id, person_id, name_mac, content, is_active)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account_id, connection_id, name_mac) DO NOTHING
        RETURNING {USER}
        """,  # noqa: S608  # columns above
        account_id, user_id, connection_id, person_id, name_mac, content, is_active,
    )  # fmt: skip
    return None if row is None else StoredUser(*row)


async def read_user(
    conn: Conn, *, account_id: UUID, connection_id: UUID, user_id: UUID, is_locked: bool = False
) -> StoredUser | None:
    row = await conn.fetchrow(
        f"""
        SELECT {USER} FROM main.scim_users WHERE account_id = $1 AND connection_id = $2 AND id = $3
        {"FOR UPDATE" if is_locked else ""}
        """,  # noqa: S608  # words above
        account_id,
        connection_id,
        user_id,
    )
    return None if row is None else StoredUser(*row)


async def find_user(conn: Conn, *, account_id: UUID, connection_id: UUID, name_mac: bytes) -> StoredUser | None:
    row = await conn.fetchrow(
        f"SELECT {USER} FROM main.scim_users WHERE account_id = $1 AND connection_id = $2 AND name_mac = $3",  # noqa: S608  # columns above
        account_id,
        connection_id,
        name_mac,
    )
    return None if row is None else StoredUser(*row)


async def lock_active(conn: Conn, *, account_id: UUID, connection_id: UUID, name_mac: bytes) -> bool | None:
    """Whether they may come in, until the transaction ends; None for who SCIM never told of."""
    is_active: bool | None = await conn.fetchval(
        """
        SELECT is_active FROM main.scim_users WHERE account_id = $1 AND connection_id = $2 AND name_mac = $3
           FOR UPDATE
        """,
        account_id,
        connection_id,
        name_mac,
    )
    return is_active


async def list_users(
    conn: Conn, *, account_id: UUID, connection_id: UUID, skip: int, limit: int
) -> tuple[int, list[StoredUser]]:
    """How many there are, and a page of them in the order they came."""
    total: int = await conn.fetchval(
        "SELECT count(*) FROM main.scim_users WHERE account_id = $1 AND connection_id = $2", account_id, connection_id
    )
    rows = await conn.fetch(
        f"""
        SELECT {USER} FROM main.scim_users WHERE account_id = $1 AND connection_id = $2
         ORDER BY id OFFSET $3 LIMIT $4
        """,  # noqa: S608  # columns above
        account_id,
        connection_id,
        skip,
        limit,
    )
    return total, [StoredUser(*row) for row in rows]


async def update_user(
    conn: Conn, *, account_id: UUID, user_id: UUID, content: bytes, is_active: bool
) -> StoredUser | None:
    row = await conn.fetchrow(
        f"""
        UPDATE main.scim_users SET content = $3, is_active = $4, changed_at = now() WHERE account_id = $1 AND id = $2
        RETURNING {USER}
        """,  # noqa: S608  # columns above
        account_id,
        user_id,
        content,
        is_active,
    )
    return None if row is None else StoredUser(*row)


async def delete_user(conn: Conn, *, account_id: UUID, user_id: UUID) -> None:
    await conn.execute("DELETE FROM main.scim_users WHERE account_id = $1 AND id = $2", account_id, user_id)


async def rename(conn: Conn, *, account_id: UUID, person_id: UUID, name: bytes) -> None:
    """A member of this account, and of no other."""
    await conn.execute(
        """
        UPDATE main.people p SET name = $3
         WHERE p.id = $2 AND EXISTS (SELECT FROM main.members m WHERE m.account_id = $1 AND m.person_id = $2)
           AND NOT EXISTS (SELECT FROM main.members m WHERE m.person_id = $2 AND m.account_id <> $1)
        """,
        account_id,
        person_id,
        name,
    )
