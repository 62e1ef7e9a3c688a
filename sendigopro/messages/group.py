"""Group commit: requests that arrive together share one durable transaction, and are answered after it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from sendigopro.foundation import clock, ids
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.pace import Pace
from sendigopro.foundation.postgres import CONNECTION_LOST, MAYBE_COMMITTED, Conn, Pool, Row
from sendigopro.foundation.problems import Conflict, Problem, Unavailable, Unpaid, Unprocessable
from sendigopro.ledger import store as ledger
from sendigopro.messages import store
from sendigopro.messages.assemble import Assembled, Verdict, assemble
from sendigopro.messages.rows import Prepared, pack_body, pack_message, pack_tags

log = structlog.get_logger()

GROUP_MESSAGES_MAX = 500
FEW_MAX = 60
PACE_SECONDS = 0.002
"""Groups begin at least so far apart: most of what comes out of enrolment has gathered company there."""
MIDNIGHT_MARGIN = timedelta(minutes=5)
REFUSED = UUID(int=0)
"""Stands in a claim for an item that was refused: a replay refuses it again."""


@dataclass(slots=True)
class Entry:
    """One request's messages on their way to disk; `done` gets one result for each: None, or why it was refused."""

    account_id: UUID
    messages: list[Prepared]
    claim: store.Claim | None
    done: asyncio.Future[list[Problem | None] | store.Claim]


class GroupWriter:
    """One of a process's writers: it takes what has come in, commits it, and answers."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._pace = Pace(PACE_SECONDS)
        self._waiting: list[Entry] = []
        self._arrived = asyncio.Event()
        self.hint: Callable[[set[tuple[UUID, int]]], None] | None = None
        """Called after each commit that queued something due: for which carriers, and at which priorities."""

    def submit(self, entry: Entry) -> None:
        """Queue a request; its future is resolved after the commit."""
        self._waiting.append(entry)
        self._arrived.set()

    async def run(self) -> None:
        """Commit groups until cancelled."""
        while True:
            await self._arrived.wait()
            await self._pace.turn()
            group = self._take()
            try:
                await self._commit(group)
            except asyncio.CancelledError:
                _refuse(group, Unavailable("shutting_down", "We are restarting. Send the request again."))
                raise
            except Exception as error:  # noqa: BLE001  # whatever it was, each request must get an answer
                await self._commit_singly(group, error)

    def _take(self) -> list[Entry]:
        """The oldest requests that fit a group; at least one, however large."""
        taken, count = 0, 0
        for entry in self._waiting:
            count += len(entry.messages)
            if taken and count > GROUP_MESSAGES_MAX:
                break
            taken += 1
        group, self._waiting = self._waiting[:taken], self._waiting[taken:]
        if not self._waiting:
            self._arrived.clear()
        return group

    async def _commit_singly(self, group: list[Entry], cause: Exception) -> None:
        """One bad row must not fail its neighbours: try each request alone, and name what failed."""
        if len(group) == 1 or isinstance(cause, CONNECTION_LOST):
            log.warning("accept_failed", requests=len(group), error=type(cause).__name__)
            _refuse(group, _as_problem(cause))
            return
        for entry in group:
            try:
                await self._commit([entry])
            except Exception as error:  # noqa: BLE001  # as above
                log.warning("accept_failed", requests=1, error=type(error).__name__)
                _refuse([entry], _as_problem(error))

    async def _commit(self, group: list[Entry]) -> None:
        answers: list[tuple[Entry, list[Problem | None] | store.Claim | Problem]] = []
        async with self._pool.acquire() as conn:
            if _is_plain(group):
                winners, verdicts = group, _nothing_held(group)
                assembled = assemble(winners, verdicts)
                reach("accept.before_commit")
                await store.insert_few(conn, assembled.placed, assembled.chunks, tallies=assembled.tallies)
            else:
                async with conn.transaction():
                    winners = await _claim(conn, group, answers)
                    verdicts = await _hold(conn, winners)
                    await _amend_claims(conn, winners, verdicts)
                    assembled = assemble(winners, verdicts)
                    await _write(conn, assembled)
                    reach("accept.before_commit")
            reach("accept.committed")
        for entry, verdict in zip(winners, verdicts, strict=True):
            answers.append((entry, [problem for problem, _ in verdict]))
        for entry, answer in answers:
            if entry.done.done():
                continue
            if isinstance(answer, Problem):
                entry.done.set_exception(answer)
            else:
                entry.done.set_result(answer)
        if assembled.chunks and self.hint is not None:
            self.hint({(chunk.carrier_id, chunk.priority) for chunk in assembled.chunks})


def _is_plain(group: Sequence[Entry]) -> bool:
    """A few messages that only need rows and a place in the queue: one statement, and no transaction around it.

    Seven round trips are nothing for 500 messages, and most of what ten cost.
    """
    messages = [message for entry in group for message in entry.messages]
    return len(messages) <= FEW_MAX and not (
        any(entry.claim is not None for entry in group)
        or any(one.price_micros or one.tags or one.send_at is not None for one in messages)
    )


def _refuse(group: Sequence[Entry], problem: Problem) -> None:
    for entry in group:
        if not entry.done.done():
            entry.done.set_exception(problem)


def _as_problem(error: Exception) -> Problem:
    """What the caller is told when the database would not take it."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, MAYBE_COMMITTED):
        return Unavailable(
            "storage_unavailable",
            "The database went away while this was written, so it may or may not have been accepted. "
            "Send the request again in a few seconds, with the same Idempotency-Key if it had one.",
            retry_after_seconds=2,
        )
    return Unavailable(
        "storage_unavailable",
        "We cannot write to disk at this moment. Nothing was accepted; send the request again in a few seconds.",
        retry_after_seconds=2,
    )


