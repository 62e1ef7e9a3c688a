"""The page of attempts to tell endpoints: when, with which answer, how long it took, and once more."""

from typing import Any, Final

from litestar import Request, Response, get
from litestar.di import NamedDependency as Given

from sendigopro.accounts.roles import Permission
from sendigopro.console.forms import read_query
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.foundation.problems import Invalid
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault
from sendigopro.webhooks import listing
from sendigopro.webhooks.api import endpoints_of
from sendigopro.webhooks.endpoints import ENDPOINTS_MAX
from sendigopro.webhooks.model import Attempt
from sendigopro.webhooks.shapes import AttemptQuery, attempt_id, attempt_object, endpoint_object

HOME = "/console/webhooks/deliveries"
SHOWN: Final = 50
STATUSES: Final = ("succeeded", "failed")


@get(HOME)
async def show(
    request: Request[Any, Any, Any], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    """The newest first."""
    visit.need(Permission.READ_WEBHOOKS)
    typed = read_query(request, ("endpoint", "event", "status", "after"))
    found: list[Attempt] = []
    problem: Invalid | None = None
    try:
        found = await listing.read_attempts(runtime.door, query_of(typed), account_id=visit.account_id, mode=visit.mode)
    except Invalid as wrong:
        problem = wrong
    endpoints = await endpoints_of(runtime, vault, visit.by).page(
        visit.account_id, visit.mode, after=None, before=None, limit=ENDPOINTS_MAX
    )
    named = [endpoint_object(one) for one in endpoints]
    older = attempt_id(found[SHOWN - 1]) if len(found) > SHOWN else None
    return framed(
        visit, "deliveries.html", attempts=[attempt_object(one) for one in found[:SHOWN]], typed=typed,
        endpoints={one.id: one.description or one.url for one in named}, statuses=STATUSES, older=older,
        is_filtered=any(typed.values()), problem=problem,
    )  # fmt: skip


def query_of(typed: dict[str, str]) -> AttemptQuery:
    status = typed["status"]
    if status and status not in STATUSES:
        raise Invalid("invalid_value", f"There are these: {', '.join(STATUSES)}.", param="status")
    return AttemptQuery(
        limit=SHOWN, after=typed["after"] or None, endpoint_id=typed["endpoint"] or None,
        event_id=typed["event"] or None, status=status or None,  # type: ignore[arg-type]  # one of the two
    )  # fmt: skip


routes = [show]
