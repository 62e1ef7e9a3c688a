"""To add a sender to an account, by its own key or by the operator; the audit log says who did."""

from typing import Literal

from sendigopro.audit import sealed
from sendigopro.audit.model import Action, By
from sendigopro.audit.record import record
from sendigopro.channels import store
from sendigopro.channels.model import Sender
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn
from sendigopro.vault.vault import Vault


async def seal_value(vault: Vault, sender: Sender) -> sealed.Beside:
    """A sender may be somebody's own number: it stands beside the log, where it can be erased."""
    return await sealed.seal(vault, account_id=sender.account_id, values={"value": sender.value})


async def put_sender(conn: Conn, sender: Sender, *, by: By, beside: sealed.Beside) -> Sender:
    """Add it in the caller's transaction; adding it again changes nothing but whether it is the default."""
    known = await store.read_senders(conn, account_id=sender.account_id)
    before = [one for one in known if (one.channel, one.value) == (sender.channel, sender.value)]
    kept = await store.add_sender(conn, sender)
    if kept.is_default:
        await store.clear_default(conn, account_id=kept.account_id, channel=kept.channel, except_id=kept.id)
    await store.notify_config(conn)
    if before != [kept]:
        await record(
            conn, account_id=kept.account_id, actor=by.actor, request_id=by.request_id,
            action=Action.SENDER_CHANGED if before else Action.SENDER_ADDED, target=ids.typed("snd", kept.id),
            facts={"kind": kind_of(kept.value), "is_default": kept.is_default}, beside=beside,
        )  # fmt: skip
    return kept


def kind_of(value: str) -> Literal["number", "short_code", "name"]:
    if value.startswith("+"):
        return "number"
    return "short_code" if value.isdigit() else "name"
