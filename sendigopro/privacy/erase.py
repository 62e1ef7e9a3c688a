"""To forget a person. Within the request nobody reads them any more; the rest is done by `job.py`, step by step.

The order: one transaction stops everything and means the journal to say so; the journal says so; the key dies.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from sendigopro.audit.model import Action, By
from sendigopro.consent import store as consent
from sendigopro.foundation import clock, ids
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.postgres import Conn, as_account
from sendigopro.foundation.problems import Conflict, NotAllowed, NotFound, Unavailable
from sendigopro.messages import export_store
from sendigopro.privacy import journal_store, requests_store
from sendigopro.privacy.desk import (
    Desk,
    by_of,
    find_marks,
    find_platform_mac,
    note,
    refuse_held,
    subjects_under,
    used_before,
)
from sendigopro.privacy.journal import Intent, JournalError, Kind
from sendigopro.privacy.journaling import catch_up
from sendigopro.privacy.model import CANCELABLE, DUE, HOURLY_MAX, TABLE, Asked, Marks, Request, Status

log = structlog.get_logger()

ERASE_POINTS: Final = (
    "erase.asked",
    "erase.before_commit",
    "erase.committed",
    "erase.journal_half_written",
    "erase.journal_written",
    "erase.journal_synced",
    "erase.journaled",
    "erase.condemned",  # in the key store
    "erase.unreadable",
    "erase.leased",
    "erase.nodes_written",  # in the key store, like the three that follow
    "erase.root_wrapped",
    "erase.root_replaced",
    "erase.old_root_destroyed",
    "erase.keys_destroyed",
    "erase.messages_before_commit",
    "erase.messages_forgotten",
    "erase.reports_forgotten",
    "erase.subject_deleted",
    "erase.exports_deleted",
    "erase.before_completion",
    "erase.completed",
)
"""Where a test may end the process on this way, in their order."""


async def erase(desk: Desk, asked: Asked) -> tuple[Request, bool]:
    """Begin to forget; (the request, whether it had been asked with this Idempotency-Key before).

    Whom the account does not know is forgotten in the same way: no answer tells one from the other.
    """
    reach("erase.asked")
    marks = await find_marks(desk, asked, asked.person)
    request = replace(
        new_request(asked, marks, status="erasing"), platform_mac=await find_platform_mac(desk, asked.person)
    )
    reason = await sealed_reason(desk, request, asked)
    async with as_account(desk.door, asked.account_id) as conn:
        used = await used_before(conn, asked)
        if used is not None:
            return used, True
        await refuse_held(desk, conn, asked.account_id, marks.subject_ids)
        request = replace(request, status=await _first_status(conn, asked))
        request = await requests_store.insert_request(
            conn, request, reason=reason, key_mac=asked.key_mac, body_mac=asked.body_mac
        )
        await (_condemn(conn, request) if request.status == "erasing" else restrict(conn, request))
        await note(conn, request, Action.PRIVACY_REQUESTED, by=by_of(asked))
        reach("erase.before_commit")
    reach("erase.committed")
    await follow(desk, request)
    return request, False


async def approve(desk: Desk, *, account_id: UUID, mode: int, request_id: UUID, by: By) -> Request:
    """A second person agrees, by another key than it was asked with."""
    async with as_account(desk.door, account_id) as conn:
        request = await _locked(conn, account_id, mode, request_id)
        if request.asked_by == by.actor.id:
            raise NotAllowed(
                "second_person_needed",
                "Whoever asked for it cannot approve it, with the same key or in the console. A second person must.",
            )
        request = await approved(desk, conn, request, by=by)
    await follow(desk, request)
    return request


async def approved(desk: Desk, conn: Conn, request: Request, *, by: By) -> Request:
    """The same in the caller's transaction, for a locked request; `follow` comes after the commit."""
    if request.status != "awaiting_approval":
        raise Conflict("not_awaiting_approval", f"This request is {request.status}; there is nothing to approve.")
    await refuse_held(desk, conn, request.account_id, request.subject_ids)
    key_id = by.actor.id
    if request.grace_hours:
        request = await requests_store.set_status(conn, request, status="in_grace", approved_by=key_id)
    else:
        request = await begin(desk, conn, request, key_id=key_id)
    await note(conn, request, Action.PRIVACY_APPROVED, by=by)
    return request


async def cancel(desk: Desk, *, account_id: UUID, mode: int, request_id: UUID, by: By) -> Request:
    """Nothing is forgotten after all; only while it waits."""
    async with as_account(desk.door, account_id) as conn:
        request = await _locked(conn, account_id, mode, request_id)
        if request.status not in CANCELABLE:
            raise Conflict("too_late", f"This request is {request.status}. It can be canceled only while it waits.")
        canceled = await requests_store.set_status(conn, request, status="canceled")
        if not await requests_store.is_restricted_by_another(conn, request):
            await lift(conn, request)
        await note(conn, canceled, Action.PRIVACY_CANCELED, by=by)
    await follow(desk, canceled)
    return canceled


async def begin(desk: Desk, conn: Conn, request: Request, *, key_id: UUID | None = None) -> Request:
    """From waiting to erasing, in the caller's transaction; whoever was met since it was asked is included."""
    if request.lookup is not None:
        found = await subjects_under(desk, request.account_id, request.mode, request.lookup)
        request = await _include(conn, request, found)
    begun = await requests_store.set_status(conn, request, status="erasing", approved_by=key_id)
    await _condemn(conn, begun)
    return begun


