"""Every statement of the vault's database. What is personal arrives here sealed or as a MAC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import msgspec

from sendigopro.foundation.postgres import Conn, copy_rows, firsts
from sendigopro.vault.rows import SUBJECT_COLUMNS


class StoredSubject(msgspec.Struct, frozen=True, gc=False):
    """A row of `subjects`, as far as it is needed to find the key."""

    account_id: UUID
    mode: int
    lookup: bytes
    id: UUID
    key_slot: int
    country: str
    last_seen: date


@dataclass(frozen=True, slots=True)
class SealedSubject:
    """A row of `subjects` with its sealed identifier."""

    id: UUID
    mode: int
    lookup: bytes
    identifier: bytes
    key_slot: int
    country: str


@dataclass(frozen=True, slots=True)
class NewIdentifier:
    """What a subject is called from now on, sealed."""

    lookup: bytes
    identifier: bytes
    country: str


async def take_block(conn: Conn) -> int:
    """The number of a block that nobody has."""
    block: int = await conn.fetchval("INSERT INTO vault.key_blocks DEFAULT VALUES RETURNING id")
    return block


async def find_subjects(
    conn: Conn, *, account_ids: Sequence[UUID], modes: Sequence[int], lookups: Sequence[Sequence[bytes]]
) -> list[StoredSubject]:
    """One index look-up each: OFFSET 0 forbids the plan that reads whole accounts, made while they were small.

    The account stands outside it: inside, it would make the index of ids an answer too, and to the planner of a young
    table as good a one. No two accounts share a MAC.
    `lookups[i]` are sought in `account_ids[i]` and `modes[i]`; they travel flat, with their counts.
    """
    rows = await conn.fetch(
        """
        SELECT found.account_id, found.mode, found.lookup, found.id, found.key_slot, found.country, found.last_seen
          FROM unnest($1::uuid[], $2::smallint[], $3::int[], $4::int[]) AS whose (account_id, mode, first, n)
         CROSS JOIN LATERAL unnest(($5::bytea[])[whose.first : whose.first + whose.n - 1]) AS wanted (lookup)
         CROSS JOIN LATERAL (
               SELECT s.account_id, s.mode, s.lookup, s.id, s.key_slot, s.country, s.last_seen
                 FROM vault.subjects s
                WHERE s.lookup = wanted.lookup AND s.mode = whose.mode
               OFFSET 0) AS found
         WHERE found.account_id = whose.account_id AND found.account_id = ANY($1)
        """,
        account_ids,
        modes,
        firsts([len(some) for some in lookups]),
        [len(some) for some in lookups],
        [lookup for some in lookups for lookup in some],
    )
    return [StoredSubject(*row) for row in rows]


async def copy_subjects(conn: Conn, rows: Sequence[bytes]) -> None:
    """Write packed rows; `DuplicateKeyError`, and none of them, when one is there already."""
    await copy_rows(conn, "subjects", columns=SUBJECT_COLUMNS, rows=rows, schema="vault")


async def meet_subjects(
    conn: Conn,
    *,
    account_ids: Sequence[UUID],
    ids: Sequence[UUID],
    modes: Sequence[int],
    kind: int,
    lookups: Sequence[bytes],
    identifiers: Sequence[bytes],
    key_slots: Sequence[int],
    countries: Sequence[str],
    today: date,
) -> list[StoredSubject]:
    """Insert those that are not there, and return all: who was there has another id than was offered.

    In one order for all groups, so none waits in a circle. Absent is whom another transaction inserts meanwhile.
    """
    rows = await conn.fetch(
        """
        WITH wanted AS (
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::bytea[], $5::bytea[], $6::bigint[],
                                 $7::text[]) AS w (account_id, id, mode, lookup, identifier, key_slot, country)
        ),
        made AS (
            INSERT INTO vault.subjects
                   (account_id, id, mode, kind, lookup, identifier, key_slot, country, first_seen, last_seen)
            SELECT account_id, id, mode, $8, lookup, identifier, key_slot, country, $9, $9
              FROM wanted ORDER BY account_id, mode, lookup
                ON CONFLICT (lookup, mode) DO NOTHING
            RETURNING account_id, mode, lookup, id, key_slot, country, last_seen
        )
        SELECT account_id, mode, lookup, id, key_slot, country, last_seen FROM made
         UNION ALL
        SELECT found.account_id, found.mode, found.lookup, found.id, found.key_slot, found.country, found.last_seen
          FROM wanted
         CROSS JOIN LATERAL (
               SELECT s.account_id, s.mode, s.lookup, s.id, s.key_slot, s.country, s.last_seen
                 FROM vault.subjects s
                WHERE s.lookup = wanted.lookup AND s.mode = wanted.mode
               OFFSET 0) AS found
         WHERE found.account_id = wanted.account_id AND found.account_id = ANY($1)
        """,
        account_ids,
        ids,
        modes,
        lookups,
        identifiers,
        key_slots,
        countries,
        kind,
        today,
    )
    return [StoredSubject(*row) for row in rows]


async def read_subjects(conn: Conn, *, account_id: UUID, ids: Sequence[UUID]) -> list[SealedSubject]:
    """By the primary key, one look-up each: the only index that holds an account."""
    rows = await conn.fetch(
        """
        SELECT found.id, found.mode, found.lookup, found.identifier, found.key_slot, found.country
          FROM unnest($2::uuid[]) AS wanted (id)
         CROSS JOIN LATERAL (
               SELECT s.id, s.mode, s.lookup, s.identifier, s.key_slot, s.country
                 FROM vault.subjects s
                WHERE s.account_id = $1 AND s.id = wanted.id
               OFFSET 0) AS found
        """,
        account_id,
        ids,
    )
    return [SealedSubject(*row) for row in rows]


async def unseen_among(conn: Conn, *, account_id: UUID, ids: Sequence[UUID], since: date) -> list[UUID]:
    rows = await conn.fetch(
        "SELECT id FROM vault.subjects WHERE account_id = $1 AND id = ANY($2) AND last_seen < $3",
        account_id,
        list(ids),
        since,
    )
    return [row["id"] for row in rows]


async def delete_subjects(conn: Conn, *, account_id: UUID, ids: Sequence[UUID]) -> None:
    """Remove rows whose key is dead."""
    await conn.execute("DELETE FROM vault.subjects WHERE account_id = $1 AND id = ANY($2)", account_id, ids)


async def replace_subject(conn: Conn, *, account_id: UUID, subject_id: UUID, new: NewIdentifier) -> bool:
    """Give a subject another identifier, unless somebody has that one; `DuplicateKeyError` when somebody just took it.

    Deleted and inserted again: `pipeline` may change nothing of a subject but when it was seen.
    """
    row = await conn.fetchrow(
        """
        DELETE FROM vault.subjects WHERE account_id = $1 AND id = $2
        RETURNING mode, kind, key_slot, first_seen, last_seen
        """,
        account_id,
        subject_id,
    )
    if row is None:
        return False
    await conn.execute(
        """
        INSERT INTO vault.subjects
               (account_id, id, mode, kind, lookup, identifier, key_slot, country, first_seen, last_seen)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        account_id,
        subject_id,
        row["mode"],
        row["kind"],
        new.lookup,
        new.identifier,
        row["key_slot"],
        new.country,
        row["first_seen"],
        row["last_seen"],
    )
    return True


