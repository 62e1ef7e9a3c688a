"""The doors of an account's terms: look at them, set one, count what another would end."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody

from sendigopro.accounts import retention_store
from sendigopro.accounts import store as accounts
from sendigopro.accounts.model import Caller
from sendigopro.accounts.retention_store import StoredTerm
from sendigopro.accounts.retention_terms import LIMITS, Limit, RetentionClock
from sendigopro.accounts.scopes import need
from sendigopro.audit.model import Action, By
from sendigopro.audit.record import record
from sendigopro.channels.directory import Directory
from sendigopro.foundation import strict_json
from sendigopro.foundation.lists import Listed
from sendigopro.foundation.operations import Operation
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import NotFound, Unprocessable
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.retention.simulate import what_would_end
from sendigopro.vault.vault import Vault

READ, WRITE = "privacy.read", "privacy.write"
REASON_MAX = 500
Days = Annotated[int, msgspec.Meta(ge=0, le=32767, description="After how many days it ends.")]


class NewTerm(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How long something is to be kept."""

    days: Days
    reason: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=1,
                max_length=REASON_MAX,
                description="Needed for more than the default; kept sealed.",
            ),
        ]
        | None
    ) = None


class NewSimulation(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A term to try."""

    days: Days


class TermObject(msgspec.Struct, kw_only=True):
    """One clock of one product, and between what it may be set."""

    object: Literal["retention_term"] = "retention_term"
    product: str
    clock: RetentionClock
    days: int
    default_days: int
    least_days: int
    cap_days: int
    cap_reason: str
    reason: str | None
    set_at: datetime | None
    """None: it is the default, and was never set."""


class SimulationObject(msgspec.Struct, kw_only=True):
    """What a term would end at once."""

    object: Literal["retention_simulation"] = "retention_simulation"
    product: str
    clock: RetentionClock
    days: int
    would_end: Literal["texts", "records", "people"]
    count: int
    last_needed_before: date


@get("/v1/privacy/retention")
async def list_terms(caller: Given[Caller], desk: Given[Desk]) -> Listed[TermObject]:
    """Every clock, set or not."""
    need(caller, READ)
    async with as_account(desk.door, caller.account_id) as conn:
        rows = await retention_store.list_terms(conn, account_id=caller.account_id)
    stored = {(row.product, row.clock): row for row in rows}
    data = []
    for (product, kind), limit in LIMITS.items():
        row = stored.get((product, kind)) or StoredTerm(product, kind, limit.default, reason=None, set_at=None)
        data.append(term_object(row, limit, await open_reason(desk.vault, caller.account_id, row)))
    return Listed(data=data, has_more=False)


@put("/v1/privacy/retention/{product:str}/{clock:str}")
async def set_term(
    product: FromPath[str],
    clock: FromPath[str],
    caller: Given[Caller],
    *,
    by: Given[By],
    desk: Given[Desk],
    directory: Given[Directory],
    body: RawBody,
) -> TermObject:
    """From now on, for what is there already too: what is over by it is refused at once, and gone within the hour."""
    need(caller, WRITE)
    wanted = strict_json.decode(body, NEW)
    kind, limit = find_limit(product, clock)
    refuse(wanted, product, kind, limit)
    sealed = None
    if wanted.reason is not None:
        place = place_of(product, kind)
        sealed = await desk.vault.seal_account(caller.account_id, *place, caller.account_id, wanted.reason.encode())
    async with as_account(desk.door, caller.account_id) as conn:
        set_at = await retention_store.put_term(
            conn, account_id=caller.account_id, product=product, clock=kind, days=wanted.days, reason=sealed,
            key_id=caller.key_id,
        )  # fmt: skip
        await accounts.announce_change(conn, what="retention")
        await record(
            conn, account_id=caller.account_id, actor=by.actor, request_id=by.request_id, action=Action.RETENTION_SET,
            target=f"{product}/{kind}", facts={"days": wanted.days, "has_reason": sealed is not None},
        )  # fmt: skip
    await directory.refresh()
    return term_object(StoredTerm(product, kind, wanted.days, sealed, set_at), limit, wanted.reason)


@post("/v1/privacy/retention/{product:str}/{clock:str}/simulate", status_code=200)
async def simulate_term(
    product: FromPath[str], clock: FromPath[str], caller: Given[Caller], desk: Given[Desk], body: RawBody
) -> SimulationObject:
    """Count; nothing is changed."""
    need(caller, READ)
    wanted = strict_json.decode(body, SIMULATION)
    kind, _ = find_limit(product, clock)
    found = await what_would_end(
        desk.main, desk.vault_pool, account_id=caller.account_id, product=product, kind=kind, days=wanted.days
    )
    return SimulationObject(
        product=product, clock=kind, days=wanted.days, would_end=found.what, count=found.count,
        last_needed_before=found.before,
    )  # fmt: skip


NEW, SIMULATION = msgspec.json.Decoder(NewTerm), msgspec.json.Decoder(NewSimulation)


def find_limit(product: str, clock: str) -> tuple[RetentionClock, Limit]:
    try:
        kind = RetentionClock(clock)
        return kind, LIMITS[product, kind]
    except (ValueError, KeyError):
        raise NotFound(
            "retention_term_not_found",
            "There is no such product and clock. GET /v1/privacy/retention lists them.",
            param="product",
        ) from None


def refuse(wanted: NewTerm, product: str, kind: RetentionClock, limit: Limit) -> None:
    """What no account may choose, with the reason why."""
    if wanted.days > limit.cap:
        raise Unprocessable(
            "retention_too_long", f"{product} {kind} may be kept {limit.cap} days at most. {limit.why}", param="days"
        )
    if wanted.days < limit.least:
        raise Unprocessable(
            "retention_too_short",
            f"{product} {kind} must be kept {limit.least} days at least: until then receipts and reports need it.",
            param="days",
        )
    if wanted.days > limit.default and wanted.reason is None:
        raise Unprocessable(
            "reason_required",
            f"To keep {product} {kind} longer than {limit.default} days, say what for. The reason is kept sealed.",
            param="reason",
        )


def term_object(term: StoredTerm, limit: Limit, reason: str | None) -> TermObject:
    return TermObject(
        product=term.product,
        clock=term.clock,
        days=term.days,
        default_days=limit.default,
        least_days=limit.least,
        cap_days=limit.cap,
        cap_reason=limit.why,
        reason=reason,
        set_at=term.set_at,
    )


async def open_reason(vault: Vault, account_id: UUID, row: StoredTerm) -> str | None:
    if row.reason is None:
        return None
    place = place_of(row.product, row.clock)
    return (await vault.open_account(account_id, *place, account_id, row.reason)).decode()


def place_of(product: str, kind: RetentionClock) -> tuple[str, str]:
    """Table and column a reason is sealed for: that of one clock opens for no other."""
    return "retention_terms", f"reason/{product}/{kind}"


routes = [list_terms, set_term, simulate_term]

TAG = "Privacy"
ONE = "/v1/privacy/retention/{product}/{clock}"
IDS = {"product": "otp", "clock": "body"}
EXAMPLE: dict[str, Any] = {
    "object": "retention_term",
    "product": "otp",
    "clock": "body",
    "days": 2,
    "default_days": 7,
    "least_days": 0,
    "cap_days": 30,
    "cap_reason": LIMITS["otp", RetentionClock.BODY].why,
    "reason": None,
    "set_at": "2026-11-27T09:00:00Z",
}
operations = (
    Operation(
        method="GET",
        path="/v1/privacy/retention",
        name="list_retention_terms",
        summary="How long texts, records and people are kept",
        tag=TAG,
        answers={200: Listed[TermObject]},
        problems=(403,),
    ),
    Operation(
        method="PUT",
        path=ONE,
        name="set_retention_term",
        summary="Keep something for so many days",
        description=(
            "Shorter at will; longer than the default with a reason, and never longer than the legal cap. It holds for "
            "what is stored already too: what is over is refused at once and deleted within the hour."
        ),
        tag=TAG,
        answers={200: TermObject},
        answer_example=EXAMPLE,
        request=NewTerm,
        request_example={"days": 2},
        path_ids=IDS,
        problems=(400, 403, 404, 413, 415, 422),
    ),
    Operation(
        method="POST",
        path=f"{ONE}/simulate",
        name="simulate_retention_term",
        summary="Count what another term would end; nothing is changed",
        tag=TAG,
        answers={200: SimulationObject},
        request=NewSimulation,
        request_example={"days": 2},
        path_ids=IDS,
        problems=(400, 403, 404, 413, 415),
    ),
)