async def follow(desk: Desk, request: Request) -> None:
    """What comes after the commit; the worker does it again for whoever dies before the end."""
    try:
        await catch_up(desk.main, desk.journal)
    except (JournalError, OSError) as error:
        log.exception("journal_unavailable", error=type(error).__name__)
        raise Unavailable(
            "journal_unavailable",
            "The request is kept, but the erasure journal cannot be written at this moment. It goes on when it can.",
        ) from None
    reach("erase.journaled")
    if request.status == "erasing":
        await desk.vault.forget(request.key_slots)
        reach("erase.unreadable")
        async with desk.main.acquire() as conn:
            await requests_store.mark_unreadable(conn, request)


async def include_newcomers(desk: Desk, request: Request) -> Request:
    """Somebody may have been enrolled under the identifier while it was being forgotten: they are the same person."""
    if request.lookup is None:
        return request
    found = await subjects_under(desk, request.account_id, request.mode, request.lookup)
    if set(found) <= set(request.subject_ids):
        return request
    async with desk.main.acquire() as conn, conn.transaction():
        added = await _include(conn, request, found)
        await journal_store.intend(conn, intent_of(added, "erase"))
    return added


async def _include(conn: Conn, request: Request, found: dict[UUID, int]) -> Request:
    new = {subject_id: slot for subject_id, slot in found.items() if subject_id not in request.subject_ids}
    if not new:
        return request
    return await requests_store.add_subjects(conn, request, subject_ids=list(new), key_slots=list(new.values()))


async def _condemn(conn: Conn, request: Request) -> None:
    """Nothing is sent from here on; and the journal shall say that the person is erased."""
    assert request.mac is not None
    await consent.set_standing(conn, account_id=request.account_id, macs=[request.mac], state="erased")
    await consent.lift_standing(
        conn, account_id=request.account_id, macs=[request.mac], state="restricted", scope=consent.RESTRICTION
    )
    await export_store.end_personal(conn, account_id=request.account_id)
    await journal_store.intend(conn, intent_of(request, "erase"))


async def restrict(conn: Conn, request: Request) -> None:
    """Nothing is sent while it stands."""
    assert request.mac is not None
    await consent.set_standing(
        conn, account_id=request.account_id, macs=[request.mac], state="restricted", scope=consent.RESTRICTION
    )
    await journal_store.intend(conn, intent_of(request, "restrict", scope=consent.RESTRICTION))


async def lift(conn: Conn, request: Request) -> None:
    """What stood before the restriction stands again."""
    assert request.mac is not None
    await consent.lift_standing(
        conn, account_id=request.account_id, macs=[request.mac], state="restricted", scope=consent.RESTRICTION
    )
    await journal_store.intend(conn, intent_of(request, "lift", scope=consent.RESTRICTION))


def intent_of(request: Request, kind: Kind, *, scope: int = consent.EVERYTHING) -> Intent:
    """What the journal shall say of a request."""
    is_erase = kind == "erase"
    return Intent(
        id=UUID(bytes=ids.new_bytes()),
        kind=kind,
        account_id=UUID(bytes=request.account_id.bytes),
        mode=request.mode,
        request_id=UUID(bytes=request.id.bytes),
        subject_ids=tuple(UUID(bytes=one.bytes) for one in request.subject_ids) if is_erase else (),
        key_slots=request.key_slots if is_erase else (),
        mac=request.mac or b"",
        scope=scope,
        at=clock.now(),
    )


async def _first_status(conn: Conn, asked: Asked) -> Status:
    """Many erasures in a short time may be a mistake or an attack: then somebody else must agree."""
    lowest_id = ids.first_at(clock.now() - timedelta(hours=1))
    if await requests_store.count_erasures(conn, account_id=asked.account_id, lowest_id=lowest_id) >= HOURLY_MAX:
        return "awaiting_approval"
    return "in_grace" if asked.grace_hours else "erasing"


async def _locked(conn: Conn, account_id: UUID, mode: int, request_id: UUID) -> Request:
    request = await requests_store.read_request(
        conn, account_id=account_id, mode=mode, request_id=request_id, for_update=True
    )
    if request is None:
        raise NotFound("not_found", "There is no such prq_… in this account and mode.")
    return request


def new_request(asked: Asked, marks: Marks, *, status: Status, outcome: str | None = None) -> Request:
    """A request that is not stored yet."""
    now = clock.now()
    return Request(
        account_id=asked.account_id, id=ids.new(), mode=asked.mode, type=asked.type, status=status, outcome=outcome,
        is_lift=asked.is_lift, asked_by=asked.key_id, grace_hours=asked.grace_hours, grace_until=None, created_at=now,
        due_at=now + DUE, unreadable_at=None, completed_at=None, lookup=marks.lookup, mac=marks.mac,
        subject_ids=marks.subject_ids, key_slots=marks.key_slots, body_mac=asked.body_mac, has_receipt=False,
    )  # fmt: skip


async def sealed_reason(desk: Desk, request: Request, asked: Asked) -> bytes | None:
    """The account's own words may name somebody, so they are sealed."""
    if asked.reason is None:
        return None
    return await desk.vault.seal_account(asked.account_id, TABLE, "reason", request.id, asked.reason.encode())
