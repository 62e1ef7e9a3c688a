"""To add a sender to an account, by its own key or by the operator; the audit log says who did."""

import re
from typing import Final, Literal

from sendigopro.audit import sealed
from sendigopro.audit.model import Action, By
from sendigopro.audit.record import record
from sendigopro.channels import store
from sendigopro.channels.model import Sender
from sendigopro.foundation import ids
from sendigopro.foundation.phones import EXAMPLE, parse_phone
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.foundation.problems import Conflict, Invalid
from sendigopro.vault.vault import Vault

SMS: Final = 1
SENDERS_MAX: Final = 400
SHORT_CODE = re.compile(r"[0-9]{3,8}")
# 3GPP TS 23.040 §9.1.2.5: eleven characters of the GSM alphabet; carriers agree on these, with at least one letter.
NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9](?:[A-Za-z0-9 &._-]{0,9}[A-Za-z0-9.])?")


async def add_sender(pool: Pool, vault: Vault, sender: Sender, *, by: By) -> Sender:
    """Add it, or refuse a number that is another account's; adding it again changes nothing but the default."""
    beside = await seal_value(vault, sender)
    async with pool.acquire() as conn, conn.transaction():
        await store.lock_senders(conn)
        if kind_of(sender.value) != "name" and await store.is_anothers(
            conn, account_id=sender.account_id, channel=sender.channel, value=sender.value
        ):
            raise Conflict("sender_taken", "Another account has this number. Ask the operator.", param="value")
        mine = await store.read_senders(conn, account_id=sender.account_id)
        if len(mine) >= SENDERS_MAX and sender.value not in {one.value for one in mine}:
            raise Conflict("too_many_senders", f"An account may have {SENDERS_MAX} senders.")
        return await put_sender(conn, sender, by=by, beside=beside)


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


def normalise(value: str) -> str:
    """The sender as it goes over the wire, or why it cannot."""
    if value.startswith("+"):
        try:
            return parse_phone(value).phone.reveal()
        except Invalid as problem:
            raise Invalid("invalid_sender", problem.detail, param="value") from problem
    if SHORT_CODE.fullmatch(value) or NAME.fullmatch(value):
        return value
    raise Invalid(
        "invalid_sender",
        f"A sender is a number like {EXAMPLE}, a short code of 3 to 8 digits, or a name of up to 11 letters and "
        "digits with at least one letter.",
        param="value",
    )


def kind_of(value: str) -> Literal["number", "short_code", "name"]:
    if value.startswith("+"):
        return "number"
    return "short_code" if value.isdigit() else "name"
