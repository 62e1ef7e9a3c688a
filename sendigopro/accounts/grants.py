"""Staff in an account: they ask with a reason, the account allows it for a time, every page is written down for it.

There is no other way in, and none for emergencies: whoever runs the installation and must act without an account's
consent acts on the machine itself, where the audit log names the operator.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sendigopro.accounts import staff_store
from sendigopro.accounts.people_store import StoredSession
from sendigopro.accounts.roles import GUEST, SEEING_GUEST
from sendigopro.accounts.staff_store import UNDECIDED_DAYS, StoredGrant
from sendigopro.audit.model import Action, Actor, ActorKind, By, Facts
from sendigopro.audit.record import record
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Conn, Pool
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, NotFound
from sendigopro.vault.vault import Vault

PREFIX: Final = "grt"
HOURS_MAX: Final = 72
REASON_MAX: Final = 500
LEAD_OUT_SECONDS: Final = 60.0
SEALED: Final = ("staff_grants", "reason")


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody of the staff who was let in, and until when."""

    grant_id: UUID
    until: datetime
    shows_people: bool

    @property
    def role(self) -> str:
        return SEEING_GUEST if self.shows_people else GUEST


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant in clear."""

    account_id: UUID
    id: UUID
    person_id: UUID
    reason: str = field(repr=False)
    asked_at: datetime
    hours: int
    consented_at: datetime | None
    shows_people: bool
    ends_at: datetime | None
    ended_at: datetime | None

    @property
    def state(self) -> str:
        """`asked`, `running`, `refused`, `ended` or `over`."""
        return state_of(self.asked_at, self.consented_at, self.ends_at, self.ended_at)

    @property
    def typed_id(self) -> str:
        return ids.typed(PREFIX, self.id)

    @property
    def staff(self) -> str:
        """Who it is, as the audit log names them."""
        return ids.typed("stf", self.person_id)


def state_of(
    asked_at: datetime, consented_at: datetime | None, ends_at: datetime | None, ended_at: datetime | None
) -> str:
    now = clock.now()
    if consented_at is None or ends_at is None:
        if ended_at is not None:
            return "refused"
        return "asked" if asked_at > now - timedelta(days=UNDECIDED_DAYS) else "over"
    if ended_at is not None:
        return "ended"
    return "running" if ends_at > now else "over"


# What staff do


def by_staff(person_id: UUID, request_id: str | None = None) -> By:
    return By(Actor(ActorKind.STAFF, person_id), request_id)


async def ask(conn: Conn, vault: Vault, *, account_id: UUID, person_id: UUID, reason: str, hours: int, by: By) -> UUID:
    """In the caller's transaction. Who has asked waits for the answer."""
    reason = read_reason(reason)
    if not 1 <= hours <= HOURS_MAX:
        raise Invalid("invalid_hours", f"Ask for 1 to {HOURS_MAX} hours.", param="hours")
    before = await staff_store.list_grants(conn, account_id=account_id, person_id=person_id)
    if any(
        state_of(one.asked_at, one.consented_at, one.ends_at, one.ended_at) in ("asked", "running") for one in before
    ):
        raise Conflict("asked_before", "You have asked this account, or are let in. Wait for its answer.")
    grant_id = ids.new()
    sealed = await vault.seal_account(account_id, *SEALED, grant_id, reason.encode())
    await staff_store.insert_grant(
        conn, account_id=account_id, grant_id=grant_id, person_id=person_id, reason=sealed, hours=hours
    )
    await note(conn, Action.STAFF_ASKED, account_id=account_id, grant_id=grant_id, by=by, facts={"hours": hours})
    return grant_id


async def enter(conn: Conn, *, account_id: UUID, person_id: UUID, session_id: UUID, grant_id: UUID, by: By) -> None:
    """In the caller's transaction. `NotFound` for whoever was not let in: they learn nothing of the account."""
    grant = await staff_store.running_grant(conn, account_id=account_id, person_id=person_id, grant_id=grant_id)
    if grant is None:
        raise NotFound("no_grant", "There is no grant that opens this account to you now.")
    await staff_store.enter(conn, person_id=person_id, session_id=session_id, account_id=account_id, grant_id=grant_id)
    await note(
        conn, Action.STAFF_ENTERED, account_id=account_id, grant_id=grant_id, by=by,
        facts={"shows_people": grant.shows_people},
    )  # fmt: skip


async def leave(
    conn: Conn, *, account_id: UUID, person_id: UUID, session_id: UUID, grant_id: UUID, how: str, by: By | None = None
) -> None:
    """Back to their own account, in the caller's transaction; written down once, however many notice it."""
    if await staff_store.leave(conn, person_id=person_id, session_id=session_id, grant_id=grant_id):
        await note(
            conn, Action.STAFF_LEFT, account_id=account_id, grant_id=grant_id, by=by or by_staff(person_id),
            facts={"how": how},
        )  # fmt: skip


