"""The SQL of whose company lets them in by its own provider only."""

from uuid import UUID

from sendigopro.foundation.postgres import Conn


async def is_bound(conn: Conn, *, person_id: UUID, domain_mac: bytes) -> bool:
    """Whether an account they are a member of, but no owner, has this domain and demands its provider."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (
            SELECT FROM main.members m
              JOIN main.accounts a ON a.id = m.account_id
              JOIN main.sso_connections c ON c.account_id = m.account_id
              JOIN main.sso_domains d ON d.account_id = c.account_id AND d.connection_id = c.id
             WHERE m.person_id = $1 AND m.role <> 'owner' AND a.closed_at IS NULL
               AND c.is_required AND d.mac = $2 AND d.verified_at IS NOT NULL)
        """,
        person_id,
        domain_mac,
    )
    return found


async def end_own_sessions(conn: Conn, *, account_id: UUID, person_id: UUID) -> int:
    """Those in view of this account that began by a credential of the person's own; how many."""
    done: str = await conn.execute(
        "DELETE FROM main.sessions WHERE person_id = $2 AND account_id = $1 AND connection_id IS NULL",
        account_id,
        person_id,
    )
    return int(done.rpartition(" ")[2])
