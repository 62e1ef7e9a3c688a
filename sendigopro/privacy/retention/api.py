"""The doors of an account's terms: look at them, set one, count what another would end."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody

from sendigopro.accounts.model import Caller
from sendigopro.accounts.retention_store import StoredTerm
from sendigopro.accounts.retention_terms import LIMITS, Limit, RetentionClock
from sendigopro.accounts.scopes import need
from sendigopro.audit.model import By
from sendigopro.channels.directory import Directory
from sendigopro.foundation import strict_json
from sendigopro.foundation.lists import Listed
from sendigopro.foundation.operations import Operation
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.retention.choose import REASON_MAX, all_terms, choose, find_limit
from sendigopro.privacy.retention.simulate import what_would_end

READ, WRITE = "privacy.read", "privacy.write"
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
    terms = await all_terms(desk, account_id=caller.account_id)
    data = [term_object(row, limit, reason) for row, limit, reason in terms]
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
    chosen = await choose(
        desk, account_id=caller.account_id, product=product, kind=kind, days=wanted.days, reason=wanted.reason, by=by
    )
    await directory.refresh()
    return term_object(chosen, limit, wanted.reason)


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
