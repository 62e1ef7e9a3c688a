"""The SQL of the handset: test-mode messages, by the phone they went to or came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sendigopro.events.model import decode
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn

TEST = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """Messages that are new, and batches of events with the messages they are about."""

    message_ids: Sequence[UUID]
    batch_ids: Sequence[UUID]
    told_of: Sequence[UUID]


async def list_phones(conn: Conn, *, account_id: UUID, recent: int, limit: int) -> list[tuple[UUID, UUID]]:
    """(subject, its newest message) among the account's most recent test messages, newest first."""
    rows = await conn.fetch(
        """
        SELECT subject_id, id FROM (
            SELECT DISTINCT ON (subject_id) subject_id, id FROM (
                SELECT subject_id, id FROM main.messages
                WHERE account_id = $1 AND mode = $2 AND subject_id IS NOT NULL ORDER BY id DESC LIMIT $3
            ) recent ORDER BY subject_id, id DESC
        ) newest ORDER BY id DESC LIMIT $4
        """,
        account_id,
        TEST,
        recent,
        limit,
    )
    return [(row["subject_id"], row["id"]) for row in rows]


async def read_thread(conn: Conn, *, account_id: UUID, subject_id: UUID, limit: int) -> list[tuple[UUID, UUID | None]]:
    """(message, sender) of one phone, oldest first."""
    rows = await conn.fetch(
        """
        SELECT id, sender_id FROM main.messages
        WHERE account_id = $1 AND mode = $2 AND subject_id = $3 ORDER BY id DESC LIMIT $4
        """,
        account_id,
        TEST,
        subject_id,
        limit,
    )
    return [(row["id"], row["sender_id"]) for row in reversed(rows)]


async def read_changes(conn: Conn, *, account_id: UUID, since: UUID, limit: int) -> Changes:
    """What was written from `since` on. Ids are older than their commits, so ask again for a little of the past."""
    messages = await conn.fetch(
        "SELECT id FROM main.messages WHERE account_id = $1 AND mode = $2 AND id >= $3 ORDER BY id DESC LIMIT $4",
        account_id,
        TEST,
        since,
        limit,
    )
    batches = await conn.fetch(
        """
        SELECT id, payload FROM main.events
        WHERE account_id = $1 AND mode = $2 AND id >= $3 ORDER BY id DESC LIMIT $4
        """,
        account_id,
        TEST,
        since,
        limit,
    )
    told_of = {ids.from_bytes(event.object_id) for row in batches for event in decode(row["payload"])}
    return Changes([row["id"] for row in messages], [row["id"] for row in batches], list(told_of))


async def subjects_of(conn: Conn, *, account_id: UUID, message_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Message → subject, for test messages that still have one."""
    rows = await conn.fetch(
        """
        SELECT id, subject_id FROM main.messages
        WHERE account_id = $1 AND mode = $2 AND id = ANY($3) AND id >= $4 AND subject_id IS NOT NULL
        """,
        account_id,
        TEST,
        list(message_ids),
        min(message_ids),
    )
    return {row["id"]: row["subject_id"] for row in rows}
