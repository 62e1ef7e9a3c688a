"""All the SQL of carriers, routes, senders and binds."""

from collections.abc import Sequence
from uuid import UUID

from sendigopro.channels.model import Carrier, Sender
from sendigopro.foundation.postgres import Conn


async def read_carriers(conn: Conn) -> list[Carrier]:
    """Every carrier, without its secrets."""
    rows = await conn.fetch(
        "SELECT id, name, provider, channel, binds, unclear_wait_seconds, is_enabled FROM main.carriers ORDER BY name"
    )
    return [Carrier(*row.values()) for row in rows]


async def read_credentials(conn: Conn, *, carrier_id: UUID) -> bytes | None:
    """A carrier's sealed credentials."""
    sealed: bytes | None = await conn.fetchval("SELECT credentials FROM main.carriers WHERE id = $1", carrier_id)
    return sealed


async def put_carrier(conn: Conn, carrier: Carrier, *, credentials: bytes) -> UUID:
    """Add a carrier, or set one up anew under its name; returns its id."""
    carrier_id: UUID = await conn.fetchval(
        """
        INSERT INTO main.carriers (id, name, provider, channel, credentials, binds, unclear_wait_seconds, is_enabled)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (name) DO UPDATE SET provider = EXCLUDED.provider, channel = EXCLUDED.channel,
            credentials = EXCLUDED.credentials, binds = EXCLUDED.binds,
            unclear_wait_seconds = EXCLUDED.unclear_wait_seconds, is_enabled = EXCLUDED.is_enabled
        RETURNING id
        """,
        carrier.id,
        carrier.name,
        carrier.provider,
        carrier.channel,
        credentials,
        carrier.binds,
        carrier.unclear_wait_seconds,
        carrier.is_enabled,
    )
    return carrier_id


async def carrier_id_of(conn: Conn, *, name: str) -> UUID | None:
    """The id behind a name: credentials are sealed for it."""
    carrier_id: UUID | None = await conn.fetchval("SELECT id FROM main.carriers WHERE name = $1", name)
    return carrier_id


async def note_term(conn: Conn, *, name: str, days: int) -> bool:
    """How long a carrier keeps what it transported; False when there is no such carrier."""
    noted = await conn.fetchval("UPDATE main.carriers SET keeps_days = $2 WHERE name = $1 RETURNING true", name, days)
    return noted is not None


async def remove_carrier(conn: Conn, *, name: str) -> bool:
    """Forget a carrier."""
    return await conn.fetchval("DELETE FROM main.carriers WHERE name = $1 RETURNING id", name) is not None


async def read_routes_of_everyone(conn: Conn) -> dict[tuple[UUID, int, int], tuple[UUID, ...]]:
    """(account, mode, channel) → carriers, best first; the nil account's are the defaults."""
    rows = await conn.fetch("SELECT account_id, mode, channel, carrier_ids FROM main.routes")
    return {(row["account_id"], row["mode"], row["channel"]): tuple(row["carrier_ids"]) for row in rows}


async def put_route(conn: Conn, *, account_id: UUID, mode: int, channel: int, carrier_ids: Sequence[UUID]) -> None:
    """Set the carriers that messages of an account (or of everybody) may take."""
    await conn.execute(
        """
        INSERT INTO main.routes (account_id, mode, channel, carrier_ids) VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_id, mode, channel) DO UPDATE SET carrier_ids = EXCLUDED.carrier_ids
        """,
        account_id,
        mode,
        channel,
        list(carrier_ids),
    )


async def read_senders_of_everyone(conn: Conn) -> list[Sender]:
    """Every sender, oldest first: the accept path knows them all."""
    rows = await conn.fetch("SELECT account_id, id, channel, value, is_default FROM main.senders ORDER BY id")
    return [Sender(*row.values()) for row in rows]


async def read_senders(conn: Conn, *, account_id: UUID) -> list[Sender]:
    """An account's senders, oldest first."""
    rows = await conn.fetch(
        "SELECT account_id, id, channel, value, is_default FROM main.senders WHERE account_id = $1 ORDER BY id",
        account_id,
    )
    return [Sender(*row.values()) for row in rows]


async def read_sender(conn: Conn, *, account_id: UUID, sender_id: UUID) -> Sender | None:
    row = await conn.fetchrow(
        "SELECT account_id, id, channel, value, is_default FROM main.senders WHERE account_id = $1 AND id = $2",
        account_id,
        sender_id,
    )
    return None if row is None else Sender(*row.values())


async def add_sender(conn: Conn, sender: Sender) -> Sender:
    """Add a sender; one that is there already is returned as it is."""
    row = await conn.fetchrow(
        """
        INSERT INTO main.senders (account_id, id, channel, value, is_default) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (account_id, channel, value)
        DO UPDATE SET is_default = main.senders.is_default OR EXCLUDED.is_default
        RETURNING account_id, id, channel, value, is_default
        """,
        sender.account_id,
        sender.id,
        sender.channel,
        sender.value,
        sender.is_default,
    )
    assert row is not None  # DO UPDATE returns the row that is there
    return Sender(*row.values())


