"""The SQL of people's requests."""

from collections.abc import Sequence
from uuid import UUID

from sendigopro.foundation.postgres import Conn, Row
from sendigopro.privacy.model import Request, Status

COLUMNS = (
    "account_id, id, mode, type, status, outcome, is_lift, asked_by, grace_hours, grace_until, created_at, due_at, "
    "unreadable_at, completed_at, lookup, mac, subject_ids, key_slots, body_mac, receipt IS NOT NULL AS has_receipt, "
    "done, total, platform_mac"
)


def _request(row: Row) -> Request:
    values = dict(row)
    values["subject_ids"], values["key_slots"] = tuple(row["subject_ids"]), tuple(row["key_slots"])
    return Request(**values)


async def lock_account(conn: Conn, *, account_id: UUID) -> None:
    """One request of an account after the other, until the transaction ends: so that the hundredth is counted once."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('privacy ' || $1, 0))", str(account_id))


async def insert_request(
    conn: Conn, request: Request, *, reason: bytes | None, key_mac: bytes | None, body_mac: bytes | None
) -> Request:
    """Keep it; `created_at` and, after a grace, `grace_until` are told by the database's clock."""
    row = await conn.fetchrow(
        f"""
        INSERT INTO main.privacy_requests
            (account_id, id, mode, type, status, outcome, is_lift, reason, asked_by, grace_hours, due_at, lookup, mac,
             subject_ids, key_slots, key_mac, body_mac, platform_mac, completed_at, grace_until)
        VALUES ($1, $2, $3, $4, $5::text, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                CASE WHEN $5 IN ('completed', 'rejected') THEN now() END,
                CASE WHEN $5 = 'in_grace' THEN now() + make_interval(hours => $10::smallint::int) END)
        RETURNING {COLUMNS}
        """,  # noqa: S608  # the columns are ours
        request.account_id,
        request.id,
        request.mode,
        request.type,
        request.status,
        request.outcome,
        request.is_lift,
        reason,
        request.asked_by,
        request.grace_hours,
        request.due_at,
        request.lookup,
        request.mac,
        list(request.subject_ids),
        list(request.key_slots),
        key_mac,
        body_mac,
        request.platform_mac,
    )
    assert row is not None
    return _request(row)


async def insert_replayed(conn: Conn, request: Request) -> None:
    """A request that the journal knows and these databases do not, or not so far; what is completed stays so."""
    await conn.execute(
        """
        INSERT INTO main.privacy_requests AS r
            (account_id, id, mode, type, status, created_at, due_at, mac, subject_ids, key_slots)
        VALUES ($1, $2, $3, 'erase', 'erasing', $4, $5, $6, $7, $8)
        ON CONFLICT (account_id, id) DO UPDATE SET status = 'erasing', mac = EXCLUDED.mac,
            subject_ids = r.subject_ids || EXCLUDED.subject_ids, key_slots = r.key_slots || EXCLUDED.key_slots
        WHERE r.status <> 'completed'
        """,
        request.account_id,
        request.id,
        request.mode,
        request.created_at,
        request.due_at,
        request.mac,
        list(request.subject_ids),
        list(request.key_slots),
    )


async def find_by_key(conn: Conn, *, account_id: UUID, mode: int, key_mac: bytes) -> Request | None:
    """What an Idempotency-Key asked for within a day."""
    row = await conn.fetchrow(
        f"""
        SELECT {COLUMNS} FROM main.privacy_requests
        WHERE account_id = $1 AND mode = $2 AND key_mac = $3 AND created_at > now() - interval '24 hours'
        """,  # noqa: S608
        account_id,
        mode,
        key_mac,
    )
    return _request(row) if row is not None else None


async def count_erasures(conn: Conn, *, account_id: UUID, lowest_id: UUID) -> int:
    """Erasures asked for since an id was made."""
    count: int = await conn.fetchval(
        """
        SELECT count(*) FROM main.privacy_requests
        WHERE account_id = $1 AND id >= $2 AND type = 'erase' AND status <> 'canceled'
        """,
        account_id,
        lowest_id,
    )
    return count


