"""Whether an account may send to real phones: it asks, a person of the staff decides, and both say why."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from sendigopro.accounts import staff_store, store
from sendigopro.accounts.staff_store import StoredReview
from sendigopro.audit.model import Action, By
from sendigopro.audit.record import record
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, NotFound
from sendigopro.vault.vault import Vault

TEST_ONLY, IN_REVIEW, LIVE, REFUSED, CLOSING = "test_only", "in_review", "live", "refused", "closing"
OPEN: Final = "open"
"""What `SENDIGOPRO_GO_LIVE` says when accounts from sign-up are live at once; with any other word they ask first."""
NOT_LIVE: Final = (TEST_ONLY, IN_REVIEW, REFUSED)
TABLE: Final = "go_live_reviews"
PREFIX: Final = "rev"
QUESTIONS: Final = {"what": "what you will send", "where": "to which countries", "opt_in": "how people agreed to it"}
ANSWER_MAX: Final = 1000
REASON_MAX: Final = 500


class Answers(msgspec.Struct, frozen=True):
    """What an account says of what it will send."""

    what: str
    where: str
    opt_in: str

    def __repr__(self) -> str:
        return "<Answers>"


@dataclass(frozen=True, slots=True)
class Review:
    """A review in clear."""

    account_id: UUID
    id: UUID
    asked_by: UUID
    asked_at: datetime
    answers: Answers
    decision: str | None
    decided_by: UUID | None
    decided_at: datetime | None
    reason: str = field(repr=False)


async def begin_review_state(conn: Conn, account_id: UUID, *, go_live: str) -> None:
    """An account that made itself has test keys alone, unless the setting says `open`; in that transaction."""
    if go_live != OPEN:
        await staff_store.set_state(conn, account_id=account_id, state=TEST_ONLY)


async def need_live(conn: Conn, *, account_id: UUID) -> None:
    """Before what only a live account may have."""
    refuse_not_live(await staff_store.read_state(conn, account_id=account_id))


def refuse_not_live(state: str | None) -> None:
    if state in NOT_LIVE:
        raise NotAllowed("not_live_yet", TOLD[state])


TOLD: Final = {
    TEST_ONLY: "This account is not live yet. Its owner asks for it at /console/account/go-live; test keys work now.",
    IN_REVIEW: "This account is being reviewed and not live yet. Test keys work meanwhile.",
    REFUSED: "This account was not made live. The reason is at /console/account/go-live, where it may ask again.",
}


async def ask_for_review(
    conn: Conn, vault: Vault, *, account_id: UUID, person_id: UUID, answers: Answers, by: By
) -> None:
    """In the caller's transaction; one at a time."""
    state = await staff_store.lock_state(conn, account_id=account_id)
    if state not in (TEST_ONLY, REFUSED):
        raise Conflict("no_review_needed", "This account is live, or its review is under way.")
    review_id = ids.new()
    sealed = await vault.seal_account(account_id, TABLE, "answers", review_id, msgspec.msgpack.encode(answers))
    await staff_store.insert_review(
        conn, account_id=account_id, review_id=review_id, asked_by=person_id, answers=sealed
    )
    await staff_store.set_state(conn, account_id=account_id, state=IN_REVIEW)
    await record(
        conn, account_id=account_id, actor=by.actor, request_id=by.request_id, action=Action.REVIEW_ASKED,
        target=ids.typed(PREFIX, review_id), facts={"before": state},
    )  # fmt: skip


async def decide(
    conn: Conn, vault: Vault, *, account_id: UUID, review_id: UUID, person_id: UUID, decision: str, reason: str, by: By
) -> None:
    """In the caller's transaction. Keys hear of it at once."""
    if decision not in (LIVE, REFUSED):
        raise Invalid("invalid_decision", "A review ends with 'live' or 'refused'.", param="decision")
    sealed = await vault.seal_account(account_id, TABLE, "reason", review_id, read_reason(reason).encode())
    state = await staff_store.lock_state(conn, account_id=account_id)
    is_first = await staff_store.decide_review(
        conn, account_id=account_id, review_id=review_id, decision=decision, decided_by=person_id, reason=sealed
    )
    if not is_first:
        raise NotFound("no_such_review", "There is no such review, or somebody has decided it.")
    if state == IN_REVIEW:  # an account that is closing meanwhile stays so
        await staff_store.set_state(conn, account_id=account_id, state=decision)
    await store.announce_change(conn, what="accounts")
    await record(
        conn, account_id=account_id, actor=by.actor, request_id=by.request_id, action=Action.REVIEW_DECIDED,
        target=ids.typed(PREFIX, review_id), facts={"decision": decision},
    )  # fmt: skip


async def opened(vault: Vault, stored: StoredReview) -> Review:
    packed = await vault.open_account(stored.account_id, TABLE, "answers", stored.id, stored.answers)
    reason = b""
    if stored.reason is not None:
        reason = await vault.open_account(stored.account_id, TABLE, "reason", stored.id, stored.reason)
    return Review(
        stored.account_id, stored.id, stored.asked_by, stored.asked_at, msgspec.msgpack.decode(packed, type=Answers),
        stored.decision, stored.decided_by, stored.decided_at, reason.decode(),
    )  # fmt: skip


def read_answers(typed: dict[str, str]) -> Answers:
    """Each question has an answer, of a length that somebody reads."""
    for name, wanted in (
        ("what", "what you will send"),
        ("where", "to which countries"),
        ("opt_in", "how people agreed"),
    ):
        if not typed[name].strip() or len(typed[name]) > ANSWER_MAX:
            raise Invalid("answer_needed", f"Say in 1 to {ANSWER_MAX:,} characters {wanted}.", param=name)
    return Answers(typed["what"].strip(), typed["where"].strip(), typed["opt_in"].strip())


def read_reason(text: str) -> str:
    reason = text.strip()
    if not reason or len(reason) > REASON_MAX:
        raise Invalid(
            "reason_needed", f"Say why, in 1 to {REASON_MAX} characters: the account reads it.", param="reason"
        )
    return reason
