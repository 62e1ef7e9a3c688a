"""The SQL of connections, their domains, whom subjects stand for, and what is good once."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """A row of `sso_connections`."""

    account_id: UUID
    id: UUID
    kind: str
    settings: bytes = field(repr=False)
    default_role: str
    joins: bool
    is_required: bool
    is_unasked: bool
    created_at: datetime
    refused: str | None
    refused_at: datetime | None
    scim_made_at: datetime | None


COLUMNS = (
    "c.account_id, c.id, c.kind, c.settings, c.default_role, c.joins, c.is_required, c.is_unasked, c.created_at, "
    "c.refused, c.refused_at, c.scim_made_at"
)


# Connections


async def insert_connection(
    conn: Conn, *, account_id: UUID, connection_id: UUID, kind: str, settings: bytes, default_role: str, joins: bool,
    is_required: bool, is_unasked: bool,
) -> None:  # fmt: skip
    await conn.execute(
        """
        INSERT INTO main.sso_connections
               (account_id, id, kind, settings, default_role, joins, is_required, is_unasked)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        account_id, connection_id, kind, settings, default_role, joins, is_required, is_unasked,
    )  # fmt: skip


async def update_connection(
    conn: Conn, *, account_id: UUID, connection_id: UUID, default_role: str, joins: bool, is_required: bool,
    is_unasked: bool,
) -> bool:  # fmt: skip
    """False when there is none."""
    done: str = await conn.execute(
        """
        UPDATE main.sso_connections SET default_role = $3, joins = $4, is_required = $5, is_unasked = $6
         WHERE account_id = $1 AND id = $2
        """,
        account_id, connection_id, default_role, joins, is_required, is_unasked,
    )  # fmt: skip
    return done.endswith(" 1")


async def delete_connection(conn: Conn, *, account_id: UUID, connection_id: UUID) -> bool:
    """With its domains, and whom its subjects stood for. False when there is none."""
    done: str = await conn.execute(
        "DELETE FROM main.sso_connections WHERE account_id = $1 AND id = $2", account_id, connection_id
    )
    return done.endswith(" 1")


async def read_connection(conn: Conn, *, account_id: UUID, connection_id: UUID) -> StoredConnection | None:
    row = await conn.fetchrow(
        f"SELECT {COLUMNS} FROM main.sso_connections c WHERE c.account_id = $1 AND c.id = $2",  # noqa: S608  # columns above
        account_id,
        connection_id,
    )
    return None if row is None else StoredConnection(*row)


async def find_connection(conn: Conn, *, connection_id: UUID) -> StoredConnection | None:
    """By its id alone, which stands in the address a provider answers to; of open accounts."""
    row = await conn.fetchrow(
        f"""
        SELECT {COLUMNS} FROM main.sso_connections c JOIN main.accounts a ON a.id = c.account_id
         WHERE c.id = $1 AND a.closed_at IS NULL
        """,  # noqa: S608  # columns above
        connection_id,
    )
    return None if row is None else StoredConnection(*row)


async def find_by_domain(conn: Conn, *, mac: bytes) -> StoredConnection | None:
    """Who speaks for a domain: only for a verified one, and that belongs to one account."""
    row = await conn.fetchrow(
        f"""
        SELECT {COLUMNS}
          FROM main.sso_domains d
          JOIN main.sso_connections c ON c.account_id = d.account_id AND c.id = d.connection_id
          JOIN main.accounts a ON a.id = c.account_id
         WHERE d.mac = $1 AND d.verified_at IS NOT NULL AND a.closed_at IS NULL
        """,  # noqa: S608  # columns above
        mac,
    )
    return None if row is None else StoredConnection(*row)


async def find_by_token(conn: Conn, *, token_hash: bytes) -> StoredConnection | None:
    """Whose SCIM client asks."""
    row = await conn.fetchrow(
        f"""
        SELECT {COLUMNS} FROM main.sso_connections c JOIN main.accounts a ON a.id = c.account_id
         WHERE c.scim_hash = $1 AND a.closed_at IS NULL
        """,  # noqa: S608  # columns above
        token_hash,
    )
    return None if row is None else StoredConnection(*row)


async def list_connections(conn: Conn, *, account_id: UUID) -> list[StoredConnection]:
    rows = await conn.fetch(
        f"SELECT {COLUMNS} FROM main.sso_connections c WHERE c.account_id = $1 ORDER BY c.id",  # noqa: S608  # columns above
        account_id,
    )
    return [StoredConnection(*row) for row in rows]


async def set_scim_token(conn: Conn, *, account_id: UUID, connection_id: UUID, token_hash: bytes | None) -> bool:
    """A new one ends the old one; None ends it alone. False when there is no such connection."""
    done: str = await conn.execute(
        """
        UPDATE main.sso_connections
           SET scim_hash = $3, scim_made_at = CASE WHEN $3::bytea IS NULL THEN NULL ELSE now() END
         WHERE account_id = $1 AND id = $2
        """,
        account_id,
        connection_id,
        token_hash,
    )
    return done.endswith(" 1")


