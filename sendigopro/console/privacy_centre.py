"""The privacy centre: what is kept and why, for how long, and whether that is proved."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts.retention_store import StoredTerm
from sendigopro.accounts.retention_terms import Limit, RetentionClock
from sendigopro.accounts.roles import Permission
from sendigopro.accounts.sessions import need_proof
from sendigopro.channels.directory import Directory
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation.problems import Invalid, NotAllowed, Problem, Unprocessable
from sendigopro.privacy import notice, notice_store, wording
from sendigopro.privacy.catalogue.notice_tables import NoticeRow, listed, notice_tables
from sendigopro.privacy.catalogue.picture import picture
from sendigopro.privacy.catalogue.store import read_columns
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.retention.choose import REASON_MAX, all_terms, choose, find_limit
from sendigopro.privacy.retention.simulate import WouldEnd, what_would_end
from sendigopro.runtime import Runtime

HOME = "/console/privacy"
RETENTION = HOME + "/retention"
P = Permission
DAYS_LETTERS: Final = 5
PRODUCTS: Final = {
    "otp": "One-time codes", "transactional": "Transactional", "service": "Service", "marketing": "Marketing",
    "emergency": "Emergency", "received": "What people write to you", "people": "People",
}  # fmt: skip
CLOCKS: Final = {
    RetentionClock.BODY: "Texts, since the message expired",
    RetentionClock.RECORD: "Records of who was sent what, since the message expired",
    RetentionClock.IDENTIFIER: "Numbers and addresses, since they were met last",
}
CLOCK_OF: Final = {
    "body_term": RetentionClock.BODY,
    "message_term": RetentionClock.RECORD,
    "identifier_term": RetentionClock.IDENTIFIER,
}
"""Retention words that an account's own terms say in days."""
DONE: Final = {"term": "The term is set. What is over by it is refused from now on, and gone within the hour."}
STYLE_SHEET: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Term:
    """One clock of one product, as a line of the table or the head of its page."""

    product: str
    clock: RetentionClock
    days: int
    limit: Limit
    reason: str | None

    @property
    def path(self) -> str:
        return f"{RETENTION}/{self.product}/{self.clock}"

    @property
    def name(self) -> str:
        return PRODUCTS[self.product]

    @property
    def told(self) -> str:
        return CLOCKS[self.clock]

    @property
    def is_chosen(self) -> bool:
        return self.days != self.limit.default


@dataclass(frozen=True, slots=True)
class Kept:
    """A line of the data map, in words."""

    what: str
    why: str
    basis: str
    how_long: str
    seen_by: str


@get(HOME)
async def show(visit: Given[Visit], runtime: Given[Runtime], desk: Given[Desk]) -> Response[str]:
    """What is kept of the people an account writes to, and of its members."""
    visit.need(P.READ_PRIVACY)
    async with runtime.door.acquire() as main, desk.vault_pool.acquire() as vault:
        rows = notice_tables(await read_columns(main, vault))
    terms = await terms_of(desk, visit)
    tables = [(role, [kept_of(one, terms) for one in rows if one.role == role]) for role in ("processor", "controller")]
    return framed(visit, "privacy_map.html", tab="map", tables=tables, heads=wording.ROLES)


@get(HOME + "/map.svg")
async def show_picture(visit: Given[Visit], runtime: Given[Runtime], desk: Given[Desk]) -> Response[str]:
    """Where everything lies and which way it goes, drawn from the columns as they are."""
    visit.need(P.READ_PRIVACY)
    async with runtime.door.acquire() as main, desk.vault_pool.acquire() as vault:
        drawn = picture(await read_columns(main, vault))
    headers = {"cache-control": "private, max-age=300", "content-security-policy": policy_of(drawn)}
    return Response(drawn, media_type="image/svg+xml", headers=headers)


def policy_of(drawn: str) -> str:
    """The picture brings its own style sheet; by its hash it is let in, and nothing else is."""
    sheets = [b64encode(sha256(one.encode()).digest()).decode() for one in STYLE_SHEET.findall(drawn)]
    allowed = " ".join(f"'sha256-{one}'" for one in sheets) or "'none'"
    return f"default-src 'none'; style-src {allowed}; frame-ancestors 'none'"


@get(RETENTION)
async def show_terms(request: Request[Any, Any, Any], visit: Given[Visit], desk: Given[Desk]) -> Response[str]:
    """Every clock, and between what it may be set."""
    visit.need(P.READ_PRIVACY)
    done = DONE.get(request.query_params.get("done", ""), "")
    return framed(visit, "privacy_retention.html", tab="retention", terms=await terms_of(desk, visit), done=done)


@get(RETENTION + "/{product:str}/{clock:str}")
async def show_term(
    product: FromPath[str], clock: FromPath[str], visit: Given[Visit], desk: Given[Desk]
) -> Response[str]:
    visit.need(P.READ_PRIVACY)
    return await term_page(desk, visit, product, clock)


