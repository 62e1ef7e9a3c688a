"""Stop a message that has not left. The row lock on its chunk is what makes a 200 true."""

from uuid import UUID

from sendigopro.events.bus import Bus
from sendigopro.foundation import clock
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.foundation.problems import Conflict, NotFound
from sendigopro.messages import queue_store
from sendigopro.messages.load import Loader
from sendigopro.messages.model import Outgoing, Rank
from sendigopro.messages.settle import Item, record


async def cancel(pool: Pool, loader: Loader, bus: Bus, *, account_id: UUID, message_id: UUID, owner: str) -> None:
    """Cancel one message, or raise `NotFound`, or `Conflict("too_late")` when it may have left or has ended."""
    message = (await loader.load_settled([(account_id, message_id)])).get(message_id)
    if message is None:
        raise NotFound("message_not_found", "There is no such message in this account.", param="id")
    if message.rank >= Rank.SENT:  # it may have left: waiting to be sent once more does not undo that
        raise _too_late()
    item = Item(message, rank=Rank.CANCELED, reason="canceled", at_us=clock.now_us())
    async with pool.acquire() as conn, conn.transaction():
        await _take_out(conn, message)
        batches = await record(conn, [(item, Rank.CANCELED)], bus=bus, owner=owner)
        if not batches:
            raise _too_late()
        reach("cancel.before_commit")
    bus.announce(batches)


async def _take_out(conn: Conn, message: Outgoing) -> None:
    if await queue_store.take_waiting(conn, account_id=message.account_id, message_id=message.id):
        return
    place = await queue_store.lock_place(conn, account_id=message.account_id, message_id=message.id)
    if place is None:
        raise _too_late()
    chunk_id, position, intended, min_expires_at = place
    if position < intended:
        raise _too_late()
    await queue_store.drop_positions(
        conn,
        account_id=message.account_id,
        chunk_id=chunk_id,
        positions=[position],
        min_expires_at=min_expires_at,
    )


def _too_late() -> Conflict:
    return Conflict("too_late", "The message has been sent, or has ended. It cannot be canceled any more.", param="id")
