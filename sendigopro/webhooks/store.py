"""The SQL of endpoints and their secrets."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from sendigopro.foundation.postgres import Conn
from sendigopro.webhooks.model import EndpointRow, SecretRow

COLUMNS = (
    "account_id, id, mode, is_callback, url, event_types, description, is_enabled, disabled_reason, failing_since, "
    "created_at"
)


def _endpoint(row: asyncpg.Record) -> EndpointRow:
    account_id, endpoint_id, mode, is_callback, url, event_types, *rest = row
    return EndpointRow(account_id, endpoint_id, mode, is_callback, url or b"", tuple(event_types), *rest)


async def enter_account(conn: Conn, *, account_id: UUID) -> None:
    """From here to the end of the transaction the role `door` sees this account's rows only."""
    await conn.execute("SELECT set_config('sendigopro.account_id', $1, true)", str(account_id))


async def insert_endpoint(conn: Conn, *, row: EndpointRow) -> EndpointRow:
    (made,) = await conn.fetch(
            f"""
            INSERT INTO main.webhook_endpoints
                (account_id, id, mode, is_callback, url, event_types, description, is_enabled, disabled_reason)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            RETURNING {COLUMNS}
            """,  # noqa: S608  # the columns are ours
            row.account_id, row.id, row.mode, row.is_callback, row.url, list(row.event_types), row.description,
            row.is_enabled, row.disabled_reason,
        )  # fmt: skip
    return _endpoint(made)


async def insert_callback(conn: Conn, *, account_id: UUID, mode: int, endpoint_id: UUID) -> bool:
    """Give an account its callback row; False when it has one."""
    inserted = await conn.fetchval(
        """
        INSERT INTO main.webhook_endpoints (account_id, id, mode, is_callback) VALUES ($1, $2, $3, true)
        ON CONFLICT (account_id, mode) WHERE is_callback DO NOTHING RETURNING true
        """,
        account_id,
        endpoint_id,
        mode,
    )
    return inserted is not None


async def read_endpoint(conn: Conn, *, account_id: UUID, mode: int, endpoint_id: UUID) -> EndpointRow | None:
    row = await conn.fetchrow(
        f"SELECT {COLUMNS} FROM main.webhook_endpoints WHERE account_id = $1 AND mode = $2 AND id = $3",  # noqa: S608
        account_id,
        mode,
        endpoint_id,
    )
    return _endpoint(row) if row is not None else None


async def read_endpoints(conn: Conn, *, account_id: UUID, mode: int) -> list[EndpointRow]:
    """All of them, the callback row too."""
    rows = await conn.fetch(
        f"SELECT {COLUMNS} FROM main.webhook_endpoints WHERE account_id = $1 AND mode = $2 ORDER BY id",  # noqa: S608
        account_id,
        mode,
    )
    return [_endpoint(row) for row in rows]


async def count_endpoints(conn: Conn, *, account_id: UUID, mode: int) -> int:
    count: int = await conn.fetchval(
        "SELECT count(*) FROM main.webhook_endpoints WHERE account_id = $1 AND mode = $2 AND NOT is_callback",
        account_id,
        mode,
    )
    return count


async def list_endpoints(
    conn: Conn, *, account_id: UUID, mode: int, after: UUID | None, before: UUID | None, limit: int
) -> list[EndpointRow]:
    """Newest first; with `before` the page that ends just before it."""
    direction = "ASC" if before is not None else "DESC"
    rows = await conn.fetch(
        f"""
        SELECT {COLUMNS} FROM main.webhook_endpoints
        WHERE account_id = $1 AND mode = $2 AND NOT is_callback
          AND ($3::uuid IS NULL OR id < $3) AND ($4::uuid IS NULL OR id > $4)
        ORDER BY id {direction} LIMIT $5
        """,  # noqa: S608  # one of two words
        account_id,
        mode,
        after,
        before,
        limit,
    )
    found = [_endpoint(row) for row in rows]
    return found[::-1] if before is not None else found


async def update_endpoint(conn: Conn, *, row: EndpointRow) -> EndpointRow | None:
    """Write what an account may change; being enabled again begins the five days anew."""
    updated = await conn.fetchrow(
        f"""
        UPDATE main.webhook_endpoints
        SET url = $4, event_types = $5, description = $6, is_enabled = $7, disabled_reason = $8, changed_at = now(),
            failing_since = CASE WHEN is_enabled = $7 THEN failing_since END
        WHERE account_id = $1 AND id = $2 AND mode = $3 AND NOT is_callback
        RETURNING {COLUMNS}
        """,  # noqa: S608  # the columns are ours
        row.account_id,
        row.id,
        row.mode,
        row.url,
        list(row.event_types),
        row.description,
        row.is_enabled,
        row.disabled_reason,
    )
    return _endpoint(updated) if updated is not None else None


async def delete_endpoint(conn: Conn, *, account_id: UUID, mode: int, endpoint_id: UUID) -> bool:
    deleted = await conn.fetchval(
        """
        DELETE FROM main.webhook_endpoints
        WHERE account_id = $1 AND mode = $2 AND id = $3 AND NOT is_callback RETURNING true
        """,
        account_id,
        mode,
        endpoint_id,
    )
    return deleted is not None


async def delete_secrets(conn: Conn, *, account_id: UUID, endpoint_id: UUID) -> None:
    await conn.execute(
        "DELETE FROM main.webhook_secrets WHERE account_id = $1 AND endpoint_id = $2", account_id, endpoint_id
    )