async def read_request(
    conn: Conn, *, account_id: UUID, mode: int, request_id: UUID, for_update: bool = False
) -> Request | None:
    row = await conn.fetchrow(
        f"SELECT {COLUMNS} FROM main.privacy_requests WHERE account_id = $1 AND mode = $2 AND id = $3"  # noqa: S608
        + (" FOR UPDATE" if for_update else ""),
        account_id,
        mode,
        request_id,
    )
    return _request(row) if row is not None else None


async def find_of_everyone(conn: Conn, *, request_id: UUID) -> Request | None:
    """A request by its id alone, for the operator."""
    row = await conn.fetchrow(
        f"SELECT {COLUMNS} FROM main.privacy_requests WHERE id = $1 FOR UPDATE",  # noqa: S608
        request_id,
    )
    return _request(row) if row is not None else None


async def list_requests(
    conn: Conn, *, account_id: UUID, mode: int, after: UUID | None, before: UUID | None, limit: int
) -> list[Request]:
    """Newest first."""
    rows = await conn.fetch(
        f"""
        SELECT * FROM (
            SELECT {COLUMNS} FROM main.privacy_requests
            WHERE account_id = $1 AND mode = $2 AND ($3::uuid IS NULL OR id < $3) AND ($4::uuid IS NULL OR id > $4)
            ORDER BY CASE WHEN $4::uuid IS NULL THEN id END DESC, id LIMIT $5
        ) page ORDER BY id DESC
        """,  # noqa: S608
        account_id,
        mode,
        after,
        before,
        limit,
    )
    return [_request(row) for row in rows]


async def list_of_everyone(conn: Conn, *, limit: int) -> list[Request]:
    """The newest requests of all accounts, for the operator."""
    rows = await conn.fetch(
        f"SELECT {COLUMNS} FROM main.privacy_requests ORDER BY id DESC LIMIT $1",  # noqa: S608
        limit,
    )
    return [_request(row) for row in rows]


async def set_status(
    conn: Conn,
    request: Request,
    *,
    status: Status,
    outcome: str | None = None,
    approved_by: UUID | None = None,
) -> Request:
    """The next state of a locked request; a grace begins with it, and what is canceled leads to nobody any more."""
    row = await conn.fetchrow(
        f"""
        UPDATE main.privacy_requests
        SET status = $3::text, outcome = $4, approved_by = coalesce($5, approved_by),
            grace_until = CASE WHEN $3 = 'in_grace' THEN now() + make_interval(hours => grace_hours::int)
                               WHEN $3 = 'on_hold' THEN now() + interval '1 day' ELSE grace_until END,
            completed_at = CASE WHEN $3 IN ('canceled', 'completed', 'rejected') THEN now() ELSE completed_at END,
            reason = CASE WHEN $3 <> 'canceled' THEN reason END,
            lookup = CASE WHEN $3 <> 'canceled' THEN lookup END, mac = CASE WHEN $3 <> 'canceled' THEN mac END,
            platform_mac = CASE WHEN $3 <> 'canceled' THEN platform_mac END,
            subject_ids = CASE WHEN $3 <> 'canceled' THEN subject_ids ELSE '{{}}' END,
            key_slots = CASE WHEN $3 <> 'canceled' THEN key_slots ELSE '{{}}' END
        WHERE account_id = $1 AND id = $2
        RETURNING {COLUMNS}
        """,  # noqa: S608
        request.account_id,
        request.id,
        status,
        outcome,
        approved_by,
    )
    assert row is not None
    return _request(row)


async def note_approver(conn: Conn, request: Request, *, approver: bytes) -> None:
    """Which of the staff it was, sealed."""
    await conn.execute(
        "INSERT INTO main.request_approvals (account_id, request_id, approver) VALUES ($1, $2, $3)",
        request.account_id,
        request.id,
        approver,
    )


async def add_subjects(
    conn: Conn, request: Request, *, subject_ids: Sequence[UUID], key_slots: Sequence[int]
) -> Request:
    """Who was found under the same identifier since it was asked."""
    row = await conn.fetchrow(
        f"""
        UPDATE main.privacy_requests SET subject_ids = subject_ids || $3::uuid[], key_slots = key_slots || $4::bigint[]
        WHERE account_id = $1 AND id = $2 RETURNING {COLUMNS}
        """,  # noqa: S608
        request.account_id,
        request.id,
        list(subject_ids),
        list(key_slots),
    )
    assert row is not None
    return _request(row)


