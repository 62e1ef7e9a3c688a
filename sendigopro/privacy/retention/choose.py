"""An account chooses how long something is kept: within the legal caps, with a reason for more, on the audit log."""

from typing import Final
from uuid import UUID

from sendigopro.accounts import retention_store
from sendigopro.accounts import store as accounts
from sendigopro.accounts.retention_store import StoredTerm
from sendigopro.accounts.retention_terms import LIMITS, Limit, RetentionClock
from sendigopro.audit.model import Action, ActorKind, By
from sendigopro.audit.record import record
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import NotFound, Unprocessable
from sendigopro.privacy.desk import Desk
from sendigopro.vault.vault import Vault

REASON_MAX: Final = 500


async def all_terms(desk: Desk, *, account_id: UUID) -> list[tuple[StoredTerm, Limit, str | None]]:
    """Every clock, set or not, between what it may be set, and why if it is longer."""
    async with as_account(desk.door, account_id) as conn:
        rows = await retention_store.list_terms(conn, account_id=account_id)
    stored = {(row.product, row.clock): row for row in rows}
    found = []
    for (product, kind), limit in LIMITS.items():
        row = stored.get((product, kind)) or StoredTerm(product, kind, limit.default, reason=None, set_at=None)
        found.append((row, limit, await open_reason(desk.vault, account_id, row)))
    return found


async def choose(
    desk: Desk, *, account_id: UUID, product: str, kind: RetentionClock, days: int, reason: str | None, by: By
) -> StoredTerm:
    """From now on, for what is there already too; the caller has its process look again (`Directory.refresh`)."""
    refuse(days, reason, product, kind, LIMITS[product, kind])
    sealed = None
    if reason is not None:
        sealed = await desk.vault.seal_account(account_id, *place_of(product, kind), account_id, reason.encode())
    async with as_account(desk.door, account_id) as conn:
        set_at = await retention_store.put_term(
            conn, account_id=account_id, product=product, clock=kind, days=days, reason=sealed,
            key_id=by.actor.id if by.actor.kind is ActorKind.KEY else None,
        )  # fmt: skip
        await accounts.announce_change(conn, what="retention")
        await record(
            conn, account_id=account_id, actor=by.actor, request_id=by.request_id, action=Action.RETENTION_SET,
            target=f"{product}/{kind}", facts={"days": days, "has_reason": sealed is not None},
        )  # fmt: skip
    return StoredTerm(product, kind, days, sealed, set_at)


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


def refuse(days: int, reason: str | None, product: str, kind: RetentionClock, limit: Limit) -> None:
    """What no account may choose, with the reason why."""
    if days > limit.cap:
        raise Unprocessable(
            "retention_too_long", f"{product} {kind} may be kept {limit.cap} days at most. {limit.why}", param="days"
        )
    if days < limit.least:
        raise Unprocessable(
            "retention_too_short",
            f"{product} {kind} must be kept {limit.least} days at least: until then receipts and reports need it.",
            param="days",
        )
    if days > limit.default and reason is None:
        raise Unprocessable(
            "reason_required",
            f"To keep {product} {kind} longer than {limit.default} days, say what for. The reason is kept sealed.",
            param="reason",
        )


async def open_reason(vault: Vault, account_id: UUID, row: StoredTerm) -> str | None:
    if row.reason is None:
        return None
    place = place_of(row.product, row.clock)
    return (await vault.open_account(account_id, *place, account_id, row.reason)).decode()


def place_of(product: str, kind: RetentionClock) -> tuple[str, str]:
    """Table and column a reason is sealed for: that of one clock opens for no other."""
    return "retention_terms", f"reason/{product}/{kind}"
