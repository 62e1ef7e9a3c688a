"""The SQL of slow work around messages."""

from sendigopro.foundation.postgres import Conn


async def forget_unclear_of_everyone(conn: Conn, *, days: int) -> None:
    """What no receipt will look for any more."""
    await conn.execute("DELETE FROM main.unclear_submits WHERE at < now() - make_interval(days => $1)", days)


async def fold_tallies_of_everyone(conn: Conn) -> None:
    """Make one row of the deltas of each hour that is over; the counts stay the same at every moment."""
    await conn.execute(
        """
        WITH old AS (
            DELETE FROM main.tallies WHERE ctid IN (
                SELECT ctid FROM main.tallies WHERE hour < date_trunc('hour', now()) - interval '1 hour'
                  AND (account_id, mode, hour, channel, country, rank) IN (
                    SELECT account_id, mode, hour, channel, country, rank FROM main.tallies
                    WHERE hour < date_trunc('hour', now()) - interval '1 hour'
                    GROUP BY 1, 2, 3, 4, 5, 6 HAVING count(*) > 1)
            ) RETURNING account_id, mode, hour, channel, country, rank, n, micros
        )
        INSERT INTO main.tallies (account_id, mode, hour, channel, country, rank, n, micros)
        SELECT account_id, mode, hour, channel, country, rank, sum(n), sum(micros) FROM old GROUP BY 1, 2, 3, 4, 5, 6
        """
    )
