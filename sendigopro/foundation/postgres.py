"""How we speak to PostgreSQL: pools, and rows packed by hand for binary COPY."""

import struct
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

Row = asyncpg.Record
if TYPE_CHECKING:
    Pool = asyncpg.Pool[Row]
    Conn = asyncpg.Connection[Row] | asyncpg.pool.PoolConnectionProxy[Row]
else:
    Pool = asyncpg.Pool
    Conn = asyncpg.Connection

Reading = Callable[[UUID], AbstractAsyncContextManager[Conn]]
"""A way to read what belongs to one account: `as_account` or `as_everyone` with its pool."""

CONNECTION_LOST = (
    OSError,  # TimeoutError is one
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it is being stopped, has crashed, or is starting
    asyncpg.InsufficientResourcesError,  # disk, memory or connections have run out
)
"""The server is away or cannot go on; what was under way is unknown, and trying again later is right."""

MAYBE_COMMITTED = (
    TimeoutError,
    ConnectionResetError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)
"""Those of them that may end a connection in the middle of a commit: nobody knows how it ended."""

DuplicateKeyError = asyncpg.UniqueViolationError
"""Somebody else was faster with the same row."""

HOT = {
    # Hot statements are planned once, and maybe while their tables are empty: then only an index is never wrong.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_bitmapscan": "off",
}
PG_EPOCH_US = 946_684_800_000_000  # 2000-01-01: what timestamps in binary COPY count from
PG_EPOCH_DAY = date(2000, 1, 1).toordinal()
HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
TAIL = struct.pack("!h", -1)
NULL = struct.pack("!i", -1)
_LENGTH = struct.Struct("!i")


class Session(asyncpg.Connection):
    """A connection that the pool takes back without asking the server to reset it: we leave nothing behind."""

    def get_reset_query(self) -> str:
        """Save a round trip on every release."""
        return ""


async def connect_pool(
    url: str,
    *,
    size: int,
    name: str,
    command_timeout_seconds: float = 30,
    is_hot: bool = False,
    at_once: int = 1,
    warm: Callable[[Conn], Coroutine[Any, Any, None]] | None = None,
) -> Pool:
    """Open up to `size` connections, `at_once` of them now; `name` is what pg_stat_activity shows.

    `is_hot`: each statement is planned once. Its partitions are then left out when it starts, for a tenth of what
    planning anew costs (docs/decisions/0006); so connections are kept, and `warm` plans on each before it is used.
    """
    return await asyncpg.create_pool(
        url,
        min_size=at_once,
        max_size=size,
        init=warm,
        connection_class=Session,
        command_timeout=command_timeout_seconds,
        max_inactive_connection_lifetime=0 if is_hot else 300,
        server_settings={"application_name": name, "jit": "off"} | (HOT if is_hot else {}),
    )


async def ping(pool: Pool) -> None:
    """Raise one of `CONNECTION_LOST` if the server is away."""
    await pool.fetchval("SELECT 1")


async def server_time(conn: Conn) -> datetime:
    """The clock by which leases and due times are read."""
    now: datetime = await conn.fetchval("SELECT now()")
    return now


async def server_setting(conn: Conn, name: str) -> str:
    """A setting of the server, as it would print it."""
    setting: str = await conn.fetchval("SELECT current_setting($1)", name)
    return setting


@asynccontextmanager
async def as_account(pool: Pool, account_id: UUID) -> AsyncIterator[Conn]:
    """A transaction in which the role `door` sees this account and no other, and which leaves nothing behind."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT set_config('sendigopro.account_id', $1, true)", str(account_id))
        yield conn


@asynccontextmanager
async def as_owner(url: str) -> AsyncIterator[Conn]:
    """A transaction on a connection of its own, for the rare act that no other role may do: `url` names the role."""
    conn = await asyncpg.connect(url)
    try:
        async with conn.transaction():
            yield conn
    finally:
        await conn.close()


@asynccontextmanager
async def as_everyone(pool: Pool, account_id: UUID) -> AsyncIterator[Conn]:
    """The same shape for the role `pipeline`, whose statements name their accounts themselves."""
    del account_id
    async with pool.acquire() as conn:
        yield conn


async def copy_rows(
    conn: Conn, table: str, *, columns: Sequence[str], rows: Sequence[bytes], schema: str = "main"
) -> None:
    """COPY rows that were packed beforehand; each row begins with its number of columns (16 bits)."""
    blob = b"".join((HEAD, *rows, TAIL))

    async def source() -> AsyncIterator[bytes]:
        yield blob

    await conn.copy_to_table(table, source=source(), columns=columns, schema_name=schema, format="binary")


def pack_bytes(value: bytes | None) -> bytes:
    """A bytea (or text already encoded) of any length, or NULL."""
    return NULL if value is None else _LENGTH.pack(len(value)) + value


def pg_day(day: date) -> int:
    """A date as binary COPY wants it."""
    return day.toordinal() - PG_EPOCH_DAY


def firsts(counts: Sequence[int]) -> list[int]:
    """Where each run of a flat array begins, counted from 1."""
    firsts, first = [], 1
    for count in counts:
        firsts.append(first)
        first += count
    return firsts


def from_us(us: int) -> datetime:
    """Microseconds since 1970 as an aware datetime."""
    return datetime.fromtimestamp(us / 1_000_000, UTC)
