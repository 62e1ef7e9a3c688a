"""What people may ask for besides being forgotten: to be left in peace, and to be known under the right identifier."""

from dataclasses import replace
from uuid import UUID

from sendigopro.consent import store as consent
from sendigopro.foundation.phones import PhoneNumber
from sendigopro.foundation.postgres import DuplicateKeyError, as_account
from sendigopro.privacy import journal_store, requests_store
from sendigopro.privacy.desk import Desk, find_marks, keep_request, used_before
from sendigopro.privacy.erase import follow, intent_of, lift, new_request, restrict, sealed_reason
from sendigopro.privacy.model import Asked, Marks, Request
from sendigopro.vault import enrol, sealing
from sendigopro.vault import store as subjects
from sendigopro.vault.store import NewIdentifier

IN_USE = "corrected_identifier_in_use"


async def restrict_or_lift(desk: Desk, asked: Asked) -> tuple[Request, bool]:
    """Nothing is sent to the person while it stands; what is kept stays kept."""
    marks = await find_marks(desk, asked, asked.person)
    request = _of_mac_alone(new_request(asked, marks, status="completed"))
    reason = await sealed_reason(desk, request, asked)
    async with as_account(desk.door, asked.account_id) as conn:
        used = await used_before(conn, asked)
        if used is not None:
            return used, True
        if asked.is_lift:
            await requests_store.end_restrictions(conn, account_id=asked.account_id, mac=marks.mac)
            if not await requests_store.is_restricted_by_another(conn, request):
                await lift(conn, request)
        else:
            await restrict(conn, request)
        request = await keep_request(conn, asked, request, reason=reason)
    await follow(desk, request)
    return request, False


async def object_to(desk: Desk, asked: Asked) -> tuple[Request, bool]:
    """An objection, or a consent withdrawn: the account sends this person nothing more."""
    marks = await find_marks(desk, asked, asked.person)
    request = _of_mac_alone(new_request(asked, marks, status="completed"))
    reason = await sealed_reason(desk, request, asked)
    async with as_account(desk.door, asked.account_id) as conn:
        used = await used_before(conn, asked)
        if used is not None:
            return used, True
        await consent.set_standing(conn, account_id=asked.account_id, macs=[marks.mac], state="opted_out")
        await journal_store.intend(conn, intent_of(request, "opt_out"))
        request = await keep_request(conn, asked, request, reason=reason)
    await follow(desk, request)
    return request, False


async def rectify(desk: Desk, asked: Asked) -> tuple[Request, bool]:
    """Know the person under another identifier. The vault first, main second: a crash between leaves it corrected.

    Who is unknown is answered like who is known. Only when somebody else has the new identifier, nothing is changed
    and the request says so, because the account must then decide who is who.
    """
    assert asked.corrected is not None
    old = await find_marks(desk, asked, asked.person)
    new = await find_marks(desk, asked, asked.corrected)
    async with as_account(desk.door, asked.account_id) as conn:
        used = await used_before(conn, asked)
        if used is not None:
            return used, True
    is_known = bool(old.subject_ids)
    is_moved = is_known and not new.subject_ids and await _replace_all(desk, asked, old, new, asked.corrected)
    is_refused = is_known and not is_moved
    request = new_request(
        asked,
        Marks(b"", new.mac if is_moved else old.mac),
        status="rejected" if is_refused else "completed",
        outcome=IN_USE if is_refused else None,
    )
    reason = await sealed_reason(desk, request, asked)
    async with as_account(desk.door, asked.account_id) as conn:
        if is_moved:
            await requests_store.move_standing(conn, account_id=asked.account_id, old_mac=old.mac, new_mac=new.mac)
            for subject_id in old.subject_ids:
                await requests_store.tell_of_subject(conn, account_id=asked.account_id, subject_id=subject_id)
            await journal_store.intend(conn, intent_of(request, "rectify"))
        request = await keep_request(conn, asked, _of_mac_alone(request), reason=reason)
    await follow(desk, request)
    return request, False


async def _replace_all(desk: Desk, asked: Asked, old: Marks, new: Marks, corrected: PhoneNumber) -> bool:
    """Seal the new identifier for the subjects; False when somebody took it meanwhile."""
    keys = await desk.vault.load_account(asked.account_id)
    opened = await desk.vault.open_subjects(asked.account_id, old.subject_ids)
    try:
        async with desk.vault_pool.acquire() as conn, conn.transaction():
            for subject_id, subject in opened.items():
                place = (asked.account_id.bytes, enrol.TABLE, enrol.COLUMN, subject_id.bytes)
                sealed = sealing.seal(
                    sealing.identifier_key(subject.key, keys.seal), place, corrected.phone.reveal().encode()
                )
                await subjects.replace_subject(
                    conn, account_id=asked.account_id, subject_id=subject_id,
                    new=NewIdentifier(new.lookup, sealed, corrected.country),
                )  # fmt: skip
    except DuplicateKeyError:
        return False
    for subject_id in opened:
        desk.vault.drop_subject(asked.account_id, UUID(bytes=subject_id.bytes))
    return True


def _of_mac_alone(request: Request) -> Request:
    """A request that is done needs no way to the subject."""
    return replace(request, lookup=None, subject_ids=(), key_slots=())