async def mark_unreadable(conn: Conn, request: Request) -> None:
    """From now on nobody can open the person; the first time counts."""
    await conn.execute(
        """
        UPDATE main.privacy_requests SET unreadable_at = coalesce(unreadable_at, now())
        WHERE account_id = $1 AND id = $2
        """,
        request.account_id,
        request.id,
    )


async def lease_erasing_of_everyone(
    conn: Conn, *, lease_seconds: float, late_seconds: float, limit: int
) -> list[Request]:
    """The next erasures to go on with; nobody else gets them for so long.

    Left out are those whose key died less than `late_seconds` ago.
    """
    rows = await conn.fetch(
        f"""
        UPDATE main.privacy_requests SET lease_until = now() + make_interval(secs => $1)
        WHERE (account_id, id) IN (
            SELECT account_id, id FROM main.privacy_requests
            WHERE status = 'erasing' AND lease_until < now()
              AND (unreadable_at IS NULL OR unreadable_at <= now() - make_interval(secs => $2))
            ORDER BY lease_until LIMIT $3 FOR UPDATE SKIP LOCKED
        )
        RETURNING {COLUMNS}
        """,  # noqa: S608
        lease_seconds,
        late_seconds,
        limit,
    )
    return [_request(row) for row in rows]


async def lease_package_of_everyone(conn: Conn, *, lease_seconds: float) -> Request | None:
    """The next package to build; nobody else gets it for so long."""
    row = await conn.fetchrow(
        f"""
        UPDATE main.privacy_requests SET lease_until = now() + make_interval(secs => $1)
        WHERE (account_id, id) IN (
            SELECT account_id, id FROM main.privacy_requests
            WHERE status = 'processing' AND lease_until < now()
            ORDER BY lease_until LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        RETURNING {COLUMNS}
        """,  # noqa: S608
        lease_seconds,
    )
    return None if row is None else _request(row)


async def note_progress(conn: Conn, request: Request, *, done: int, total: int, lease_seconds: float) -> None:
    """How far a package is, for whoever looks; its builder lives."""
    await conn.execute(
        """
        UPDATE main.privacy_requests SET done = $3, total = $4, lease_until = now() + make_interval(secs => $5)
        WHERE account_id = $1 AND id = $2
        """,
        request.account_id,
        request.id,
        done,
        total,
        lease_seconds,
    )


async def renew_lease(conn: Conn, request: Request, *, lease_seconds: float) -> None:
    await conn.execute(
        """
        UPDATE main.privacy_requests SET lease_until = now() + make_interval(secs => $3)
        WHERE account_id = $1 AND id = $2
        """,
        request.account_id,
        request.id,
        lease_seconds,
    )


async def due_of_everyone(conn: Conn, *, limit: int) -> list[Request]:
    """Erasures whose grace is over, locked."""
    rows = await conn.fetch(
        f"""
        SELECT {COLUMNS} FROM main.privacy_requests
        WHERE status IN ('in_grace', 'on_hold') AND grace_until <= now()
        ORDER BY grace_until LIMIT $1 FOR UPDATE SKIP LOCKED
        """,  # noqa: S608
        limit,
    )
    return [_request(row) for row in rows]


async def is_restricted_by_another(conn: Conn, request: Request) -> bool:
    """Whether another erasure that waits restricts the same person."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT 1 FROM main.privacy_requests WHERE account_id = $1 AND mac = $2 AND id <> $3
            AND (status IN ('awaiting_approval', 'in_grace', 'on_hold')
                 OR (type = 'restrict' AND NOT is_lift AND outcome IS DISTINCT FROM 'lifted')))
        """,
        request.account_id,
        request.mac,
        request.id,
    )
    return found


async def end_restrictions(conn: Conn, *, account_id: UUID, mac: bytes) -> None:
    """Note in the requests to restrict that they were lifted."""
    await conn.execute(
        """
        UPDATE main.privacy_requests SET outcome = 'lifted'
        WHERE account_id = $1 AND mac = $2 AND type = 'restrict' AND NOT is_lift
        """,
        account_id,
        mac,
    )


async def exports_of(conn: Conn, *, account_id: UUID, mac: bytes) -> list[UUID]:
    """Requests of the same person that may have left files."""
    rows = await conn.fetch(
        """
        SELECT id FROM main.privacy_requests
        WHERE account_id = $1 AND mac = $2 AND type IN ('access', 'export')
        """,
        account_id,
        mac,
    )
    return [row["id"] for row in rows]