@post(RETENTION + "/{product:str}/{clock:str}/simulate", status_code=200)
async def simulate(
    product: FromPath[str], clock: FromPath[str], visit: Given[Visit], *, desk: Given[Desk], body: RawBody
) -> Response[str]:
    """What a term would end at once; nothing is changed."""
    visit.need(P.READ_PRIVACY)
    kind, limit = find_limit(product, clock)
    typed = read_form(body, ("days", "reason"))
    try:
        days = read_days(typed["days"], limit)
    except Invalid as problem:
        return await term_page(desk, visit, product, clock, typed=typed, problem=problem)
    would = await what_would_end(
        desk.main, desk.vault_pool, account_id=visit.account_id, product=product, kind=kind, days=days
    )
    return await term_page(desk, visit, product, clock, typed=typed, would=would)


@post(RETENTION + "/{product:str}/{clock:str}", status_code=303)
async def set_term(
    product: FromPath[str],
    clock: FromPath[str],
    visit: Given[Visit],
    *,
    desk: Given[Desk],
    directory: Given[Directory],
    body: RawBody,
) -> Response[Any]:
    """From now on, for what is there already too; it cannot be taken back, so a credential is shown first."""
    visit.need(P.WRITE_PRIVACY)
    kind, limit = find_limit(product, clock)
    typed = read_form(body, ("days", "reason"))
    try:
        need_proof(visit.signed)
        days, reason = read_days(typed["days"], limit), read_reason(typed["reason"])
        await choose(
            desk, account_id=visit.account_id, product=product, kind=kind, days=days, reason=reason, by=visit.by
        )
    except (Invalid, Unprocessable, NotAllowed) as problem:
        return await term_page(desk, visit, product, clock, typed=typed, problem=problem)
    await directory.refresh()
    return Redirect(f"{RETENTION}?done=term", status_code=303)


@get(HOME + "/proof")
async def show_proof(visit: Given[Visit], runtime: Given[Runtime]) -> Response[str]:
    """How many promises of the notice stand how, by the last run of their tests."""
    visit.need(P.READ_PRIVACY)
    async with runtime.door.acquire() as conn:
        runs = {run["clause"]: run for run in await notice_store.read_last_runs(conn)}
        versions = await notice_store.read_versions(conn)
    promises = [one for one in notice.read().clauses if one.kind in (notice.Kind.KEPT, notice.Kind.PLANNED)]
    kept = [one for one in promises if one.kind is notice.Kind.KEPT]
    failed = [one for one in kept if one.id in runs and not runs[one.id]["passed"]]
    return framed(
        visit, "privacy_proof.html", tab="proof", version=next((one for one in versions if one["is_in_force"]), None),
        last=max((run["at"] for run in runs.values()), default=None), failed=failed,
        passed=sum(one.id in runs and runs[one.id]["passed"] for one in kept),
        not_run=sum(one.id not in runs for one in kept), planned=len(promises) - len(kept),
    )  # fmt: skip


# Parts


async def terms_of(desk: Desk, visit: Visit) -> list[Term]:
    found: Sequence[tuple[StoredTerm, Limit, str | None]] = await all_terms(desk, account_id=visit.account_id)
    return [Term(row.product, row.clock, row.days, limit, reason) for row, limit, reason in found]


async def term_page(
    desk: Desk,
    visit: Visit,
    product: str,
    clock: str,
    *,
    typed: dict[str, str] | None = None,
    would: WouldEnd | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    kind, _ = find_limit(product, clock)
    term = next(one for one in await terms_of(desk, visit) if (one.product, one.clock) == (product, kind))
    given = typed or {"days": str(term.days), "reason": term.reason or ""}
    return framed(
        visit, "privacy_term.html", tab="retention", term=term, typed=given, would=would, reason_max=REASON_MAX,
        problem=problem,
    )  # fmt: skip


def read_days(text: str, limit: Limit) -> int:
    days = text.strip()
    if not (days.isascii() and days.isdigit() and len(days) <= DAYS_LETTERS):
        raise Invalid("invalid_days", f"Write a number of days from {limit.least} to {limit.cap}.", param="days")
    return int(days)


def read_reason(text: str) -> str | None:
    reason = text.strip()
    if len(reason) > REASON_MAX:
        raise Invalid("invalid_reason", f"Say it in {REASON_MAX} letters.", param="reason")
    return reason or None


def kept_of(row: NoticeRow, terms: Sequence[Term]) -> Kept:
    """With this account's own days where its terms decide."""
    clock = CLOCK_OF.get(row.retention)
    how_long = wording.PERIODS[row.retention]
    if clock is not None:
        days = sorted({one.days for one in terms if one.clock is clock})
        how_long = f"{days[0]} days" if len(days) == 1 else f"{days[0]} to {days[-1]} days, by product"
    return Kept(
        what=wording.DATA[row.category],
        why=listed(wording.PURPOSES[word] for word in row.purposes),
        basis=wording.BASES[row.basis],
        how_long=how_long,
        seen_by=listed(wording.RECIPIENTS[word] for word in row.recipients if word != "nobody") or "nobody",
    )


routes = [show, show_picture, show_terms, show_term, simulate, set_term, show_proof]
