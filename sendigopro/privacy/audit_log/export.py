"""An account's whole chain as a file of lines, closed by a signed head: whoever has it can check it without us.

A line: `{"beside":…,"entry":…,"hash":…}`. `entry` is what was hashed; `beside` is what names somebody, with its salt,
or null. The last: `{"head":…,"signature":…}`.
"""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from sendigopro.audit import sealed, store
from sendigopro.audit.chain import spelt_time, told
from sendigopro.audit.model import Action, By, Head, Stored
from sendigopro.audit.record import record
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.spelling import canonical
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.receipt_key import signing_key
from sendigopro.privacy.receipts import sign
from sendigopro.vault.sealing import UnreadableError
from sendigopro.vault.vault import Vault

PAGE: Final = 500
HEAD: Final = "head"


async def begin(desk: Desk, *, account_id: UUID, by: By) -> Head:
    """Note that the log was taken away, and up to where: that entry is the last one of the file."""
    async with as_account(desk.door, account_id) as conn:
        await record(
            conn, account_id=account_id, actor=by.actor, action=Action.AUDIT_EXPORTED, request_id=by.request_id
        )
        head, _ = await store.read_head(conn, account_id=account_id)
    return head


async def lines(desk: Desk, head: Head, *, account_id: UUID) -> AsyncIterator[bytes]:
    """As it stands in the database, page by page, whether or not it is still what was written: the verifier says."""
    n = 0
    while n < head.n:
        async with as_account(desk.door, account_id) as conn:
            page = await store.read_after(conn, account_id=account_id, after_n=n, until_n=head.n, limit=PAGE)
        if not page:
            break
        n = page[-1].entry.n
        yield b"".join([await line(desk.vault, one) for one in page])
    _, secret = await signing_key(desk.main, desk.vault)
    yield sign(secret, said_of(head, account_id), name=HEAD)


async def line(vault: Vault, stored: Stored) -> bytes:
    beside = await beside_of(vault, stored)
    return canonical({"beside": beside, "entry": told(stored.entry), "hash": stored.hash.hex()}) + b"\n"


async def beside_of(vault: Vault, stored: Stored) -> dict[str, Any] | None:
    """What names somebody; what was put in its place stands for nothing, and the verifier says where."""
    try:
        return await sealed.open_beside(vault, stored)
    except UnreadableError:
        return {"salt": "", "values": {}}


def said_of(head: Head, account_id: UUID) -> dict[str, Any]:
    return {
        "account_id": ids.typed("acc", account_id),
        "exported_at": spelt_time(clock.now()),
        "hash": head.hash.hex(),
        "n": head.n,
        "object": "audit_log_head",
    }