async def guest_of(conn: Conn, found: StoredSession) -> Guest:
    """What opens the account to this session now; who is let in no more is led back, and told with this request."""
    assert found.grant_id is not None
    grant = await staff_store.running_grant(
        conn, account_id=found.account_id, person_id=found.person_id, grant_id=found.grant_id
    )
    if grant is None or grant.ends_at is None:
        async with conn.transaction():
            await leave(
                conn, account_id=found.account_id, person_id=found.person_id, session_id=found.id,
                grant_id=found.grant_id, how="over",
            )  # fmt: skip
        raise NotAllowed("grant_over", "Your access to this account has ended. You are back in your own account.")
    return Guest(grant.id, grant.ends_at, grant.shows_people)


async def lead_out(conn: Conn) -> int:
    """Everybody whose grant is over and who has asked for no page since; how many. As `pipeline` or `owner`."""
    inside = await staff_store.sessions_inside_too_long(conn)
    for person_id, session_id, account_id, grant_id in inside:
        async with conn.transaction():
            await leave(
                conn, account_id=account_id, person_id=person_id, session_id=session_id, grant_id=grant_id, how="over"
            )
    return len(inside)


async def keep_leading_out(pool: Pool) -> None:
    """A worker's job, until cancelled: that a grant has run out is written down within a minute."""
    while True:
        async with pool.acquire() as conn:
            await lead_out(conn)
        await asyncio.sleep(LEAD_OUT_SECONDS)


# What the account does


async def allow(
    conn: Conn, *, account_id: UUID, grant_id: UUID, person_id: UUID, hours: int, shows_people: bool, by: By
) -> datetime:
    """For as long as the account chooses, from now; in its transaction."""
    grant = await unanswered(conn, account_id=account_id, grant_id=grant_id)
    if not 1 <= hours <= HOURS_MAX:
        raise Invalid("invalid_hours", f"Allow it for 1 to {HOURS_MAX} hours.", param="hours")
    until = await staff_store.allow_grant(
        conn, account_id=account_id, grant_id=grant.id, consented_by=person_id, hours=hours, shows_people=shows_people
    )
    await note(
        conn, Action.STAFF_ALLOWED, account_id=account_id, grant_id=grant_id, by=by,
        facts={"hours": hours, "shows_people": shows_people, "staff": ids.typed("stf", grant.person_id)},
    )  # fmt: skip
    return until


async def refuse(conn: Conn, *, account_id: UUID, grant_id: UUID, by: By) -> None:
    """Not at all, or no longer: who is in is out with their next request. In the account's transaction."""
    grant = await staff_store.lock_grant(conn, account_id=account_id, grant_id=grant_id)
    if grant is None or state_now(grant) not in ("asked", "running"):
        raise NotFound("no_such_grant", "There is no such request, or it has ended.")
    await staff_store.end_grant(conn, account_id=account_id, grant_id=grant_id)
    await note(
        conn, Action.STAFF_REFUSED, account_id=account_id, grant_id=grant_id, by=by,
        facts={"before": state_now(grant), "staff": ids.typed("stf", grant.person_id)},
    )  # fmt: skip


async def unanswered(conn: Conn, *, account_id: UUID, grant_id: UUID) -> StoredGrant:
    grant = await staff_store.lock_grant(conn, account_id=account_id, grant_id=grant_id)
    if grant is None or state_now(grant) != "asked":
        raise NotFound("no_such_grant", "There is no such request, or it was answered.")
    return grant


# Parts


def state_now(grant: StoredGrant) -> str:
    return state_of(grant.asked_at, grant.consented_at, grant.ends_at, grant.ended_at)


def read_reason(text: str) -> str:
    reason = text.strip()
    if not reason or len(reason) > REASON_MAX:
        raise Invalid(
            "reason_needed", f"Say why, in 1 to {REASON_MAX} characters: the account reads it.", param="reason"
        )
    return reason


async def note(conn: Conn, action: Action, *, account_id: UUID, grant_id: UUID, by: By, facts: Facts) -> None:
    await record(
        conn, account_id=account_id, actor=by.actor, request_id=by.request_id, action=action,
        target=ids.typed(PREFIX, grant_id), facts=facts,
    )  # fmt: skip


async def grants_of(conn: Conn, vault: Vault, *, account_id: UUID, person_id: UUID | None = None) -> Sequence[Grant]:
    """The newest first."""
    return [
        await opened(vault, one)
        for one in await staff_store.list_grants(conn, account_id=account_id, person_id=person_id)
    ]


async def opened(vault: Vault, one: StoredGrant) -> Grant:
    reason = await vault.open_account(one.account_id, *SEALED, one.id, one.reason)
    return Grant(
        one.account_id, one.id, one.person_id, reason.decode(), one.asked_at, one.hours, one.consented_at,
        one.shows_people, one.ends_at, one.ended_at,
    )  # fmt: skip
