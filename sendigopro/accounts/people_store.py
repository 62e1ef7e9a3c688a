"""The SQL of people who sign in, their memberships, sessions and wrong attempts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn


@dataclass(frozen=True, slots=True)
class StoredPerson:
    """A row of `people`."""

    id: UUID
    mail: bytes = field(repr=False)
    name: bytes | None = field(repr=False)
    password_hash: str | None = field(repr=False)
    totp_secret: bytes | None = field(repr=False)
    totp_step: int
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A row of `sessions` that has not ended."""

    id: UUID
    person_id: UUID
    account_id: UUID
    place: bytes = field(repr=False)
    factors: int
    created_at: datetime
    seen_at: datetime
    proved_at: datetime
    ends_at: datetime
    grant_id: UUID | None
    connection_id: UUID | None


PERSON = "id, mail, name, password_hash, totp_secret, totp_step, confirmed_at"
SESSION = "id, person_id, account_id, place, factors, created_at, seen_at, proved_at, ends_at, grant_id, connection_id"


# People


async def upsert_person(
    conn: Conn, *, person_id: UUID, mail_mac: bytes, mail: bytes, name: bytes, password_hash: str | None
) -> UUID:
    """Add one; of who is there already only the password changes, for the rest is sealed for the row it stands in."""
    found: UUID = await conn.fetchval(
        """
        INSERT INTO main.people (id, mail_mac, mail, name, password_hash) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (mail_mac) DO UPDATE SET password_hash = coalesce($5, people.password_hash)
        RETURNING id
        """,
        person_id,
        mail_mac,
        mail,
        name,
        password_hash,
    )
    return found


async def insert_person(
    conn: Conn,
    *,
    person_id: UUID,
    mail_mac: bytes,
    mail: bytes,
    name: bytes,
    job: bytes | None,
    password_hash: str | None,
    of_age_at: datetime | None,
    confirmed_at: datetime | None,
) -> bool:
    """False when somebody has this address: of whom nothing is changed."""
    done: str = await conn.execute(
        """
        INSERT INTO main.people (id, mail_mac, mail, name, job, password_hash, of_age_at, confirmed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT DO NOTHING
        """,
        person_id,
        mail_mac,
        mail,
        name,
        job,
        password_hash,
        of_age_at,
        confirmed_at,
    )
    return done.endswith(" 1")


async def is_known(conn: Conn, *, mail_mac: bytes) -> bool:
    """Whether somebody has this address, also who may sign in no more."""
    found: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM main.people WHERE mail_mac = $1)", mail_mac)
    return found


async def find_person(conn: Conn, *, mail_mac: bytes) -> StoredPerson | None:
    """Who has this address and may sign in."""
    row = await conn.fetchrow(
        f"SELECT {PERSON} FROM main.people WHERE mail_mac = $1 AND disabled_at IS NULL",  # noqa: S608  # columns above
        mail_mac,
    )
    return None if row is None else StoredPerson(*row)


async def read_person(conn: Conn, *, person_id: UUID) -> StoredPerson | None:
    row = await conn.fetchrow(
        f"SELECT {PERSON} FROM main.people WHERE id = $1 AND disabled_at IS NULL",  # noqa: S608  # columns above
        person_id,
    )
    return None if row is None else StoredPerson(*row)


async def lock_person(conn: Conn, *, person_id: UUID) -> StoredPerson | None:
    """Until the transaction ends: of two who take a credential away at once, the second sees what the first did."""
    row = await conn.fetchrow(
        f"SELECT {PERSON} FROM main.people WHERE id = $1 AND disabled_at IS NULL FOR UPDATE",  # noqa: S608  # columns above
        person_id,
    )
    return None if row is None else StoredPerson(*row)


async def confirm_person(conn: Conn, *, person_id: UUID, now: datetime) -> None:
    """The address is theirs: they have read what was sent to it."""
    await conn.execute("UPDATE main.people SET confirmed_at = coalesce(confirmed_at, $2) WHERE id = $1", person_id, now)


