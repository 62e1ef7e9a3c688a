"""The SQL of staff, of what they are granted, and of accounts that ask to go live."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sendigopro.foundation.postgres import Conn


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """A row of `staff_grants`."""

    account_id: UUID
    id: UUID
    person_id: UUID
    reason: bytes = field(repr=False)
    asked_at: datetime
    hours: int
    consented_by: UUID | None
    consented_at: datetime | None
    shows_people: bool
    ends_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredReview:
    """A row of `go_live_reviews`."""

    account_id: UUID
    id: UUID
    asked_by: UUID
    asked_at: datetime
    answers: bytes = field(repr=False)
    decision: str | None
    decided_by: UUID | None
    decided_at: datetime | None
    reason: bytes | None = field(repr=False)


GRANT = (
    "account_id, id, person_id, reason, asked_at, hours, consented_by, consented_at, shows_people, ends_at, ended_at"
)
REVIEW = "account_id, id, asked_by, asked_at, answers, decision, decided_by, decided_at, reason"
UNDECIDED_DAYS = 7
"""A grant that nobody answered cannot be allowed later than that."""


# Staff


async def put_staff(conn: Conn, *, person_id: UUID, role: str) -> str | None:
    """Add one, or change the role; the one they had before. As `owner`."""
    before: str | None = await conn.fetchval("SELECT role FROM main.staff WHERE person_id = $1 FOR UPDATE", person_id)
    await conn.execute(
        "INSERT INTO main.staff (person_id, role) VALUES ($1, $2) ON CONFLICT (person_id) DO UPDATE SET role = $2",
        person_id,
        role,
    )
    return before


async def delete_staff(conn: Conn, *, person_id: UUID) -> bool:
    """False when they were none. As `owner`."""
    done: str = await conn.execute("DELETE FROM main.staff WHERE person_id = $1", person_id)
    return done.endswith(" 1")


async def staff_role(conn: Conn, *, person_id: UUID) -> str | None:
    role: str | None = await conn.fetchval("SELECT role FROM main.staff WHERE person_id = $1", person_id)
    return role


async def list_staff(conn: Conn) -> list[tuple[UUID, str, datetime]]:
    rows = await conn.fetch("SELECT person_id, role, added_at FROM main.staff ORDER BY added_at, person_id")
    return [(row[0], row[1], row[2]) for row in rows]


# Grants


async def insert_grant(
    conn: Conn, *, account_id: UUID, grant_id: UUID, person_id: UUID, reason: bytes, hours: int
) -> None:
    await conn.execute(
        "INSERT INTO main.staff_grants (account_id, id, person_id, reason, hours) VALUES ($1, $2, $3, $4, $5)",
        account_id,
        grant_id,
        person_id,
        reason,
        hours,
    )


async def lock_grant(conn: Conn, *, account_id: UUID, grant_id: UUID) -> StoredGrant | None:
    """Of two who answer at once, the second sees what the first did."""
    row = await conn.fetchrow(
        f"SELECT {GRANT} FROM main.staff_grants WHERE account_id = $1 AND id = $2 FOR UPDATE",  # noqa: S608  # columns above
        account_id,
        grant_id,
    )
    return None if row is None else StoredGrant(*row)


async def list_grants(conn: Conn, *, account_id: UUID, person_id: UUID | None = None) -> list[StoredGrant]:
    """The newest first: what an account was asked, by anybody or by one."""
    rows = await conn.fetch(
        f"""
        SELECT {GRANT} FROM main.staff_grants
         WHERE account_id = $1 AND ($2::uuid IS NULL OR person_id = $2) ORDER BY id DESC LIMIT 100
        """,  # noqa: S608  # columns above
        account_id,
        person_id,
    )
    return [StoredGrant(*row) for row in rows]


async def count_unanswered(conn: Conn, *, account_id: UUID) -> int:
    found: int = await conn.fetchval(
        """
        SELECT count(*) FROM main.staff_grants
         WHERE account_id = $1 AND consented_at IS NULL AND ended_at IS NULL AND asked_at > now() - $2::interval
        """,
        account_id,
        timedelta(days=UNDECIDED_DAYS),
    )
    return found


async def allow_grant(
    conn: Conn, *, account_id: UUID, grant_id: UUID, consented_by: UUID, hours: int, shows_people: bool
) -> datetime:
    """Until when; only of one that was locked and is unanswered."""
    until: datetime = await conn.fetchval(
        """
        UPDATE main.staff_grants
           SET consented_by = $3, consented_at = now(), ends_at = now() + make_interval(hours => $4), shows_people = $5
         WHERE account_id = $1 AND id = $2
        RETURNING ends_at
        """,
        account_id,
        grant_id,
        consented_by,
        hours,
        shows_people,
    )
    return until


async def end_grant(conn: Conn, *, account_id: UUID, grant_id: UUID) -> None:
    """Refused, withdrawn or given up."""
    await conn.execute(
        "UPDATE main.staff_grants SET ended_at = now() WHERE account_id = $1 AND id = $2 AND ended_at IS NULL",
        account_id,
        grant_id,
    )


async def running_grant(conn: Conn, *, account_id: UUID, person_id: UUID, grant_id: UUID) -> StoredGrant | None:
    """A grant that opens the account at this moment to this person: who must still be of the staff."""
    row = await conn.fetchrow(
        f"""
        SELECT {GRANT} FROM main.staff_grants g
         WHERE account_id = $1 AND id = $2 AND person_id = $3 AND ended_at IS NULL AND ends_at > now()
           AND EXISTS (SELECT FROM main.staff s WHERE s.person_id = g.person_id)
           AND EXISTS (SELECT FROM main.people p WHERE p.id = g.person_id AND p.disabled_at IS NULL)
           AND EXISTS (SELECT FROM main.accounts a WHERE a.id = g.account_id AND a.closed_at IS NULL)
        """,  # noqa: S608  # columns above
        account_id,
        grant_id,
        person_id,
    )
    return None if row is None else StoredGrant(*row)


# Sessions that look in by a grant


async def enter(conn: Conn, *, person_id: UUID, session_id: UUID, account_id: UUID, grant_id: UUID) -> None:
    await conn.execute(
        """
        UPDATE main.sessions SET home_id = coalesce(home_id, account_id), account_id = $3, grant_id = $4
         WHERE person_id = $1 AND id = $2
        """,
        person_id,
        session_id,
        account_id,
        grant_id,
    )


async def leave(conn: Conn, *, person_id: UUID, session_id: UUID, grant_id: UUID) -> bool:
    """Back to where they came from; False when they are not in by this grant any more."""
    done: str = await conn.execute(
        """
        UPDATE main.sessions SET account_id = home_id, home_id = NULL, grant_id = NULL
         WHERE person_id = $1 AND id = $2 AND grant_id = $3
        """,
        person_id,
        session_id,
        grant_id,
    )
    return done.endswith(" 1")


async def sessions_inside(conn: Conn, *, grant_id: UUID) -> list[tuple[UUID, UUID]]:
    """Person and session of everybody who is in by this grant."""
    rows = await conn.fetch("SELECT person_id, id FROM main.sessions WHERE grant_id = $1 ORDER BY id", grant_id)
    return [(row[0], row[1]) for row in rows]


async def sessions_inside_too_long(conn: Conn) -> list[tuple[UUID, UUID, UUID, UUID]]:
    """Person, session, account and grant of everybody whose grant is over and who has not asked for a page since."""
    rows = await conn.fetch(
        """
        SELECT s.person_id, s.id, s.account_id, s.grant_id
          FROM main.sessions s
          JOIN main.staff_grants g ON g.account_id = s.account_id AND g.id = s.grant_id
         WHERE s.grant_id IS NOT NULL AND (g.ended_at IS NOT NULL OR g.ends_at <= now())
         ORDER BY s.account_id
        """
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


# Going live


async def read_state(conn: Conn, *, account_id: UUID) -> str | None:
    state: str | None = await conn.fetchval("SELECT state FROM main.accounts WHERE id = $1", account_id)
    return state


async def lock_state(conn: Conn, *, account_id: UUID) -> str | None:
    """Until the transaction ends."""
    state: str | None = await conn.fetchval("SELECT state FROM main.accounts WHERE id = $1 FOR UPDATE", account_id)
    return state


async def set_state(conn: Conn, *, account_id: UUID, state: str) -> None:
    await conn.execute("UPDATE main.accounts SET state = $2 WHERE id = $1", account_id, state)


async def insert_review(conn: Conn, *, account_id: UUID, review_id: UUID, asked_by: UUID, answers: bytes) -> None:
    await conn.execute(
        "INSERT INTO main.go_live_reviews (account_id, id, asked_by, answers) VALUES ($1, $2, $3, $4)",
        account_id,
        review_id,
        asked_by,
        answers,
    )


async def decide_review(
    conn: Conn, *, account_id: UUID, review_id: UUID, decision: str, decided_by: UUID, reason: bytes
) -> bool:
    """False when there is none, or somebody was faster."""
    done: str = await conn.execute(
        """
        UPDATE main.go_live_reviews SET decision = $3, decided_by = $4, decided_at = now(), reason = $5
         WHERE account_id = $1 AND id = $2 AND decision IS NULL
        """,
        account_id,
        review_id,
        decision,
        decided_by,
        reason,
    )
    return done.endswith(" 1")


async def list_reviews(conn: Conn, *, account_id: UUID) -> list[StoredReview]:
    """The newest first."""
    rows = await conn.fetch(
        f"SELECT {REVIEW} FROM main.go_live_reviews WHERE account_id = $1 ORDER BY id DESC LIMIT 20",  # noqa: S608  # columns above
        account_id,
    )
    return [StoredReview(*row) for row in rows]


async def open_reviews_of_everyone(conn: Conn) -> list[StoredReview]:
    """What staff must decide, the oldest first."""
    rows = await conn.fetch(
        f"SELECT {REVIEW} FROM main.go_live_reviews WHERE decision IS NULL ORDER BY id LIMIT 200"  # noqa: S608  # columns above
    )
    return [StoredReview(*row) for row in rows]
