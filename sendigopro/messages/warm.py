"""Hot statements, run once for nobody on each new connection: planning one over all partitions takes some 15 ms."""

from sendigopro.events import store as events
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Conn
from sendigopro.messages import queue_store, settle_store, store
from sendigopro.messages.model import PRIORITIES
from sendigopro.messages.queue_store import NOBODY
from sendigopro.messages.settle_store import Books


async def warm_accepting(conn: Conn) -> None:
    """Have a web process's statements planned before the first request waits for them; nothing is changed."""
    await store.insert_few(conn, [], [], tallies=[])
    await store.insert_chunks(conn, [])
    await store.notify_work(conn, [])
    await store.queue_depths_of_everyone(conn)


async def warm_sending(conn: Conn) -> None:
    """Have a worker's statements planned before the first message waits for them; nothing is changed."""
    await queue_store.lease_chunks(
        conn, carrier_id=NOBODY, owner="", lease_seconds=0, priorities=list(PRIORITIES),
        after=[NOBODY for _ in PRIORITIES], accounts_max=1, messages_max=1,
    )  # fmt: skip
    await store.read_to_send(conn, account_ids=[NOBODY], message_ids=[ids.new()], days=[clock.today()])
    await queue_store.declare_intent(
        conn, owner="", account_ids=[NOBODY], chunk_ids=[NOBODY], intended=[0], macs=[bytes(16)], lease_seconds=0
    )
    await settle_store.append_outcomes(conn, [])
    await settle_store.keep_books(conn, Books(), receipt_wait_seconds=0)
    await events.publish(conn, [], owner="", lease_seconds=0)