async def mark_seen(conn: Conn, *, account_id: UUID, ids: Sequence[UUID], today: date) -> None:
    await conn.execute(
        "UPDATE vault.subjects SET last_seen = $3 WHERE account_id = $1 AND id = ANY($2) AND last_seen < $3",
        account_id,
        ids,
        today,
    )


async def read_account_slots(conn: Conn, *, account_id: UUID) -> tuple[int, int, int] | None:
    row = await conn.fetchrow(
        "SELECT lookup_slot, suppression_slot, seal_slot FROM vault.account_keys WHERE account_id = $1", account_id
    )
    return None if row is None else (row[0], row[1], row[2])


async def insert_account_slots(conn: Conn, *, account_id: UUID, slots: tuple[int, int, int]) -> None:
    """Give an account its keys, unless it has them."""
    await conn.execute(
        """
        INSERT INTO vault.account_keys (account_id, lookup_slot, suppression_slot, seal_slot)
        VALUES ($1, $2, $3, $4)
            ON CONFLICT (account_id) DO NOTHING
        """,
        account_id,
        *slots,
    )


async def read_bucket_slot(conn: Conn, *, account_id: UUID, bucket: date) -> int | None:
    slot: int | None = await conn.fetchval(
        "SELECT slot FROM vault.buckets WHERE account_id = $1 AND bucket = $2", account_id, bucket
    )
    return slot


async def insert_bucket_slot(conn: Conn, *, account_id: UUID, bucket: date, slot: int) -> None:
    """Open a bucket, unless it is open."""
    await conn.execute(
        """
        INSERT INTO vault.buckets (account_id, bucket, slot)
        VALUES ($1, $2, $3)
            ON CONFLICT (account_id, bucket) DO NOTHING
        """,
        account_id,
        bucket,
        slot,
    )
