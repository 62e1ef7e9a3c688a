"""The vault's hot statements, run once for nobody on each new connection."""

from sendigopro.foundation import clock
from sendigopro.foundation.postgres import Conn
from sendigopro.vault import macs, store
from sendigopro.vault.model import PLATFORM


async def warm_meeting(conn: Conn) -> None:
    """Have the finding, enrolling and opening of subjects planned before the first message waits for it."""
    await store.find_subjects(conn, account_ids=[], modes=[], lookups=[])
    await store.read_subjects(conn, account_id=PLATFORM, ids=[])
    await store.meet_subjects(
        conn, account_ids=[], ids=[], modes=[], kind=macs.PHONE, lookups=[], identifiers=[], key_slots=[],
        countries=[], today=clock.today(),
    )  # fmt: skip