async def set_password(conn: Conn, *, person_id: UUID, password_hash: str) -> None:
    await conn.execute("UPDATE main.people SET password_hash = $2 WHERE id = $1", person_id, password_hash)


async def set_totp(conn: Conn, *, person_id: UUID, secret: bytes | None, step: int) -> None:
    """A secret that is not proved is not stored; `step` is the one it was proved with."""
    await conn.execute("UPDATE main.people SET totp_secret = $2, totp_step = $3 WHERE id = $1", person_id, secret, step)


async def use_totp_step(conn: Conn, *, person_id: UUID, step: int) -> bool:
    """False when this step, or a later one, was used before: of two at once one wins."""
    done: str = await conn.execute(
        "UPDATE main.people SET totp_step = $2 WHERE id = $1 AND totp_step < $2", person_id, step
    )
    return done.endswith(" 1")


async def replace_recovery_codes(conn: Conn, *, person_id: UUID, hashes: Sequence[bytes]) -> None:
    """In the caller's transaction."""
    await conn.execute("DELETE FROM main.recovery_codes WHERE person_id = $1", person_id)
    await conn.executemany(
        "INSERT INTO main.recovery_codes (person_id, hash) VALUES ($1, $2)", [(person_id, one) for one in hashes]
    )


async def use_recovery_code(conn: Conn, *, person_id: UUID, code_hash: bytes) -> bool:
    """False when there is no such code, or it was used before."""
    done: str = await conn.execute(
        "DELETE FROM main.recovery_codes WHERE person_id = $1 AND hash = $2", person_id, code_hash
    )
    return done.endswith(" 1")


async def count_recovery_codes(conn: Conn, *, person_id: UUID) -> int:
    left: int = await conn.fetchval("SELECT count(*) FROM main.recovery_codes WHERE person_id = $1", person_id)
    return left


# Memberships


async def upsert_member(conn: Conn, *, account_id: UUID, person_id: UUID, role: str) -> None:
    await conn.execute(
        """
        INSERT INTO main.members (account_id, person_id, role) VALUES ($1, $2, $3)
            ON CONFLICT (account_id, person_id) DO UPDATE SET role = $3
        """,
        account_id,
        person_id,
        role,
    )


async def insert_member(conn: Conn, *, account_id: UUID, person_id: UUID, role: str) -> bool:
    """False when they belong to it already: their role stays."""
    done: str = await conn.execute(
        "INSERT INTO main.members (account_id, person_id, role) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        account_id,
        person_id,
        role,
    )
    return done.endswith(" 1")


async def has_members(conn: Conn, *, account_id: UUID) -> bool:
    found: bool = await conn.fetchval("SELECT EXISTS (SELECT FROM main.members WHERE account_id = $1)", account_id)
    return found


async def list_memberships(conn: Conn, *, person_id: UUID) -> list[tuple[UUID, str]]:
    rows = await conn.fetch(
        """
        SELECT m.account_id, m.role
          FROM main.members m
          JOIN main.accounts a ON a.id = m.account_id
         WHERE m.person_id = $1 AND a.closed_at IS NULL
         ORDER BY m.created_at, m.account_id
        """,
        person_id,
    )
    return [(row[0], row[1]) for row in rows]


async def list_members(conn: Conn, *, account_id: UUID) -> list[tuple[UUID, str]]:
    rows = await conn.fetch(
        "SELECT person_id, role FROM main.members WHERE account_id = $1 ORDER BY created_at, person_id", account_id
    )
    return [(row[0], row[1]) for row in rows]


async def lock_owners(conn: Conn, *, account_id: UUID) -> list[UUID]:
    """Until the transaction ends: of two who unmake each other at once, the second sees what the first did."""
    rows = await conn.fetch(
        "SELECT person_id FROM main.members WHERE account_id = $1 AND role = 'owner' ORDER BY person_id FOR UPDATE",
        account_id,
    )
    return [row[0] for row in rows]


