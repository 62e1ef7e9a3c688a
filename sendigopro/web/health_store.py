"""The SQL behind the numbers: how much waits, and for how long."""

from sendigopro.foundation.postgres import Conn


async def read_backlog_of_everyone(conn: Conn) -> dict[str, float]:
    """Sizes and ages of the queues, over all accounts."""
    rows = await conn.fetch(
        """
        SELECT (SELECT coalesce(sum(n - intended), 0) FROM main.chunks) AS queued_messages,
               (SELECT count(*) FROM main.chunks) AS chunks,
               (SELECT coalesce(extract(epoch FROM now() - min(to_timestamp(
                   ('x' || substr(replace(id::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0))), 0)
                  FROM main.chunks) AS oldest_chunk_seconds,
               (SELECT count(*) FROM main.waiting) AS waiting_messages,
               (SELECT count(*) FROM main.outbox) AS outbox_batches,
               (SELECT count(*) FROM main.unmatched_receipts) AS unmatched_receipts
        """
    )
    return {name: float(value) for row in rows for name, value in row.items()}