async def _claim(conn: Conn, group: list[Entry], answers: list[Any]) -> list[Entry]:
    """Take the idempotency keys of a group; those that were used before are answered and left out."""
    claims = [entry.claim for entry in group if entry.claim is not None]
    if not claims:
        return group
    now = clock.now()
    days = _claim_days(now)
    asked = [now.date() - timedelta(days=1), *days]
    used = await _find(conn, claims, asked)
    first = {(c.account_id, c.key_mac): c for c in reversed(claims) if (c.account_id, c.key_mac) not in used}
    won = await store.claim(conn, list(first.values()), days=days) if first else set()
    lost = [c for key, c in first.items() if key not in won]
    if lost:  # another transaction was faster and has committed meanwhile
        used |= await _find(conn, lost, asked)
    winners: list[Entry] = []
    for entry in group:
        if entry.claim is None:
            winners.append(entry)
            continue
        key = (entry.claim.account_id, entry.claim.key_mac)
        if key in won:
            won.discard(key)  # the first of a group wins; a twin in the same group is in flight
            winners.append(entry)
        else:
            answers.append((entry, _replay_or_refuse(entry.claim, used.get(key))))
    return winners


def _claim_days(now: datetime) -> list[date]:
    """Around midnight both days are claimed, so that a key cannot be used once on either side."""
    return sorted({(now - MIDNIGHT_MARGIN).date(), now.date(), (now + MIDNIGHT_MARGIN).date()})


async def _find(conn: Conn, claims: list[store.Claim], days: list[date]) -> dict[tuple[UUID, bytes], Any]:
    rows = await store.find_claims(
        conn, account_ids=[c.account_id for c in claims], key_macs=[c.key_mac for c in claims], days=days
    )
    return {(row["account_id"], row["key_mac"]): row for row in rows}


def _replay_or_refuse(claim: store.Claim, row: Row | None) -> store.Claim | Problem:
    if row is None:
        return Conflict(
            "idempotency_in_flight",
            "A request with this Idempotency-Key is being worked on. Wait a second and ask again.",
            retry_after_seconds=1,
        )
    if row["body_mac"] != claim.body_mac:
        return Unprocessable(
            "idempotency_key_reused",
            "This Idempotency-Key came with another body before. Use a new key for a new request.",
        )
    return store.Claim(claim.account_id, claim.key_mac, claim.body_mac, list(row["message_ids"]), row["code"])


async def _hold(conn: Conn, entries: list[Entry]) -> list[list[Verdict]]:
    """Hold credit for accounts that have a limit; for each message: why not, or what was held."""
    needed: dict[UUID, int] = defaultdict(int)
    for entry in entries:
        for message in entry.messages:
            if message.price_micros:
                needed[entry.account_id] += message.price_micros
    if not needed:
        return _nothing_held(entries)
    account_ids = sorted(needed, key=lambda a: a.bytes)
    grants = await ledger.hold(conn, account_ids=account_ids, needed=[needed[a] for a in account_ids])
    left = dict(grants)
    verdicts = [[_grant(left, entry.account_id, message) for message in entry.messages] for entry in entries]
    unused = {account_id: micros for account_id, micros in left.items() if micros}
    if unused:
        await ledger.release(conn, account_ids=list(unused), amounts=list(unused.values()))
    return verdicts


def _nothing_held(entries: Sequence[Entry]) -> list[list[Verdict]]:
    return [[(None, 0)] * len(entry.messages) for entry in entries]


def _grant(left: dict[UUID, int], account_id: UUID, message: Prepared) -> Verdict:
    if account_id not in left or not message.price_micros:
        return None, 0
    if left[account_id] < message.price_micros:
        return Unpaid("insufficient_credit", "The account's credit does not cover this message. Top it up."), 0
    left[account_id] -= message.price_micros
    return None, message.price_micros


async def _amend_claims(conn: Conn, entries: list[Entry], verdicts: list[list[Verdict]]) -> None:
    """Leave what was not paid for out of its claim: a replay must not say that it was accepted.

    A request of which nothing was accepted leaves its key free for the next try.
    """
    unpaid, amended = [], []
    for entry, verdict in zip(entries, verdicts, strict=True):
        refused = {
            ids.from_bytes(message.id)
            for message, (problem, _) in zip(entry.messages, verdict, strict=True)
            if problem is not None
        }
        if entry.claim is None or not refused:
            continue
        unpaid.append(entry.claim)
        if len(refused) < len(entry.messages):
            kept = [REFUSED if one in refused else one for one in entry.claim.message_ids]
            amended.append(replace(entry.claim, message_ids=kept))
    if unpaid:
        await store.unclaim(conn, unpaid)
    if amended:
        await store.claim(conn, amended, days=_claim_days(clock.now()))


async def _write(conn: Conn, assembled: Assembled) -> None:
    """Copy a group's rows, inside a transaction."""
    placed = assembled.placed
    if not placed:
        return
    await store.copy_messages(conn, [pack_message(one) for one in placed])
    await store.copy_bodies(conn, [pack_body(one.message) for one in placed])
    tags = [row for one in placed for row in pack_tags(one.message)]
    if tags:
        await store.copy_tags(conn, tags)
    if assembled.waiting:
        await store.insert_waiting(conn, assembled.waiting)
    await store.insert_chunks(conn, assembled.chunks, tallies=assembled.tallies)