async def forget_person(conn: Conn, *, account_id: UUID, mac: bytes) -> None:
    """No request leads to this person any more, whatever it asked for, nor do the account's words about it."""
    await conn.execute(
        """
        UPDATE main.privacy_requests
        SET lookup = NULL, mac = NULL, platform_mac = NULL, subject_ids = '{}', key_slots = '{}', reason = NULL
        WHERE account_id = $1 AND mac = $2 AND status NOT IN ('erasing', 'in_grace', 'on_hold', 'awaiting_approval')
        """,
        account_id,
        mac,
    )


async def complete(conn: Conn, request: Request, *, receipt: bytes) -> bool:
    """The end of an erasure; False when it was reached before."""
    done = await conn.fetchval(
        """
        UPDATE main.privacy_requests
        SET status = 'completed', completed_at = now(), receipt = $3, lookup = NULL, platform_mac = NULL,
            subject_ids = '{}', key_slots = '{}'
        WHERE account_id = $1 AND id = $2 AND status = 'erasing' RETURNING true
        """,
        request.account_id,
        request.id,
        receipt,
    )
    return done is not None


async def read_receipt(conn: Conn, *, account_id: UUID, mode: int, request_id: UUID) -> bytes | None:
    receipt: bytes | None = await conn.fetchval(
        "SELECT receipt FROM main.privacy_requests WHERE account_id = $1 AND mode = $2 AND id = $3",
        account_id,
        mode,
        request_id,
    )
    return receipt


async def forget_keys_of_everyone(conn: Conn) -> None:
    """Idempotency keys live a day."""
    await conn.execute(
        """
        UPDATE main.privacy_requests SET key_mac = NULL, body_mac = NULL
        WHERE key_mac IS NOT NULL AND created_at < now() - interval '24 hours'
        """
    )


async def move_standing(conn: Conn, *, account_id: UUID, old_mac: bytes, new_mac: bytes) -> None:
    """What stood against a person, and what they asked for, is theirs under their new identifier as well."""
    await conn.execute(
        """
        INSERT INTO main.standing (account_id, mac, scope, state)
        SELECT account_id, $3, scope, state FROM main.standing WHERE account_id = $1 AND mac = $2 AND state <> 'erased'
        ON CONFLICT (account_id, mac, scope) DO NOTHING
        """,
        account_id,
        old_mac,
        new_mac,
    )
    await conn.execute(
        "UPDATE main.privacy_requests SET mac = $3 WHERE account_id = $1 AND mac = $2", account_id, old_mac, new_mac
    )


async def tell_of_subject(conn: Conn, *, account_id: UUID, subject_id: UUID) -> None:
    """Processes that have this subject in memory look it up anew."""
    await conn.execute("SELECT pg_notify('sendigopro_subjects', $1)", f"{account_id} {subject_id}")


async def read_receipt_key(conn: Conn) -> tuple[UUID, bytes, bytes] | None:
    """(id, public, sealed secret)."""
    row = await conn.fetchrow("SELECT id, public, secret FROM main.receipt_keys")
    return None if row is None else (row["id"], row["public"], row["secret"])


async def insert_receipt_key(conn: Conn, *, key_id: UUID, public: bytes, secret: bytes) -> None:
    """Keep the installation's key, unless it has one."""
    await conn.execute(
        "INSERT INTO main.receipt_keys (id, public, secret) VALUES ($1, $2, $3) ON CONFLICT (is_only) DO NOTHING",
        key_id,
        public,
        secret,
    )


async def carriers_and_terms(conn: Conn) -> list[tuple[str, int | None]]:
    """Every carrier there is and for how many days it keeps what it transported."""
    rows = await conn.fetch("SELECT name, keeps_days FROM main.carriers ORDER BY name")
    return [(row["name"], row["keeps_days"]) for row in rows]


async def has_webhooks(conn: Conn, *, account_id: UUID, mode: int) -> bool:
    found: bool = await conn.fetchval(
        "SELECT EXISTS (SELECT 1 FROM main.webhook_endpoints WHERE account_id = $1 AND mode = $2 AND NOT is_callback)",
        account_id,
        mode,
    )
    return found
