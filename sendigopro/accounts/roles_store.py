"""The SQL of roles that accounts made, and of what a member's role grants."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sendigopro.foundation.postgres import Conn


@dataclass(frozen=True, slots=True)
class Granted:
    """A membership: the role, and the words of it if the account made it."""

    role: str
    custom: Sequence[str] | None
    is_of_parent: bool
    """They belong to the account above, and so to this one."""
    is_closing: bool


@dataclass(frozen=True, slots=True)
class StoredRole:
    """A row of `custom_roles`, and how many members have it."""

    name: str
    permissions: Sequence[str]
    members: int


async def read_granted(conn: Conn, *, account_id: UUID, person_id: UUID) -> list[Granted]:
    """In the account above first, then in this one. Nothing: they belong to neither, or it is closed, or they are."""
    rows = await conn.fetch(
        """
        SELECT m.role, c.permissions, m.account_id <> a.id, a.closing_at IS NOT NULL
          FROM main.accounts a
          JOIN main.members m ON m.account_id IN (a.id, a.parent_id) AND m.person_id = $2
          JOIN main.accounts own ON own.id = m.account_id AND own.closed_at IS NULL
          JOIN main.people p ON p.id = m.person_id
          LEFT JOIN main.custom_roles c ON c.account_id = m.account_id AND c.name = m.custom_role
         WHERE a.id = $1 AND a.closed_at IS NULL AND (a.closes_at > now() OR a.closes_at IS NULL)
           AND p.disabled_at IS NULL
         ORDER BY m.account_id = a.id
        """,
        account_id,
        person_id,
    )
    return [Granted(*row) for row in rows]


async def list_roles(conn: Conn, *, account_id: UUID) -> list[StoredRole]:
    rows = await conn.fetch(
        """
        SELECT c.name, c.permissions,
               (SELECT count(*) FROM main.members m WHERE m.account_id = c.account_id AND m.custom_role = c.name)
          FROM main.custom_roles c
         WHERE c.account_id = $1
         ORDER BY c.name
        """,
        account_id,
    )
    return [StoredRole(*row) for row in rows]


async def count_roles(conn: Conn, *, account_id: UUID) -> int:
    count: int = await conn.fetchval("SELECT count(*) FROM main.custom_roles WHERE account_id = $1", account_id)
    return count


async def share_role(conn: Conn, *, account_id: UUID, name: str) -> Sequence[str] | None:
    """Its words, which stay as they are until the transaction ends."""
    found: Sequence[str] | None = await conn.fetchval(
        "SELECT permissions FROM main.custom_roles WHERE account_id = $1 AND name = $2 FOR SHARE", account_id, name
    )
    return found


async def lock_role(conn: Conn, *, account_id: UUID, name: str) -> Sequence[str] | None:
    """Its words, for who is about to change them."""
    found: Sequence[str] | None = await conn.fetchval(
        "SELECT permissions FROM main.custom_roles WHERE account_id = $1 AND name = $2 FOR UPDATE", account_id, name
    )
    return found


async def insert_role(conn: Conn, *, account_id: UUID, name: str, permissions: Sequence[str]) -> bool:
    """False when there is one of this name."""
    done: str = await conn.execute(
        """
        INSERT INTO main.custom_roles (account_id, name, permissions) VALUES ($1, $2, $3)
            ON CONFLICT (account_id, name) DO NOTHING
        """,
        account_id,
        name,
        permissions,
    )
    return done.endswith(" 1")


async def set_permissions(conn: Conn, *, account_id: UUID, name: str, permissions: Sequence[str]) -> None:
    await conn.execute(
        "UPDATE main.custom_roles SET permissions = $3, changed_at = now() WHERE account_id = $1 AND name = $2",
        account_id,
        name,
        permissions,
    )


async def count_invitations(conn: Conn, *, account_id: UUID, name: str) -> int:
    """Those that would give the role to somebody."""
    count: int = await conn.fetchval(
        "SELECT count(*) FROM main.invitations WHERE account_id = $1 AND role = $2 AND ends_at > now()",
        account_id,
        name,
    )
    return count


async def count_members(conn: Conn, *, account_id: UUID, name: str) -> int:
    count: int = await conn.fetchval(
        "SELECT count(*) FROM main.members WHERE account_id = $1 AND custom_role = $2", account_id, name
    )
    return count


async def delete_role(conn: Conn, *, account_id: UUID, name: str) -> None:
    await conn.execute("DELETE FROM main.custom_roles WHERE account_id = $1 AND name = $2", account_id, name)
