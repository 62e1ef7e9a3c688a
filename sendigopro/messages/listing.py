"""Which messages a list shows: filters and cursors turned into bounds on the id."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from sendigopro.accounts.retention_terms import PEOPLE, RECEIVED, RetentionClock, RetentionTerms
from sendigopro.foundation import clock, ids, strict_query
from sendigopro.foundation.phones import PhoneNumber, parse_phone
from sendigopro.foundation.postgres import Conn, Reading
from sendigopro.foundation.problems import Invalid
from sendigopro.messages import read_store
from sendigopro.messages.model import RANKS_OF, Direction, Purpose, Status
from sendigopro.messages.view import status_of
from sendigopro.vault.vault import Vault

LOWEST, HIGHEST = UUID(int=0), UUID(int=2**128 - 1)
# Statuses before the first outcome are derived, so candidates are read and looked at; this many rounds at most.
ROUNDS_MAX = 20
ROUND_SIZE = 500
# What is rare is looked for in windows that grow, so that what is common costs no more than a page.
WINDOW_FIRST, WINDOW_MAX, WINDOW_GROWS = 2, 5_000, 4
STATUS_WINDOW_MAX = 1_000  # each message's outcomes are asked for
PATIENCE_SECONDS = 5.0

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class MessageQuery(strict_query.Page, forbid_unknown_fields=True, kw_only=True):
    """How a list of messages may be narrowed."""

    recipient: (
        Annotated[str, msgspec.Meta(description="The other side's number, whole.", examples=["+447400123456"])] | None
    ) = None
    status: Annotated[Status, msgspec.Meta(description="Their status now.")] | None = None
    direction: Annotated[Literal["outbound", "inbound"], msgspec.Meta(description="Who wrote.")] | None = None
    tag: Annotated[str, msgspec.Meta(min_length=1, max_length=64, description="One of their tags.")] | None = None
    created_after: Annotated[Moment, msgspec.Meta(description="Made at this time or later.")] | None = None
    created_before: Annotated[Moment, msgspec.Meta(description="Made before this time.")] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One page of ids, in the order of the list (newest first)."""

    ids: Sequence[UUID]
    has_more: bool
    reached: UUID | None = None
    """Set when patience ended before the page was full: nothing else is on this side of it."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    account_id: UUID
    mode: int
    lowest: UUID
    highest: UUID
    newest_first: bool
    subject_id: UUID | None
    tag_mac: bytes | None
    status: Status | None
    direction: Direction | None
    kept: read_store.Kept


async def find_messages(
    reading: Reading,
    vault: Vault,
    query: MessageQuery,
    *,
    account_id: UUID,
    mode: int,
    retention: RetentionTerms,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Found:
    """The ids of one page; what the account's terms have ended is in none."""
    subject_id = tag_mac = None
    kept, today = kept_since(retention, clock.today()), clock.today()
    if query.recipient is not None:
        subject = await vault.find(account_id, mode, read_recipient(query.recipient))
        if subject is None:
            return Found((), has_more=False)
        subject_id = subject.id
        before = retention.over_before(PEOPLE, RetentionClock.IDENTIFIER, today=today)
        if await vault.unseen_among(account_id, [subject_id], since=before):
            kept = kept.not_before(clock.midnight(before))
    if query.tag is not None:
        await vault.load_account(account_id)
        tag_mac = vault.tag_mac(account_id, query.tag)
    lowest, highest = bounds(query)
    newest_first = query.before is None or query.after is not None
    direction = None if query.direction is None else Direction[query.direction.upper()]
    wanted = _Wanted(
        account_id, mode, lowest, highest, newest_first, subject_id, tag_mac, query.status, direction, kept
    )
    async with reading(account_id) as conn:
        found, reached = await _collect(conn, wanted, limit=query.limit + 1, until=clock.monotonic() + patience_seconds)
    page = found[: query.limit]
    has_more = len(found) > query.limit or reached is not None
    return Found(page if newest_first else page[::-1], has_more, reached)