async def lock_role(conn: Conn, *, account_id: UUID, person_id: UUID) -> str | None:
    role: str | None = await conn.fetchval(
        "SELECT role FROM main.members WHERE account_id = $1 AND person_id = $2 FOR UPDATE", account_id, person_id
    )
    return role


async def set_role(conn: Conn, *, account_id: UUID, person_id: UUID, role: str) -> None:
    await conn.execute(
        "UPDATE main.members SET role = $3 WHERE account_id = $1 AND person_id = $2", account_id, person_id, role
    )


async def delete_member(conn: Conn, *, account_id: UUID, person_id: UUID) -> bool:
    """False when they were none."""
    done: str = await conn.execute(
        "DELETE FROM main.members WHERE account_id = $1 AND person_id = $2", account_id, person_id
    )
    return done.endswith(" 1")


async def delete_if_in_no_account(conn: Conn, *, person_id: UUID) -> bool:
    """Whoever works for nobody is forgotten, with every session and code."""
    done: str = await conn.execute(
        "DELETE FROM main.people WHERE id = $1 AND NOT EXISTS (SELECT FROM main.members WHERE person_id = $1)",
        person_id,
    )
    return done.endswith(" 1")


async def delete_who_is_in_no_account(conn: Conn) -> list[UUID]:
    """Everybody who was let go and belongs nowhere else; as `owner`."""
    rows = await conn.fetch(
        """
        DELETE FROM main.people p WHERE NOT EXISTS (SELECT FROM main.members m WHERE m.person_id = p.id)
        RETURNING p.id
        """
    )
    return [row[0] for row in rows]


# Sessions