async def note_refusal(conn: Conn, *, account_id: UUID, connection_id: UUID, code: str) -> None:
    """The last one only: so that an admin sees what is wrong, and nobody can fill a table."""
    await conn.execute(
        "UPDATE main.sso_connections SET refused = $3, refused_at = now() WHERE account_id = $1 AND id = $2",
        account_id,
        connection_id,
        code,
    )


# Domains


async def insert_domain(conn: Conn, *, account_id: UUID, connection_id: UUID, mac: bytes, domain: bytes) -> bool:
    """Claim it; False when the account has it already."""
    done: str = await conn.execute(
        """
        INSERT INTO main.sso_domains (account_id, connection_id, mac, domain) VALUES ($1, $2, $3, $4)
            ON CONFLICT (account_id, mac) DO NOTHING
        """,
        account_id,
        connection_id,
        mac,
        domain,
    )
    return done.endswith(" 1")


async def verify_domain(conn: Conn, *, account_id: UUID, mac: bytes) -> bool:
    """It is the account's own. False when it never claimed it; `UniqueViolationError` when it is another's."""
    done: str = await conn.execute(
        "UPDATE main.sso_domains SET verified_at = coalesce(verified_at, now()) WHERE account_id = $1 AND mac = $2",
        account_id,
        mac,
    )
    return done.endswith(" 1")


async def delete_domain(conn: Conn, *, account_id: UUID, mac: bytes) -> bool:
    done: str = await conn.execute("DELETE FROM main.sso_domains WHERE account_id = $1 AND mac = $2", account_id, mac)
    return done.endswith(" 1")


async def list_domains(conn: Conn, *, account_id: UUID) -> list[tuple[UUID, bytes, bytes, datetime | None]]:
    rows = await conn.fetch(
        """
        SELECT connection_id, mac, domain, verified_at FROM main.sso_domains WHERE account_id = $1
         ORDER BY created_at, mac
        """,
        account_id,
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def speaks_for(conn: Conn, *, account_id: UUID, connection_id: UUID, mac: bytes) -> bool:
    """Whether this domain is verified, and this connection's."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (SELECT FROM main.sso_domains
         WHERE account_id = $1 AND connection_id = $2 AND mac = $3 AND verified_at IS NOT NULL)
        """,
        account_id,
        connection_id,
        mac,
    )
    return found


# Whom subjects stand for


async def find_identity(conn: Conn, *, account_id: UUID, connection_id: UUID, subject_mac: bytes) -> UUID | None:
    person_id: UUID | None = await conn.fetchval(
        """
        SELECT person_id FROM main.sso_identities
         WHERE account_id = $1 AND connection_id = $2 AND subject_mac = $3
        """,
        account_id,
        connection_id,
        subject_mac,
    )
    return person_id


async def insert_identity(
    conn: Conn, *, account_id: UUID, connection_id: UUID, subject_mac: bytes, person_id: UUID
) -> bool:
    """False when the person is known by another subject, or the subject stands for somebody else."""
    done: str = await conn.execute(
        """
        INSERT INTO main.sso_identities (account_id, connection_id, subject_mac, person_id) VALUES ($1, $2, $3, $4)
            ON CONFLICT DO NOTHING
        """,
        account_id,
        connection_id,
        subject_mac,
        person_id,
    )
    return done.endswith(" 1")


async def delete_identities(conn: Conn, *, account_id: UUID, person_id: UUID) -> None:
    """Of who is let go: should they come back, it is by their address, as the first time."""
    await conn.execute(
        "DELETE FROM main.sso_identities WHERE account_id = $1 AND person_id = $2", account_id, person_id
    )


async def insert_person(conn: Conn, *, person_id: UUID, mail_mac: bytes, mail: bytes, name: bytes) -> bool:
    """Somebody without a credential of their own; their address is confirmed. False when the address is known."""
    done: str = await conn.execute(
        """
        INSERT INTO main.people (id, mail_mac, mail, name, confirmed_at) VALUES ($1, $2, $3, $4, now())
            ON CONFLICT (mail_mac) DO NOTHING
        """,
        person_id,
        mail_mac,
        mail,
        name,
    )
    return done.endswith(" 1")


async def insert_member(conn: Conn, *, account_id: UUID, person_id: UUID, role: str) -> bool:
    """False when they are one: their role stays."""
    done: str = await conn.execute(
        """
        INSERT INTO main.members (account_id, person_id, role) VALUES ($1, $2, $3)
            ON CONFLICT (account_id, person_id) DO NOTHING
        """,
        account_id,
        person_id,
        role,
    )
    return done.endswith(" 1")


# What is good once


async def use_once(conn: Conn, *, mac: bytes, ends_at: datetime) -> bool:
    """False the second time: of two at once one wins."""
    done: str = await conn.execute(
        "INSERT INTO main.sso_used (mac, ends_at) VALUES ($1, $2) ON CONFLICT (mac) DO NOTHING", mac, ends_at
    )
    return done.endswith(" 1")


async def delete_used(conn: Conn, *, now: datetime) -> int:
    done: str = await conn.execute("DELETE FROM main.sso_used WHERE ends_at < $1", now)
    return int(done.rpartition(" ")[2])
