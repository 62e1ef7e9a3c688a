"""The SQL of who comes in by a link: sign-ups, resets of a password, invitations."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn


@dataclass(frozen=True, slots=True)
class StoredSignUp:
    """A row of `sign_ups`."""

    id: UUID
    mail_mac: bytes = field(repr=False)
    mail: bytes = field(repr=False)
    name: bytes = field(repr=False)
    company: bytes = field(repr=False)
    job: bytes | None = field(repr=False)
    of_age_at: datetime


@dataclass(frozen=True, slots=True)
class StoredInvitation:
    """A row of `invitations`."""

    account_id: UUID
    id: UUID
    mail_mac: bytes = field(repr=False)
    mail: bytes = field(repr=False)
    role: str
    is_mailed: bool
    invited_by: UUID
    created_at: datetime
    ends_at: datetime


SIGN_UP = "id, mail_mac, mail, name, company, job, of_age_at"
INVITATION = "account_id, id, mail_mac, mail, role, is_mailed, invited_by, created_at, ends_at"


# Sign-ups


async def insert_sign_up(conn: Conn, row: StoredSignUp, *, token_hash: bytes, ends_at: datetime) -> None:
    await conn.execute(
        """
        INSERT INTO main.sign_ups (id, mail_mac, mail, name, company, job, of_age_at, token_hash, ends_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        row.id,
        row.mail_mac,
        row.mail,
        row.name,
        row.company,
        row.job,
        row.of_age_at,
        token_hash,
        ends_at,
    )


async def find_sign_up(conn: Conn, *, token_hash: bytes, now: datetime) -> StoredSignUp | None:
    row = await conn.fetchrow(
        f"SELECT {SIGN_UP} FROM main.sign_ups WHERE token_hash = $1 AND ends_at > $2",  # noqa: S608  # columns above
        token_hash,
        now,
    )
    return None if row is None else StoredSignUp(*row)


async def take_sign_up(conn: Conn, *, token_hash: bytes, now: datetime) -> StoredSignUp | None:
    """And with it every other of the same address: of two at once one gets it."""
    row = await conn.fetchrow(
        f"DELETE FROM main.sign_ups WHERE token_hash = $1 AND ends_at > $2 RETURNING {SIGN_UP}",  # noqa: S608  # as above
        token_hash,
        now,
    )
    if row is None:
        return None
    await conn.execute("DELETE FROM main.sign_ups WHERE mail_mac = $1", row["mail_mac"])
    return StoredSignUp(*row)


# Resets


async def insert_reset(conn: Conn, *, person_id: UUID, token_hash: bytes, ends_at: datetime) -> None:
    await conn.execute(
        "INSERT INTO main.password_resets (token_hash, person_id, ends_at) VALUES ($1, $2, $3)",
        token_hash,
        person_id,
        ends_at,
    )


async def find_reset(conn: Conn, *, token_hash: bytes, now: datetime) -> UUID | None:
    """Whose it is."""
    person_id: UUID | None = await conn.fetchval(
        "SELECT person_id FROM main.password_resets WHERE token_hash = $1 AND ends_at > $2", token_hash, now
    )
    return person_id


async def take_reset(conn: Conn, *, token_hash: bytes, now: datetime) -> UUID | None:
    """And with it every other of this person: of two at once one gets it."""
    person_id: UUID | None = await conn.fetchval(
        "DELETE FROM main.password_resets WHERE token_hash = $1 AND ends_at > $2 RETURNING person_id", token_hash, now
    )
    if person_id is not None:
        await conn.execute("DELETE FROM main.password_resets WHERE person_id = $1", person_id)
    return person_id


# Invitations


async def put_invitation(conn: Conn, row: StoredInvitation, *, token_hash: bytes) -> UUID:
    """Who is invited already is invited anew: the link before is worth nothing. Its id, which then stays."""
    found: UUID = await conn.fetchval(
        """
        INSERT INTO main.invitations (account_id, id, mail_mac, mail, role, is_mailed, invited_by, created_at, ends_at,
                                      token_hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (account_id, mail_mac) DO UPDATE
               SET role = $5, is_mailed = $6, invited_by = $7, created_at = $8, ends_at = $9, token_hash = $10
        RETURNING id
        """,
        row.account_id,
        row.id,
        row.mail_mac,
        row.mail,
        row.role,
        row.is_mailed,
        row.invited_by,
        row.created_at,
        row.ends_at,
        token_hash,
    )
    return found


async def list_invitations(conn: Conn, *, account_id: UUID, now: datetime) -> list[StoredInvitation]:
    rows = await conn.fetch(
        f"SELECT {INVITATION} FROM main.invitations WHERE account_id = $1 AND ends_at > $2 ORDER BY created_at, id",  # noqa: S608  # columns above
        account_id,
        now,
    )
    return [StoredInvitation(*row) for row in rows]


async def lock_invitation(conn: Conn, *, account_id: UUID, invitation_id: UUID) -> StoredInvitation | None:
    """Until the transaction ends; also one that is over."""
    row = await conn.fetchrow(
        f"SELECT {INVITATION} FROM main.invitations WHERE account_id = $1 AND id = $2 FOR UPDATE",  # noqa: S608  # columns above
        account_id,
        invitation_id,
    )
    return None if row is None else StoredInvitation(*row)


async def delete_invitation(conn: Conn, *, account_id: UUID, invitation_id: UUID) -> bool:
    """False when there was none."""
    done: str = await conn.execute(
        "DELETE FROM main.invitations WHERE account_id = $1 AND id = $2", account_id, invitation_id
    )
    return done.endswith(" 1")


async def find_invitation_of_anyone(conn: Conn, *, token_hash: bytes, now: datetime) -> StoredInvitation | None:
    """Begins with nothing but a link: it is how the account is found."""
    row = await conn.fetchrow(
        f"""
        SELECT {INVITATION} FROM main.invitations i
         WHERE token_hash = $1 AND ends_at > $2
           AND EXISTS (SELECT FROM main.accounts a WHERE a.id = i.account_id AND a.closed_at IS NULL)
        """,  # noqa: S608  # columns above
        token_hash,
        now,
    )
    return None if row is None else StoredInvitation(*row)


async def take_invitation_of_anyone(conn: Conn, *, token_hash: bytes, now: datetime) -> StoredInvitation | None:
    """Of two at once one gets it."""
    row = await conn.fetchrow(
        f"""
        DELETE FROM main.invitations i
         WHERE token_hash = $1 AND ends_at > $2
           AND EXISTS (SELECT FROM main.accounts a WHERE a.id = i.account_id AND a.closed_at IS NULL)
        RETURNING {INVITATION}
        """,  # noqa: S608  # columns above
        token_hash,
        now,
    )
    return None if row is None else StoredInvitation(*row)


# What is over


OVER = ("sign_ups", "password_resets", "invitations", "used_challenges")


async def delete_over(conn: Conn, *, now: datetime, tables: Sequence[str] = OVER) -> int:
    """How many there were."""
    ended = 0
    for table in tables:
        done: str = await conn.execute(f"DELETE FROM main.{table} WHERE ends_at <= $1", now)  # noqa: S608  # named above
        ended += int(done.rpartition(" ")[2])
    return ended