async def insert_session(
    conn: Conn,
    *,
    session_id: UUID,
    person_id: UUID,
    account_id: UUID,
    token_hash: bytes,
    place: bytes,
    factors: int,
    ends_at: datetime,
    proved_at: datetime,
    connection_id: UUID | None,
) -> None:
    await conn.execute(
        """
        INSERT INTO main.sessions (id, person_id, account_id, hash, place, factors, ends_at, proved_at, connection_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        session_id,
        person_id,
        account_id,
        token_hash,
        place,
        factors,
        ends_at,
        proved_at,
        connection_id,
    )


async def find_session(conn: Conn, *, token_hash: bytes, now: datetime, idle_since: datetime) -> StoredSession | None:
    """The one look-up that begins with nothing but a cookie."""
    row = await conn.fetchrow(
        f"SELECT {SESSION} FROM main.sessions WHERE hash = $1 AND ends_at > $2 AND seen_at > $3",  # noqa: S608  # columns above
        token_hash,
        now,
        idle_since,
    )
    return None if row is None else StoredSession(*row)


async def role_of(conn: Conn, *, account_id: UUID, person_id: UUID) -> str | None:
    """None when they do not belong to it, or it is closed, or they may sign in no more."""
    role: str | None = await conn.fetchval(
        """
        SELECT m.role
          FROM main.members m
          JOIN main.accounts a ON a.id = m.account_id
          JOIN main.people p ON p.id = m.person_id
         WHERE m.account_id = $1 AND m.person_id = $2 AND a.closed_at IS NULL AND p.disabled_at IS NULL
        """,
        account_id,
        person_id,
    )
    return role


async def touch_session(conn: Conn, *, person_id: UUID, session_id: UUID, now: datetime) -> None:
    await conn.execute(
        "UPDATE main.sessions SET seen_at = $3 WHERE person_id = $1 AND id = $2", person_id, session_id, now
    )


async def prove_session(
    conn: Conn, *, person_id: UUID, session_id: UUID, token_hash: bytes, factors: int, now: datetime
) -> None:
    """A credential was shown again: a new token, so that the old one is worth nothing to who may have seen it."""
    await conn.execute(
        """
        UPDATE main.sessions SET hash = $3, factors = greatest(factors, $4), proved_at = $5, seen_at = $5
         WHERE person_id = $1 AND id = $2
        """,
        person_id,
        session_id,
        token_hash,
        factors,
        now,
    )


async def view_account(conn: Conn, *, person_id: UUID, session_id: UUID, account_id: UUID) -> bool:
    """Turn a session to another account; False if its person is not of it, or a company's provider began it."""
    done: str = await conn.execute(
        """
        UPDATE main.sessions s SET account_id = $3, grant_id = NULL, home_id = NULL
         WHERE s.person_id = $1 AND s.id = $2 AND s.connection_id IS NULL AND EXISTS (
               SELECT FROM main.accounts a
                 JOIN main.members m ON m.account_id IN (a.id, a.parent_id)
                WHERE a.id = $3 AND m.person_id = $1 AND a.closed_at IS NULL)
        """,
        person_id,
        session_id,
        account_id,
    )
    return done.endswith(" 1")


async def list_sessions(conn: Conn, *, person_id: UUID, now: datetime, idle_since: datetime) -> list[StoredSession]:
    rows = await conn.fetch(
        f"""
        SELECT {SESSION} FROM main.sessions WHERE person_id = $1 AND ends_at > $2 AND seen_at > $3
         ORDER BY seen_at DESC
        """,  # noqa: S608  # columns above
        person_id,
        now,
        idle_since,
    )
    return [StoredSession(*row) for row in rows]


async def end_sessions(conn: Conn, *, person_id: UUID, ids: Sequence[UUID] | None, but: UUID | None = None) -> int:
    """These, or all; but never `but`. How many there were."""
    done: str = await conn.execute(
        """
        DELETE FROM main.sessions
         WHERE person_id = $1 AND ($2::uuid[] IS NULL OR id = ANY($2)) AND ($3::uuid IS NULL OR id <> $3)
        """,
        person_id,
        ids,
        but,
    )
    return int(done.rpartition(" ")[2])


async def delete_ended(conn: Conn, *, now: datetime, idle_since: datetime, failures_before: datetime) -> int:
    """Sessions that are over, and wrong attempts of the past; how many."""
    sessions: str = await conn.execute(
        "DELETE FROM main.sessions WHERE ends_at <= $1 OR seen_at <= $2", now, idle_since
    )
    failures: str = await conn.execute("DELETE FROM main.sign_in_failures WHERE last_at < $1", failures_before)
    return sum(int(done.rpartition(" ")[2]) for done in (sessions, failures))


# Wrong attempts


async def read_failures(conn: Conn, *, macs: Sequence[bytes], since: datetime) -> dict[bytes, tuple[int, datetime]]:
    rows = await conn.fetch(
        "SELECT mac, count, last_at FROM main.sign_in_failures WHERE mac = ANY($1) AND last_at > $2", list(macs), since
    )
    return {row[0]: (row[1], row[2]) for row in rows}


async def add_failures(conn: Conn, *, macs: Sequence[bytes], now: datetime, since: datetime) -> None:
    """One more for each; what lies before `since` does not count any more."""
    await conn.execute(
        """
        INSERT INTO main.sign_in_failures AS f (mac, count, last_at)
        SELECT mac, 1, $2 FROM unnest($1::bytea[]) AS new (mac) ORDER BY mac
            ON CONFLICT (mac) DO UPDATE
               SET count = CASE WHEN f.last_at < $3 THEN 1 ELSE least(f.count + 1, 1000) END, last_at = $2
        """,
        list(macs),
        now,
        since,
    )


async def clear_failures(conn: Conn, *, macs: Sequence[bytes]) -> None:
    await conn.execute("DELETE FROM main.sign_in_failures WHERE mac = ANY($1)", list(macs))