async def insert_secret(conn: Conn, *, account_id: UUID, endpoint_id: UUID, secret_id: UUID, secret: bytes) -> None:
    await conn.execute(
        "INSERT INTO main.webhook_secrets (account_id, endpoint_id, id, secret) VALUES ($1, $2, $3, $4)",
        account_id,
        endpoint_id,
        secret_id,
        secret,
    )


async def expire_secrets(conn: Conn, *, account_id: UUID, endpoint_id: UUID, overlap_seconds: float) -> int:
    """Let the current secret end after the overlap, remove what has ended; how many are left."""
    await conn.execute(
        "DELETE FROM main.webhook_secrets WHERE account_id = $1 AND endpoint_id = $2 AND expires_at <= now()",
        account_id,
        endpoint_id,
    )
    await conn.execute(
        """
        UPDATE main.webhook_secrets SET expires_at = now() + make_interval(secs => $3)
        WHERE account_id = $1 AND endpoint_id = $2 AND expires_at IS NULL
        """,
        account_id,
        endpoint_id,
        overlap_seconds,
    )
    count: int = await conn.fetchval(
        "SELECT count(*) FROM main.webhook_secrets WHERE account_id = $1 AND endpoint_id = $2", account_id, endpoint_id
    )
    return count


async def read_secrets(conn: Conn, *, account_id: UUID, endpoint_ids: Sequence[UUID]) -> list[SecretRow]:
    """Those that may be signed with now, the newest first."""
    rows = await conn.fetch(
        """
        SELECT endpoint_id, id, secret, created_at, expires_at FROM main.webhook_secrets
        WHERE account_id = $1 AND endpoint_id = ANY($2) AND (expires_at IS NULL OR expires_at > now())
        ORDER BY id DESC
        """,
        account_id,
        list(endpoint_ids),
    )
    return [SecretRow(*row) for row in rows]


async def touch_endpoint(conn: Conn, *, account_id: UUID, endpoint_id: UUID) -> None:
    """Let every process read it again."""
    await conn.execute(
        "UPDATE main.webhook_endpoints SET changed_at = now() WHERE account_id = $1 AND id = $2",
        account_id,
        endpoint_id,
    )


async def tell_processes(conn: Conn) -> None:
    """A hint that configuration changed; they look every two seconds anyway."""
    await conn.execute("SELECT pg_notify('sendigopro_config', 'webhooks')")


async def read_marks(conn: Conn, *, account_ids: Sequence[UUID]) -> dict[tuple[UUID, int], str]:
    """By account and mode, a text that changes whenever an endpoint does, one comes or goes, or a secret ends."""
    rows = await conn.fetch(
        """
        SELECT e.account_id, e.mode,
               (count(*), max(e.changed_at), count(*) FILTER (WHERE s.expires_at <= now()))::text AS mark
        FROM main.webhook_endpoints e
        LEFT JOIN main.webhook_secrets s ON s.account_id = e.account_id AND s.endpoint_id = e.id
        WHERE e.account_id = ANY($1) GROUP BY e.account_id, e.mode
        """,
        list(account_ids),
    )
    return {(row["account_id"], row["mode"]): row["mark"] for row in rows}


async def mark_succeeded(conn: Conn, *, account_ids: Sequence[UUID], endpoint_ids: Sequence[UUID]) -> None:
    """A success ends the days of failing; nothing is written where there were none."""
    await conn.execute(
        """
        UPDATE main.webhook_endpoints SET failing_since = NULL, last_failed_at = NULL
        WHERE account_id = ANY($1) AND id = ANY($2) AND failing_since IS NOT NULL
        """,
        list(account_ids),
        list(endpoint_ids),
    )


async def mark_failed(
    conn: Conn, *, account_ids: Sequence[UUID], endpoint_ids: Sequence[UUID], days: float, silence_days: float
) -> list[tuple[UUID, UUID, int]]:
    """Note failures; returns (account, endpoint, mode) of those that have now failed for too long.

    A failure after a day without any begins anew: five days with two attempts are not five days of failing.
    """
    rows = await conn.fetch(
        """
        UPDATE main.webhook_endpoints
        SET failing_since = CASE WHEN last_failed_at > now() - make_interval(days => 1) * $4::float8
                                 THEN coalesce(failing_since, now()) ELSE now() END,
            last_failed_at = now()
        WHERE account_id = ANY($1) AND id = ANY($2) AND NOT is_callback
        RETURNING account_id, id, mode,
                  is_enabled AND failing_since < now() - make_interval(days => 1) * $3::float8 AS is_over
        """,
        list(account_ids),
        list(endpoint_ids),
        days,
        silence_days,
    )
    return [(row["account_id"], row["id"], row["mode"]) for row in rows if row["is_over"]]


async def disable_endpoint(conn: Conn, *, account_id: UUID, endpoint_id: UUID, reason: str) -> int | None:
    """Tell it nothing more; its mode, or None when it was disabled already."""
    mode: int | None = await conn.fetchval(
        """
        UPDATE main.webhook_endpoints SET is_enabled = false, disabled_reason = $3, changed_at = now()
        WHERE account_id = $1 AND id = $2 AND is_enabled AND NOT is_callback RETURNING mode
        """,
        account_id,
        endpoint_id,
        reason,
    )
    return mode