def kept_since(retention: RetentionTerms, today: date) -> read_store.Kept:
    """The terms of records as times: what expired earlier is over."""
    sent = [
        clock.midnight(retention.over_before(one.name.lower(), RetentionClock.RECORD, today=today)) for one in Purpose
    ]
    return read_store.Kept(sent, clock.midnight(retention.over_before(RECEIVED, RetentionClock.RECORD, today=today)))


def read_recipient(text: str) -> PhoneNumber:
    """A number from a query string, where an unescaped + has become a space."""
    try:
        return parse_phone(f"+{text[1:]}" if text.startswith(" ") else text)
    except Invalid as problem:
        raise Invalid(problem.code, problem.detail, param="recipient") from problem


def bounds(query: MessageQuery) -> tuple[UUID, UUID]:
    """The ids between which the page lies, both left out; ids sort by time."""
    lowest, highest = LOWEST, HIGHEST
    if query.created_after is not None:
        lowest = UUID(int=max(0, first_int(query.created_after) - 1))
    if query.created_before is not None:
        highest = UUID(int=first_int(query.created_before))
    if query.after is not None:
        highest = min(highest, ids.parse("msg", query.after, param="after"))
    if query.before is not None:
        lowest = max(lowest, ids.parse("msg", query.before, param="before"))
    return lowest, highest


def first_int(moment: datetime) -> int:
    return max(0, int(moment.timestamp() * 1000)) << 80


async def _collect(conn: Conn, wanted: _Wanted, *, limit: int, until: float) -> tuple[list[UUID], UUID | None]:
    if wanted.status is None or wanted.status in RANKS_OF:
        return await _scan(conn, wanted, limit=limit, until=until)
    if wanted.direction is Direction.INBOUND:
        return [], None  # what came in has its outcome at once
    collected: list[UUID] = []
    lowest, highest = wanted.lowest, wanted.highest
    for _ in range(ROUNDS_MAX):
        candidates = await _read_unfinished(conn, wanted, lowest=lowest, highest=highest, until=until)
        if candidates:
            states = await read_store.read_states(conn, account_id=wanted.account_id, message_ids=candidates)
            collected += [one for one in candidates if one in states and status_of(states[one]) is wanted.status]
        if len(candidates) < ROUND_SIZE or len(collected) >= limit:
            break
        lowest, highest = (lowest, candidates[-1]) if wanted.newest_first else (candidates[-1], highest)
    return collected[:limit], None


async def _scan(conn: Conn, wanted: _Wanted, *, limit: int, until: float) -> tuple[list[UUID], UUID | None]:
    """Window by window; how far it got, if patience ended first."""
    ranks = None if wanted.status is None else RANKS_OF[wanted.status]
    found: list[UUID] = []
    lowest, highest, window = wanted.lowest, wanted.highest, limit * WINDOW_FIRST
    while True:
        scanned = await read_store.scan_messages(
            conn, account_id=wanted.account_id, mode=wanted.mode, lowest=lowest, highest=highest,
            subject_id=wanted.subject_id, ranks=ranks, tag_mac=wanted.tag_mac, direction=wanted.direction,
            newest_first=wanted.newest_first, kept=wanted.kept, limit=limit - len(found), window=window,
        )  # fmt: skip
        found += scanned.ids
        if scanned.last is None or len(found) >= limit:
            return found, None
        if clock.monotonic() > until:
            return found, scanned.last
        lowest, highest = (lowest, scanned.last) if wanted.newest_first else (scanned.last, highest)
        window = min(WINDOW_MAX if ranks is None else STATUS_WINDOW_MAX, window * WINDOW_GROWS)


async def _read_unfinished(conn: Conn, wanted: _Wanted, *, lowest: UUID, highest: UUID, until: float) -> list[UUID]:
    if wanted.subject_id is not None or wanted.tag_mac is not None:
        bounded = replace(wanted, lowest=lowest, highest=highest, status=None)
        found, _ = await _scan(conn, bounded, limit=ROUND_SIZE, until=until)
        return found
    return await read_store.list_unfinished(
        conn,
        account_id=wanted.account_id,
        mode=wanted.mode,
        lowest=lowest,
        highest=highest,
        newest_first=wanted.newest_first,
        limit=ROUND_SIZE,
    )
