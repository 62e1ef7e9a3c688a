"""Millions of stored messages, made by the server itself: as many rows as the API would leave, of the same sizes.

Their sealed values are random bytes, so nobody can read them; nothing in the measured way tries to.
"""

import asyncio
from collections.abc import Sequence

import asyncpg

ACCOUNTS = 20  # besides the account that is measured, which gets every other message
WRITERS = 2

# A UUIDv7 of a moment within the last twenty hours: partitions for those days exist.
MAKE_ID = """
CREATE OR REPLACE FUNCTION pg_temp.id_at(n bigint, total bigint, salt text) RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 72000000 + n * 72000000 / total), 12, '0')
        || '7' || substr(md5(salt || n), 1, 3) || '8' || substr(md5(salt || n), 4, 15))::uuid
$$
"""
SUBJECTS = """
INSERT INTO vault.subjects
    (account_id, id, mode, kind, lookup, identifier, key_slot, country, first_seen, last_seen)
SELECT CASE WHEN n % 2 = 0 THEN $4::uuid ELSE md5('account' || n % $5)::uuid END,
    pg_temp.id_at(n, $3, 'subject'), 1, 1, decode(md5('lookup' || n), 'hex'),
    decode(md5(n::text) || md5('a' || n), 'hex'), n, 'DE', current_date, current_date
FROM generate_series($1::bigint, $2::bigint) AS n
"""
MESSAGES = """
INSERT INTO main.messages
    (account_id, id, mode, channel, direction, purpose, priority, subject_id, sender_id, key_id, segments, encoding,
     country, carrier_id, price_micros, held_micros, currency,
     expires_at, body_expires_on, has_callback, chunk_id, position)
SELECT CASE WHEN n % 2 = 0 THEN $4::uuid ELSE md5('account' || n % $5)::uuid END,
    pg_temp.id_at(n, $3, 'message'), 1, 1, 0, 2, 2, pg_temp.id_at(n, $3, 'subject'), md5('sender')::uuid,
    md5('key')::uuid, 1, 0, 'DE', md5('carrier')::uuid, 0, 0, 'EUR', now(), current_date + 30, true,
    pg_temp.id_at(n / 500 * 500, $3, 'chunk'), n % 500
FROM generate_series($1::bigint, $2::bigint) AS n
"""
BODIES = """
INSERT INTO main.message_bodies (account_id, message_id, expires_on, body, details)
SELECT CASE WHEN n % 2 = 0 THEN $4::uuid ELSE md5('account' || n % $5)::uuid END,
    pg_temp.id_at(n, $3, 'message'), current_date + 30,
    decode(md5(n::text) || md5('b' || n) || md5('c' || n) || md5('d' || n), 'hex'),
    decode(md5('e' || n) || md5('f' || n) || md5('g' || n) || md5('h' || n), 'hex')
FROM generate_series($1::bigint, $2::bigint) AS n
"""
OUTCOMES = """
INSERT INTO main.outcomes (account_id, message_id, rank, at, carrier_id, carrier_code, attempt)
SELECT CASE WHEN n % 2 = 0 THEN $4::uuid ELSE md5('account' || n % $5)::uuid END,
    pg_temp.id_at(n, $3, 'message'), rank, now(), md5('carrier')::uuid, '000', 1
FROM generate_series($1::bigint, $2::bigint) AS n, unnest(ARRAY[10, 60]::smallint[]) AS rank
"""
REFS = """
INSERT INTO main.carrier_refs (carrier_id, ref, at, account_id, message_id, part)
SELECT md5('carrier')::uuid, (n * 7)::text, now(),
    CASE WHEN n % 2 = 0 THEN $4::uuid ELSE md5('account' || n % $5)::uuid END, pg_temp.id_at(n, $3, 'message'), 0
FROM generate_series($1::bigint, $2::bigint) AS n
"""
STEP = 100_000


async def fill(
    main_url: str,
    vault_url: str,
    *,
    count: int,
    main: Sequence[str] = (MESSAGES, BODIES, OUTCOMES, REFS),
    vault: Sequence[str] = (SUBJECTS,),
) -> None:
    """Store `count` delivered messages with their subjects, in all tables or some; then let the server settle."""
    account = await measured_account(main_url)
    starts = list(range(0, count, STEP))
    tasks = [
        *(write(vault_url, vault, starts[part::WRITERS], count, account) for part in range(WRITERS)),
        *(write(main_url, main, starts[part::WRITERS], count, account) for part in range(WRITERS)),
    ]
    await asyncio.gather(*tasks)
    for url in (vault_url, main_url):
        conn = await asyncpg.connect(url, user="postgres")
        await conn.execute("VACUUM ANALYZE")
        await conn.execute("CHECKPOINT")
        await conn.close()


async def measured_account(main_url: str) -> str:
    conn = await asyncpg.connect(main_url, user="postgres")
    account = await conn.fetchval("SELECT id FROM main.accounts ORDER BY id LIMIT 1")
    await conn.close()
    return str(account)


async def write(url: str, statements: Sequence[str], starts: list[int], count: int, account: str) -> None:
    conn = await asyncpg.connect(url, user="postgres")
    await conn.execute("SET synchronous_commit = off")
    await conn.execute(MAKE_ID)
    for start in starts:
        for statement in statements:
            await conn.execute(statement, start + 1, min(start + STEP, count), count, account, ACCOUNTS, timeout=600)
    await conn.close()
