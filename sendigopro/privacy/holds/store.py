"""The SQL of legal holds."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sendigopro.foundation.postgres import Conn
from sendigopro.privacy.holds.model import StoredHold, StoredItem


async def insert_hold(conn: Conn, hold: StoredHold, *, subject_ids: Sequence[UUID]) -> None:
    await conn.execute(
        """
        INSERT INTO main.holds (account_id, id, key_slot, words, placed_at, review_at) VALUES ($1, $2, $3, $4, $5, $6)
        """,
        hold.account_id,
        hold.id,
        hold.key_slot,
        hold.words,
        hold.placed_at,
        hold.review_at,
    )
    await conn.execute(
        "INSERT INTO main.held_subjects (account_id, hold_id, subject_id) SELECT $1, $2, unnest($3::uuid[])",
        hold.account_id,
        hold.id,
        list(subject_ids),
    )


async def is_being_erased(conn: Conn, *, account_id: UUID, subject_ids: Sequence[UUID]) -> bool:
    """Whether an erasure has begun: from there nothing brings them back."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (SELECT 1 FROM main.privacy_requests
                       WHERE account_id = $1 AND status = 'erasing' AND subject_ids && $2)
        """,
        account_id,
        list(subject_ids),
    )
    return found


async def holds_of(conn: Conn, *, account_id: UUID, subject_ids: Sequence[UUID]) -> list[StoredHold]:
    """The holds about these subjects; the one that is reviewed last comes first."""
    rows = await conn.fetch(
        """
        SELECT h.account_id, h.id, h.key_slot, h.words, h.placed_at, h.review_at FROM main.holds h
        WHERE h.account_id = $1 AND EXISTS (
            SELECT 1 FROM main.held_subjects s
            WHERE s.account_id = $1 AND s.hold_id = h.id AND s.subject_id = ANY($2))
        ORDER BY h.review_at DESC
        """,
        account_id,
        list(subject_ids),
    )
    return [StoredHold(*row) for row in rows]


async def list_of_everyone(conn: Conn) -> list[StoredHold]:
    """All there are, the one to be reviewed next first. Holds are few: people place them one by one."""
    rows = await conn.fetch(
        "SELECT account_id, id, key_slot, words, placed_at, review_at FROM main.holds ORDER BY review_at, id"
    )
    return [StoredHold(*row) for row in rows]


async def find_of_everyone(conn: Conn, *, hold_id: UUID) -> StoredHold | None:
    row = await conn.fetchrow(
        "SELECT account_id, id, key_slot, words, placed_at, review_at FROM main.holds WHERE id = $1", hold_id
    )
    return None if row is None else StoredHold(*row)


async def set_review(conn: Conn, hold: StoredHold, *, review_at: datetime) -> None:
    await conn.execute(
        "UPDATE main.holds SET review_at = $3 WHERE account_id = $1 AND id = $2", hold.account_id, hold.id, review_at
    )


async def subjects_of(conn: Conn, hold: StoredHold) -> list[UUID]:
    rows = await conn.fetch(
        "SELECT subject_id FROM main.held_subjects WHERE account_id = $1 AND hold_id = $2", hold.account_id, hold.id
    )
    return [row[0] for row in rows]


async def put_items(conn: Conn, hold: StoredHold, items: Sequence[StoredItem]) -> None:
    """Keep copies; a newer one replaces an older, but never one that still has the text by one that has not.

    The hold's row is locked, so that a release that deletes it first finds all copies there are, or none comes after.
    """
    await conn.execute(
        """
        INSERT INTO main.held_items AS kept (account_id, hold_id, subject_id, id, has_text, content)
        SELECT $1, $2, i.subject_id, i.id, i.has_text, i.content
        FROM (SELECT 1 FROM main.holds WHERE account_id = $1 AND id = $2 FOR KEY SHARE) there
        CROSS JOIN unnest($3::uuid[], $4::uuid[], $5::boolean[], $6::bytea[]) AS i (subject_id, id, has_text, content)
        ON CONFLICT (account_id, hold_id, subject_id, id)
        DO UPDATE SET has_text = excluded.has_text, content = excluded.content
        WHERE excluded.has_text OR NOT kept.has_text
        """,
        hold.account_id,
        hold.id,
        [one.subject_id for one in items],
        [one.id for one in items],
        [one.has_text for one in items],
        [one.content for one in items],
    )


async def last_item(conn: Conn, hold: StoredHold, *, subject_id: UUID) -> UUID | None:
    """The newest message of which there is a copy."""
    found: UUID | None = await conn.fetchval(
        """
        SELECT id FROM main.held_items WHERE account_id = $1 AND hold_id = $2 AND subject_id = $3 AND id <> $3
        ORDER BY id DESC LIMIT 1
        """,
        hold.account_id,
        hold.id,
        subject_id,
    )
    return found


async def read_items(conn: Conn, hold: StoredHold, *, after: tuple[UUID, UUID], limit: int) -> list[StoredItem]:
    """The next copies after (subject, item)."""
    rows = await conn.fetch(
        """
        SELECT subject_id, id, has_text, content FROM main.held_items
        WHERE account_id = $1 AND hold_id = $2 AND (subject_id, id) > ($3, $4)
        ORDER BY subject_id, id LIMIT $5
        """,
        hold.account_id,
        hold.id,
        *after,
        limit,
    )
    return [StoredItem(*row) for row in rows]


async def delete_hold(conn: Conn, hold: StoredHold) -> bool:
    """All rows of a hold whose key is dead; False when somebody else has deleted it."""
    deleted = await conn.fetchval(
        "DELETE FROM main.holds WHERE account_id = $1 AND id = $2 RETURNING true", hold.account_id, hold.id
    )
    for table, column in (("held_subjects", "hold_id"), ("held_items", "hold_id")):
        await conn.execute(
            f"DELETE FROM main.{table} WHERE account_id = $1 AND {column} = $2",  # noqa: S608  # names from above
            hold.account_id,
            hold.id,
        )
    return deleted is not None
