"""Showing what is masked: only to who may see it, only when they ask, and each time on the audit log."""

from collections.abc import Sequence

from sendigopro.accounts.roles import Permission
from sendigopro.audit.model import Action, Facts
from sendigopro.audit.record import record
from sendigopro.console.visit import Visit
from sendigopro.foundation.postgres import as_account
from sendigopro.messages.masking import Sees
from sendigopro.runtime import Runtime

PERSONAL = (Permission.READ_SUBJECTS, Permission.READ_BODIES)


def may_ask(visit: Visit) -> bool:
    """Whether there is anything that could be shown to them."""
    return any(visit.may(one) for one in PERSONAL)


async def reveal(
    runtime: Runtime, visit: Visit, *, wanted: Sequence[Permission] = PERSONAL, target: str | None = None, shown: int
) -> Sees:
    """Note that so many things are shown, then say what of them may be: as much as the role holds of what is wanted.

    Call it when a form asks, before the page is made: what is not on the log is not shown.
    """
    granted = [one for one in wanted if visit.may(one)]
    if not granted:
        visit.need(wanted[0])
    facts: Facts = {"what": [one.value for one in granted], "page": visit.path, "shown": shown}
    async with as_account(runtime.door, visit.account_id) as conn:
        await record(
            conn, account_id=visit.account_id, actor=visit.by.actor, action=Action.SUBJECT_UNMASKED, target=target,
            facts=facts, request_id=visit.by.request_id,
        )  # fmt: skip
    return Sees(Permission.READ_SUBJECTS in granted, Permission.READ_BODIES in granted)