async def clear_default(conn: Conn, *, account_id: UUID, channel: int, except_id: UUID) -> None:
    """An account has one default sender on a channel."""
    await conn.execute(
        "UPDATE main.senders SET is_default = false WHERE account_id = $1 AND channel = $2 AND id <> $3 AND is_default",
        account_id,
        channel,
        except_id,
    )


async def hold_binds(
    conn: Conn, *, carrier_id: UUID, slots: int, owner: str, wanted: int, lease_seconds: float, is_bound: bool
) -> list[int]:
    """Renew this owner's binds and take free ones, up to `wanted`; returns the slots held now.

    `is_bound`: they work. Who has just taken one is given time to connect.
    """
    rows = await conn.fetch(
        """
        WITH free AS (
            SELECT s.slot FROM generate_series(0, $2 - 1) AS s (slot)
            LEFT JOIN main.carrier_binds b ON b.carrier_id = $1 AND b.slot = s.slot
            WHERE b.owner IS NULL OR b.owner = $3 OR b.lease_until < now()
            ORDER BY (b.owner IS NOT DISTINCT FROM $3) DESC, s.slot LIMIT $4
        )
        INSERT INTO main.carrier_binds AS held (carrier_id, slot, owner, lease_until)
        SELECT $1, slot, $3, now() + make_interval(secs => $5) FROM free
        ON CONFLICT (carrier_id, slot) DO UPDATE SET owner = EXCLUDED.owner, lease_until = EXCLUDED.lease_until,
            bound_at = CASE WHEN $6 OR held.owner <> EXCLUDED.owner THEN now() ELSE held.bound_at END,
            bound_since = CASE WHEN held.owner <> EXCLUDED.owner OR $6 AND held.bound_at < now() - interval '6 seconds'
                               THEN now() ELSE held.bound_since END
            WHERE held.owner = EXCLUDED.owner OR held.lease_until < now()
        RETURNING slot
        """,
        carrier_id,
        slots,
        owner,
        wanted,
        lease_seconds,
        is_bound,
    )
    return [row["slot"] for row in rows]


async def carriers_away(conn: Conn, *, seconds: float) -> set[UUID]:
    """Carriers that workers hold binds of, none of which has worked for so long."""
    rows = await conn.fetch(
        """
        SELECT carrier_id FROM main.carrier_binds WHERE lease_until > now()
        GROUP BY carrier_id HAVING max(bound_at) < now() - make_interval(secs => $1)
        """,
        seconds,
    )
    return {row["carrier_id"] for row in rows}


async def count_workers(conn: Conn, *, name: str, alive_seconds: float) -> int:
    """Say that this worker is alive, and count those that are."""
    count: int = await conn.fetchval(
        """
        WITH alive AS (
            INSERT INTO main.workers (name, seen_at) VALUES ($1, now())
            ON CONFLICT (name) DO UPDATE SET seen_at = now() RETURNING name
        )
        SELECT count(*) FROM (
            SELECT name FROM main.workers WHERE seen_at > now() - make_interval(secs => $2) UNION SELECT name FROM alive
        ) w
        """,
        name,
        alive_seconds,
    )
    return count


async def remove_worker(conn: Conn, *, name: str) -> None:
    """Say that this worker ends."""
    await conn.execute("DELETE FROM main.workers WHERE name = $1", name)


async def release_binds(conn: Conn, *, carrier_id: UUID, owner: str, slots: Sequence[int] | None = None) -> None:
    """Give binds back: all of them, or the named ones."""
    await conn.execute(
        "DELETE FROM main.carrier_binds WHERE carrier_id = $1 AND owner = $2 AND ($3::int[] IS NULL OR slot = ANY($3))",
        carrier_id,
        owner,
        None if slots is None else list(slots),
    )


async def notify_config(conn: Conn) -> None:
    """Tell running processes that accounts, keys, carriers, routes, senders or endpoints changed."""
    await conn.execute("SELECT pg_notify('sendigopro_config', '')")


async def lock_senders(conn: Conn) -> None:
    """One at a time adds senders, so that a number has one owner; they are added seldom."""
    await conn.execute("LOCK TABLE main.senders IN SHARE ROW EXCLUSIVE MODE")


async def is_anothers(conn: Conn, *, account_id: UUID, channel: int, value: str) -> bool:
    """Whether another account has this sender: what comes in to it could go to one of them only."""
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT 1 FROM main.senders WHERE channel = $2 AND value = $3 AND account_id <> $1)",
        account_id,
        channel,
        value,
    )
    return found
