"""Forget what a message said, or the whole message, once it has ended."""

from datetime import date
from uuid import UUID

from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.foundation.problems import Conflict, NotFound
from sendigopro.messages import read_store, redact_store
from sendigopro.messages.model import Rank


async def redact_body(pool: Pool, *, account_id: UUID, message_id: UUID) -> None:
    """Blank the text and keep the record; a message that may still be sent keeps its text."""
    async with pool.acquire() as conn, conn.transaction():
        expires_on = await _ended(conn, account_id, message_id, at_least=Rank.SENT)
        await redact_store.blank_body(conn, account_id=account_id, message_id=message_id, expires_on=expires_on)


async def delete_message(pool: Pool, *, account_id: UUID, message_id: UUID) -> None:
    """Remove every row of the message."""
    async with pool.acquire() as conn, conn.transaction():
        expires_on = await _ended(conn, account_id, message_id, at_least=Rank.NO_RECEIPT)
        await redact_store.delete_messages(conn, account_id=account_id, message_ids=[message_id], days=[expires_on])


async def _ended(conn: Conn, account_id: UUID, message_id: UUID, *, at_least: Rank) -> date:
    expires_on = await redact_store.lock_message(conn, account_id=account_id, message_id=message_id)
    if expires_on is None:
        raise NotFound("message_not_found", "There is no such message in this account.", param="id")
    states = await read_store.read_states(conn, account_id=account_id, message_ids=[message_id])
    rank = states[message_id].rank
    if rank is None or rank < Rank.SENT:
        raise Conflict("not_sent_yet", "The message has not been sent. Cancel it first, then remove it.", param="id")
    if rank < at_least:  # its receipt would bring back a message that is gone
        raise Conflict(
            "not_ended_yet", "Its receipt has not come yet. Remove the message once it has ended.", param="id"
        )
    return expires_on
