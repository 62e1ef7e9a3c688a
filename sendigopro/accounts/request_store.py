"""Every statement about the request log."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sendigopro.foundation.postgres import Conn

COLUMNS = (
    "account_id", "id", "given_id", "mode", "key_id", "method", "path", "status", "problem", "duration_us",
    "request_bytes", "response_bytes",
)  # fmt: skip
LOOKED_MAX = 10_000
"""Lines that one question goes through at most, however few of them fit its filters."""
SEEN = ", ".join(COLUMNS[1:])


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it is shown."""

    id: UUID
    given_id: UUID | None
    mode: int
    key_id: UUID
    method: str
    path: str
    status: int
    problem: str | None
    duration_us: int
    request_bytes: int
    response_bytes: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which requests; what is None is not asked about."""

    below: UUID
    since: UUID
    statuses: tuple[int, int] | None = None
    """From and below."""
    method: str | None = None
    key_id: UUID | None = None


async def append(conn: Conn, *, records: Sequence[tuple[object, ...]]) -> None:
    """Write lines. Losing the last ones with the machine's power is no harm, so nobody waits for the disk."""
    async with conn.transaction():
        await conn.execute("SET LOCAL synchronous_commit = off")
        await conn.copy_records_to_table("requests", schema_name="main", columns=COLUMNS, records=records)


async def list_requests(
    conn: Conn, *, account_id: UUID, mode: int, wanted: Wanted, limit: int
) -> tuple[list[Asked], UUID | None]:
    """The newest first, and where to go on: below the last one, or below the last one that was looked at."""
    is_problem = wanted.statuses is not None and wanted.statuses[0] >= 400  # noqa: PLR2004  # an index has them alone
    narrow = "AND status >= 400" if is_problem else ""
    low, high = wanted.statuses or (0, 1000)
    rows = await conn.fetch(
        f"""
        SELECT * FROM (
            SELECT {SEEN} FROM main.requests
            WHERE account_id = $1 AND mode = $2 AND id < $3 AND id >= $4 {narrow}
            ORDER BY id DESC LIMIT $5
        ) looked
        WHERE status >= $6 AND status < $7 AND ($8::text IS NULL OR method = $8) AND ($9::uuid IS NULL OR key_id = $9)
        ORDER BY id DESC LIMIT $10
        """,  # noqa: S608  # the columns are ours
        account_id, mode, wanted.below, wanted.since, LOOKED_MAX, low, high, wanted.method, wanted.key_id, limit + 1,
    )  # fmt: skip
    found = [Asked(*row) for row in rows]
    if len(found) > limit:
        return found[:limit], found[limit - 1].id
    reached: UUID | None = await conn.fetchval(
        f"""
        SELECT id FROM main.requests WHERE account_id = $1 AND mode = $2 AND id < $3 AND id >= $4 {narrow}
        ORDER BY id DESC OFFSET $5 LIMIT 1
        """,  # noqa: S608  # one of two texts
        account_id, mode, wanted.below, wanted.since, LOOKED_MAX - 1,
    )  # fmt: skip
    return found, reached


async def read_newer(conn: Conn, *, account_id: UUID, mode: int, after: UUID, limit: int) -> list[Asked]:
    """What came since, the newest first."""
    rows = await conn.fetch(
        f"""
        SELECT {SEEN} FROM main.requests WHERE account_id = $1 AND mode = $2 AND id > $3 ORDER BY id DESC LIMIT $4
        """,  # noqa: S608  # the columns are ours
        account_id,
        mode,
        after,
        limit,
    )
    return [Asked(*row) for row in rows]


async def find_requests(conn: Conn, *, account_id: UUID, request_id: UUID, since: UUID, limit: int) -> list[Asked]:
    """Whatever has this Request-Id, in either mode: ours is one line, a caller's own may be several."""
    rows = await conn.fetch(
        f"""
        SELECT {SEEN} FROM main.requests WHERE account_id = $1 AND id >= $3 AND id = $2
        UNION ALL
        SELECT {SEEN} FROM main.requests WHERE account_id = $1 AND id >= $3 AND given_id = $2
        ORDER BY id DESC LIMIT $4
        """,  # noqa: S608  # the columns are ours
        account_id,
        request_id,
        since,
        limit,
    )
    return [Asked(*row) for row in rows]
