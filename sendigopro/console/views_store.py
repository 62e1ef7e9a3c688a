"""The SQL of saved views: lists of messages that a member has given a name."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sendigopro.foundation.postgres import Conn


@dataclass(frozen=True, slots=True)
class StoredView:
    """A view as it is kept."""

    id: UUID
    name: bytes = field(repr=False)
    query: bytes = field(repr=False)


async def list_views(conn: Conn, *, account_id: UUID, person_id: UUID, limit: int) -> Sequence[StoredView]:
    """One member's, in the order they were made."""
    rows = await conn.fetch(
        "SELECT id, name, query FROM main.saved_views WHERE account_id = $1 AND person_id = $2 ORDER BY id LIMIT $3",
        account_id, person_id, limit,
    )  # fmt: skip
    return [StoredView(row["id"], row["name"], row["query"]) for row in rows]


async def insert_view(conn: Conn, view: StoredView, *, account_id: UUID, person_id: UUID, at_most: int) -> bool:
    """False when there are so many already; those of one member come one after the other."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 20))", person_id.hex)
    done = await conn.execute(
        """
        INSERT INTO main.saved_views (account_id, person_id, id, name, query)
        SELECT $1, $2, $3, $4, $5
        WHERE (SELECT count(*) FROM main.saved_views WHERE account_id = $1 AND person_id = $2) < $6
        """,
        account_id, person_id, view.id, view.name, view.query, at_most,
    )  # fmt: skip
    return bool(done.endswith(" 1"))


async def rename_view(conn: Conn, *, account_id: UUID, person_id: UUID, view_id: UUID, name: bytes) -> bool:
    """False when it is not theirs."""
    done = await conn.execute(
        "UPDATE main.saved_views SET name = $4 WHERE account_id = $1 AND person_id = $2 AND id = $3",
        account_id, person_id, view_id, name,
    )  # fmt: skip
    return bool(done.endswith(" 1"))


async def delete_view(conn: Conn, *, account_id: UUID, person_id: UUID, view_id: UUID) -> bool:
    """False when it is not theirs."""
    done = await conn.execute(
        "DELETE FROM main.saved_views WHERE account_id = $1 AND person_id = $2 AND id = $3",
        account_id, person_id, view_id,
    )  # fmt: skip
    return bool(done.endswith(" 1"))
