"""What handling people's requests stands on, and how a person is found without being named."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol
from uuid import UUID

from sendigopro.accounts.model import mode_name
from sendigopro.audit.model import Action, Actor, By
from sendigopro.audit.record import record
from sendigopro.foundation import ids
from sendigopro.foundation.phones import PhoneNumber
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.foundation.problems import Conflict, Unprocessable
from sendigopro.privacy import requests_store
from sendigopro.privacy.backups import Backups, backups_that_open
from sendigopro.privacy.holds.place import HoldsOn as Held
from sendigopro.privacy.journal import Journal
from sendigopro.privacy.model import Asked, Hold, Marks, Request
from sendigopro.runtime import Runtime
from sendigopro.vault import macs
from sendigopro.vault import store as subjects
from sendigopro.vault.vault import PLATFORM, Vault

LIVE, TEST = 1, 0


class HoldsOn(Protocol):
    """Whether somebody must keep what is asked to be erased; asked in the transaction that would begin it."""

    async def __call__(self, conn: Conn, *, account_id: UUID, subject_ids: Sequence[UUID]) -> Hold | None: ...


async def nothing_is_held(conn: Conn, *, account_id: UUID, subject_ids: Sequence[UUID]) -> Hold | None:
    """Of a desk without holds."""
    del conn, account_id, subject_ids
    return None


@dataclass(frozen=True, slots=True)
class Desk:
    """One per process."""

    main: Pool
    door: Pool
    vault_pool: Pool
    vault: Vault
    journal: Journal
    exports: Path
    backups: Callable[[datetime], Backups]
    holds_on: HoldsOn = nothing_is_held


def desk_of(runtime: Runtime, vault: Vault, journal: Journal) -> Desk:
    return Desk(
        main=runtime.main,
        door=runtime.door,
        vault_pool=runtime.vault,
        vault=vault,
        journal=journal,
        exports=runtime.settings.exports_folder,
        backups=partial(backups_that_open, vault.keys, level=runtime.settings.backup_level),
        holds_on=Held(vault),
    )


async def find_marks(desk: Desk, asked: Asked, person: PhoneNumber) -> Marks:
    """By what everything of this person is found in the account; of an unknown one, by what it would be."""
    await desk.vault.load_account(asked.account_id)
    lookup = desk.vault.lookup_mac(asked.account_id, macs.PHONE, person.phone.reveal())
    mac = desk.vault.suppression_mac(asked.account_id, person.phone)
    found = await subjects_under(desk, asked.account_id, asked.mode, lookup)
    return Marks(lookup, mac, tuple(found), tuple(found.values()))


async def find_platform_mac(desk: Desk, person: PhoneNumber) -> bytes:
    """By what is found of a number that is in no account yet."""
    await desk.vault.load_account(PLATFORM)
    return desk.vault.suppression_mac(PLATFORM, person.phone)


async def subjects_under(desk: Desk, account_id: UUID, mode: int, lookup: bytes) -> dict[UUID, int]:
    """Subject → key slot. A live request means the person, in test data too; a test key reaches no live data."""
    modes = (LIVE, TEST) if mode == LIVE else (TEST,)
    async with desk.vault_pool.acquire() as conn:
        rows = await subjects.find_subjects(
            conn, account_ids=[account_id] * len(modes), modes=modes, lookups=[[lookup]] * len(modes)
        )
    return {row.id: row.key_slot for row in rows}


async def used_before(conn: Conn, asked: Asked) -> Request | None:
    """What this Idempotency-Key has asked for; from here the account's requests come one after the other."""
    await requests_store.lock_account(conn, account_id=asked.account_id)
    if asked.key_mac is None:
        return None
    found = await requests_store.find_by_key(conn, account_id=asked.account_id, mode=asked.mode, key_mac=asked.key_mac)
    if found is not None and found.body_mac != asked.body_mac:
        raise Unprocessable(
            "idempotency_key_reused",
            "This Idempotency-Key came with another body before. Use a new key for a new request.",
            param="Idempotency-Key",
        )
    return found


async def keep_request(conn: Conn, asked: Asked, request: Request, *, reason: bytes | None) -> Request:
    """Write down what was asked, and in the audit log by whom."""
    kept = await requests_store.insert_request(
        conn, request, reason=reason, key_mac=asked.key_mac, body_mac=asked.body_mac
    )
    await note(conn, kept, Action.PRIVACY_REQUESTED, by=by_of(asked))
    return kept


def by_of(asked: Asked) -> By:
    return By(Actor(asked.asks, asked.key_id), asked.http_request_id)


async def note(conn: Conn, request: Request, action: Action, *, by: By) -> None:
    """In the account's audit log: which request, never about whom."""
    await record(
        conn, account_id=request.account_id, actor=by.actor, request_id=by.request_id, action=action,
        target=ids.typed("prq", request.id),
        facts={"type": request.type, "mode": mode_name(request.mode), "status": request.status},
    )  # fmt: skip


async def refuse_held(desk: Desk, conn: Conn, account_id: UUID, subject_ids: Sequence[UUID]) -> None:
    """Say that it must be kept, why, and when that is looked at again."""
    hold = await desk.holds_on(conn, account_id=account_id, subject_ids=subject_ids)
    if hold is not None:
        raise Conflict(
            "legal_hold",
            f"This person's data is under a legal hold ({hold.reason}), to be reviewed on {hold.review_on:%Y-%m-%d}. "
            "Restrict it meanwhile, and ask again when the hold is released.",
            param="identifier",
        )
