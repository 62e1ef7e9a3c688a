"""Whom an account may not contact. Asked by account and MAC; nobody here knows a number."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from sendigopro.foundation.postgres import Conn

State = Literal["opted_out", "restricted", "erased"]
EVERYTHING = 0
"""The scope of all that an account sends."""
RESTRICTION = 1
"""The same, by a restriction of processing: apart, so that lifting one brings back the opt-out that stood before it."""


async def standing_of(
    conn: Conn, *, account_id: UUID, macs: Sequence[bytes], scope: int = EVERYTHING
) -> dict[bytes, State]:
    """Who of these must not be contacted, and why; who is missing may be. The gravest reason is told."""
    rows = await conn.fetch(
        """
        SELECT mac, state
          FROM main.standing
         WHERE account_id = $1 AND mac = ANY($2) AND scope IN (0, 1, $3)
         ORDER BY array_position(ARRAY['opted_out', 'restricted', 'erased'], state)
        """,
        account_id,
        macs,
        scope,
    )
    return {row[0]: row[1] for row in rows}


async def set_standing(
    conn: Conn, *, account_id: UUID, macs: Sequence[bytes], state: State, scope: int = EVERYTHING
) -> None:
    """Stop contact; a graver state is never replaced by a lighter one."""
    await conn.execute(
        """
        INSERT INTO main.standing AS s (account_id, mac, scope, state)
        SELECT $1, mac, $3, $4
          FROM unnest($2::bytea[]) AS asked (mac)
         ORDER BY mac
            ON CONFLICT (account_id, mac, scope) DO UPDATE
           SET state = EXCLUDED.state, at = now()
         WHERE array_position(ARRAY['opted_out', 'restricted', 'erased'], EXCLUDED.state)
               > array_position(ARRAY['opted_out', 'restricted', 'erased'], s.state)
        """,
        account_id,
        macs,
        scope,
        state,
    )


async def lift_standing(
    conn: Conn, *, account_id: UUID, macs: Sequence[bytes], state: State, scope: int = EVERYTHING
) -> None:
    """Allow contact again where exactly this stood against it: a reply of START undoes an opt-out, not an erasure."""
    await conn.execute(
        "DELETE FROM main.standing WHERE account_id = $1 AND mac = ANY($2) AND scope = $3 AND state = $4",
        account_id,
        macs,
        scope,
        state,
    )
