"""Partitions by day or month, made ahead of time; each partitioned table carries its plan as its comment."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import asyncpg

from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Conn

LOCK = 0x5E4D1602
AHEAD_MIN = 14
DROP_WAIT_MILLISECONDS = 1000
UPKEEP_SECONDS = 6 * 3600.0
NEAR_DAYS = 35  # within these a partition is a day; farther away, a month
KINDS = ("uuid", "date", "timestamptz")
SCHEMAS = ("main", "jobs", "vault")


class UnknownPlanError(ValueError):
    """The words of a plan are wrong; the text says which."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which partitions a table must have."""

    every: Literal["day", "month"] = "day"
    ahead: int = 21  # days between today and the last partition, `reach` not counted
    reach: int = 0  # days: rows may be filed under a day that far away
    back: int = 1  # days
    firsts: int = 0  # months whose first day is made too, see expiry_bucket


@dataclass(frozen=True, slots=True)
class Parent:
    """A partitioned table as the catalogue describes it."""

    table: str
    kind: str  # of its range column, one of KINDS
    plan: Plan
    partitions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Span:
    """The days of one partition, the last one excluded."""

    name: str
    start: date
    end: date


def expiry_bucket(day: date, today: date) -> date:
    """The day a row is filed under that expires on `day`: farther away than 35 days, the first of the next month.

    So all far expiries of a month share the one partition that `firsts` makes, and the days of that month are still
    free when they come near. It only ever rounds up: who reads checks the exact time as well.
    """
    if day <= today + timedelta(days=NEAR_DAYS) or day.day == 1:
        return day
    return month_after(day)


async def ensure_ahead(conn: Conn, *, today: date) -> list[str]:
    """Make every partition that is due; returns the names of the new ones. Safe by two nodes at once.

    A partition is made as a table of its own and attached afterwards, because CREATE TABLE … PARTITION OF would lock
    out readers and writers of its parent; ATTACH does not.
    """
    made = []
    for parent in await parents(conn):
        if all(span.name in parent.partitions for span in wanted(parent.plan, today, parent.table)):
            continue
        async with conn.transaction():
            await conn.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            fresh = next(again for again in await parents(conn) if again.table == parent.table)
            quiet = await quiet_columns(conn, fresh.table)
            for span in wanted(fresh.plan, today, fresh.table):
                if span.name not in fresh.partitions:
                    await make(conn, fresh, span, quiet=quiet)
                    made.append(span.name)
    return made


async def ensure_days(conn: Conn, table: str, days: Iterable[date]) -> list[str]:
    """Make the partitions of `table` for these days, past ones too, for rows from elsewhere; needs `owner`."""
    made = []
    async with conn.transaction():
        await conn.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        parent = next(found for found in await parents(conn) if found.table == table)
        quiet = await quiet_columns(conn, table)
        for span in sorted({span_of(parent.plan, day, table) for day in days}, key=lambda one: one.name):
            if span.name not in parent.partitions:
                await make(conn, parent, span, quiet=quiet)
                made.append(span.name)
    return made


async def keep_ahead(urls: Sequence[str]) -> None:
    """A worker's job, until cancelled: make what is due in each database, four times a day. Needs role `owner`."""
    while True:
        for url in urls:
            conn = await asyncpg.connect(url)
            try:
                await ensure_ahead(conn, today=clock.today())
            finally:
                await conn.close()
        await asyncio.sleep(UPKEEP_SECONDS)


async def days_ahead(conn: Conn, *, today: date) -> int:
    """How many days from now the first table runs out of partitions; readiness fails below 2."""
    shortest = 10_000
    for parent in await parents(conn):
        covered = 0
        last = parent.plan.reach + parent.plan.ahead
        while covered <= last:
            if span_of(parent.plan, today + timedelta(days=covered), parent.table).name not in parent.partitions:
                break
            covered += 1
        shortest = min(shortest, covered - 1 - parent.plan.reach)
    return shortest


async def drop_before(conn: Conn, table: str, day: date) -> list[str]:
    """Retention: drop the partitions of `table` that end on or before `day`; what is in use is left for next time."""
    parent = next(found for found in await parents(conn) if found.table == table)
    gone = []
    for name in sorted(name for name in parent.partitions if end_of(name) <= day):
        try:
            async with conn.transaction():
                # The drop locks out all users of the parent, and those who come while it waits: it must not wait long.
                await conn.execute(f"SET LOCAL lock_timeout = '{DROP_WAIT_MILLISECONDS}ms'")
                await conn.execute(f"DROP TABLE IF EXISTS {name}")
        except asyncpg.LockNotAvailableError:
            break
        gone.append(name)
    return gone


def end_of(name: str) -> date:
    """The first day after a partition, read from its name (`…_d20261123`, `…_m202611`)."""
    suffix = name.rpartition("_")[2]
    if suffix.startswith("m"):
        return month_after(datetime.strptime(suffix, "m%Y%m").replace(tzinfo=UTC).date())
    return datetime.strptime(suffix, "d%Y%m%d").replace(tzinfo=UTC).date() + timedelta(days=1)


