"""The SQL of passkeys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn


@dataclass(frozen=True, slots=True)
class StoredPasskey:
    """A row of `passkeys`."""

    person_id: UUID
    id: UUID
    credential_id: bytes = field(repr=False)
    public_key: bytes = field(repr=False)
    sign_count: int
    name: bytes = field(repr=False)
    created_at: datetime
    used_at: datetime | None


PASSKEY = "person_id, id, credential_id, public_key, sign_count, name, created_at, used_at"


async def insert(
    conn: Conn, *, person_id: UUID, passkey_id: UUID, credential_id: bytes, public_key: bytes, sign_count: int,
    name: bytes,
) -> bool:  # fmt: skip
    """False when somebody has this one already."""
    done: str = await conn.execute(
        """
        INSERT INTO main.passkeys (person_id, id, credential_id, public_key, sign_count, name)
        VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT DO NOTHING
        """,
        person_id,
        passkey_id,
        credential_id,
        public_key,
        sign_count,
        name,
    )
    return done.endswith(" 1")


async def list_of(conn: Conn, *, person_id: UUID) -> list[StoredPasskey]:
    rows = await conn.fetch(
        f"SELECT {PASSKEY} FROM main.passkeys WHERE person_id = $1 ORDER BY created_at, id",  # noqa: S608  # columns above
        person_id,
    )
    return [StoredPasskey(*row) for row in rows]


async def count(conn: Conn, *, person_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Who has how many; who has none is not named."""
    rows = await conn.fetch(
        "SELECT person_id, count(*) FROM main.passkeys WHERE person_id = ANY($1) GROUP BY person_id", list(person_ids)
    )
    return {row[0]: row[1] for row in rows}


async def lock(conn: Conn, *, credential_id: bytes) -> StoredPasskey | None:
    """Whose it is: the look-up that begins with nothing but what a browser says. Locked until the transaction ends."""
    row = await conn.fetchrow(
        f"SELECT {PASSKEY} FROM main.passkeys WHERE credential_id = $1 FOR UPDATE",  # noqa: S608  # columns above
        credential_id,
    )
    return None if row is None else StoredPasskey(*row)


async def note_use(conn: Conn, *, person_id: UUID, passkey_id: UUID, sign_count: int, now: datetime) -> None:
    await conn.execute(
        "UPDATE main.passkeys SET sign_count = $3, used_at = $4 WHERE person_id = $1 AND id = $2",
        person_id,
        passkey_id,
        sign_count,
        now,
    )


async def delete(conn: Conn, *, person_id: UUID, passkey_ids: Sequence[UUID] | None) -> int:
    """These, or all; how many there were."""
    done: str = await conn.execute(
        "DELETE FROM main.passkeys WHERE person_id = $1 AND ($2::uuid[] IS NULL OR id = ANY($2))",
        person_id,
        passkey_ids,
    )
    return int(done.rpartition(" ")[2])


async def use_challenge(conn: Conn, *, challenge_hash: bytes, ends_at: datetime) -> bool:
    """False when it was answered before."""
    done: str = await conn.execute(
        "INSERT INTO main.used_challenges (hash, ends_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        challenge_hash,
        ends_at,
    )
    return done.endswith(" 1")