def wanted(plan: Plan, today: date, table: str) -> Iterator[Span]:
    """The partitions a table must have today, each once."""
    seen = set()
    days = [today + timedelta(days=shift) for shift in range(-plan.back, plan.reach + plan.ahead + 1)]
    month = today
    for _ in range(plan.firsts):
        month = month_after(month)
        days.append(month)
    for day in days:
        span = span_of(plan, day, table)
        if span.name not in seen:
            seen.add(span.name)
            yield span


def span_of(plan: Plan, day: date, table: str) -> Span:
    if plan.every == "month":
        return Span(f"{table}_m{day:%Y%m}", day.replace(day=1), month_after(day))
    return Span(f"{table}_d{day:%Y%m%d}", day, day + timedelta(days=1))


def month_after(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


async def make(conn: Conn, parent: Parent, span: Span, *, quiet: Sequence[str]) -> None:
    """Make one partition; statistics targets are not inherited, so columns kept from statistics are set again."""
    start, end = bound(parent.kind, span.start), bound(parent.kind, span.end)
    like = f"LIKE {parent.table} INCLUDING ALL EXCLUDING INDEXES EXCLUDING IDENTITY EXCLUDING COMMENTS"
    await conn.execute(f"CREATE TABLE {span.name} ({like})")
    for column in quiet:
        await conn.execute(f"ALTER TABLE {span.name} ALTER COLUMN {column} SET STATISTICS 0")
    await conn.execute(
        f"ALTER TABLE {parent.table} ATTACH PARTITION {span.name} FOR VALUES FROM ('{start}') TO ('{end}')"
    )


def bound(kind: str, day: date) -> str:
    if kind == "uuid":
        return str(ids.first_of_day(day))
    return day.isoformat() if kind == "date" else f"{day.isoformat()} 00:00:00+00"


async def parents(conn: Conn) -> list[Parent]:
    """Every partitioned table of ours with its plan."""
    rows = await partitioned(conn, SCHEMAS)
    return [
        Parent(row["table"], row["kind"], read_comment(row["comment"]), frozenset(row["partitions"])) for row in rows
    ]


async def faults(conn: Conn, schemas: Sequence[str]) -> list[str]:
    """What is wrong with partitioned tables, for the migration gate."""
    wrong = []
    for row in await partitioned(conn, schemas):
        try:
            read_comment(row["comment"])
        except UnknownPlanError as error:
            wrong.append(f"{row['table']} ({error})")
        if row["kind"] not in KINDS:
            wrong.append(f"{row['table']} (range column must be one of {', '.join(KINDS)})")
    return wrong


async def partitioned(conn: Conn, schemas: Sequence[str]) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await conn.fetch(
        """
        SELECT n.nspname || '.' || c.relname AS table, obj_description(c.oid, 'pg_class') AS comment,
               CASE WHEN p.partnatts = 1 AND p.partstrat = 'r' THEN t.typname ELSE 'unfit' END AS kind,
               ARRAY(SELECT kn.nspname || '.' || k.relname
                       FROM pg_inherits i
                       JOIN pg_class k ON k.oid = i.inhrelid
                       JOIN pg_namespace kn ON kn.oid = k.relnamespace
                      WHERE i.inhparent = c.oid) AS partitions
          FROM pg_partitioned_table p
          JOIN pg_class c ON c.oid = p.partrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
          LEFT JOIN pg_type t ON t.oid = a.atttypid
         WHERE n.nspname = ANY($1) AND NOT c.relispartition
         ORDER BY 1
        """,
        [*schemas],
    )
    return rows


async def quiet_columns(conn: Conn, table: str) -> list[str]:
    rows = await conn.fetch(
        """
        SELECT attname FROM pg_attribute
         WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attstattarget = 0
        """,
        table,
    )
    return [row["attname"] for row in rows]


async def write_plan(conn: Conn, table: str, plan: Plan) -> None:
    await conn.execute(f"COMMENT ON TABLE {table} IS '{json.dumps({'partitions': asdict(plan)})}'")


def read_words(words: str) -> Plan:
    """Read `ahead=36 firsts=13`."""
    if words == "default":
        return Plan()
    return plan_of(dict(word.partition("=")[::2] for word in words.split()))


def read_comment(comment: str | None) -> Plan:
    try:
        return plan_of(json.loads(comment or "null")["partitions"])
    except (TypeError, KeyError, ValueError) as error:
        raise UnknownPlanError("needs a plan: -- @partitions ahead=21") from error


def plan_of(words: dict[str, str | int]) -> Plan:
    every = words.get("every", "day")
    if set(words) - {"every", "ahead", "reach", "back", "firsts"} or every not in {"day", "month"}:
        raise UnknownPlanError(f"plan {words}: words are every=day|month, ahead, reach, back, firsts")
    plan = Plan(
        every="month" if every == "month" else "day",
        ahead=int(words.get("ahead", Plan().ahead)),
        reach=int(words.get("reach", NEAR_DAYS if words.get("firsts") else 0)),
        back=int(words.get("back", Plan().back)),
        firsts=int(words.get("firsts", 0)),
    )
    if plan.ahead < AHEAD_MIN or (plan.firsts and plan.reach < NEAR_DAYS):
        raise UnknownPlanError(f"plan {words}: ahead is at least {AHEAD_MIN}, and firsts asks for reach={NEAR_DAYS}")
    return plan
