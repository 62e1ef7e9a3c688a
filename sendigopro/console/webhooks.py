"""The pages of webhook endpoints: which there are and how they do, making and changing one, its secret, its end."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from litestar import Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import FromPath, RawBody
from litestar.response import Redirect

from sendigopro.accounts.roles import Permission
from sendigopro.accounts.sessions import need_proof
from sendigopro.console import signature_samples, webhook_form
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit
from sendigopro.console.webhook_form import Typed
from sendigopro.foundation import clock, ids, strict_query
from sendigopro.foundation.postgres import DuplicateKeyError, as_account
from sendigopro.foundation.problems import Conflict, Invalid, NotAllowed, Problem
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault
from sendigopro.webhooks import delivery_store
from sendigopro.webhooks.api import endpoints_of
from sendigopro.webhooks.endpoints import ENDPOINTS_MAX, EVENT_TYPES, OVERLAP_SECONDS, Endpoints
from sendigopro.webhooks.model import Endpoint, Health

HOME = "/console/webhooks"
ROWS_MAX: Final = 2_000
"""Rows of attempts that health is told from, at most; each has many attempts."""
HEALTH_OF: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Line:
    """An endpoint as pages show it."""

    id: str
    endpoint: Endpoint
    health: Health | None

    @property
    def last_success(self) -> datetime | None:
        row = self.health.last_success if self.health is not None else None
        return None if row is None else ids.time_of(row)

    @property
    def failed(self) -> int:
        return self.health.failed if self.health is not None else 0

    @property
    def state(self) -> tuple[str, str]:
        """A word, and its tone."""
        if not self.endpoint.is_enabled:
            why = {"gone": "off: answered 410", "failing": "off: failed for five days"}
            return why.get(self.endpoint.disabled_reason or "", "off"), "bad"
        return ("failing", "warn") if self.endpoint.failing_since else ("on", "good")


@get(HOME)
async def show(visit: Given[Visit], runtime: Given[Runtime], vault: Given[Vault]) -> Response[str]:
    """Those of the mode in view."""
    visit.need(Permission.READ_WEBHOOKS)
    found = await endpoints_of(runtime, vault, visit.by).page(
        visit.account_id, visit.mode, after=None, before=None, limit=ENDPOINTS_MAX
    )
    health = await health_of(visit, runtime)
    lines = [Line(ids.typed("we", one.id), one, health.get(ids.typed("we", one.id))) for one in found]
    return framed(visit, "webhooks.html", lines=lines)


@get(HOME + "/new")
async def show_form(visit: Given[Visit]) -> Response[str]:
    visit.need(Permission.WRITE_WEBHOOKS)
    return form(visit, webhook_form.fresh())


@post(HOME, status_code=303)
async def make(visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]) -> Response[Any]:
    """Make one; sent twice, the form makes one all the same."""
    visit.need(Permission.WRITE_WEBHOOKS)
    typed = webhook_form.read_typed(body)
    try:
        webhook_form.check(typed)
        endpoint_id = webhook_form.once(typed)
        await endpoints_of(runtime, vault, visit.by).create(
            visit.account_id, visit.mode, url=typed.url, event_types=typed.event_types, description=typed.description,
            endpoint_id=endpoint_id,
        )  # fmt: skip
    except (Invalid, Conflict) as problem:
        return form(visit, typed, problem=problem)
    except DuplicateKeyError:
        pass
    return Redirect(f"{HOME}/{typed.once}", status_code=303)


@get(HOME + "/{endpoint:str}")
async def show_one(
    endpoint: FromPath[str], visit: Given[Visit], runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    visit.need(Permission.READ_WEBHOOKS)
    return await one_page(visit, runtime, vault, endpoint)


@post(HOME + "/{endpoint:str}/change", status_code=303)
async def change(
    endpoint: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    visit.need(Permission.WRITE_WEBHOOKS)
    endpoint_id, typed = strict_query.path_id("we", endpoint), webhook_form.read_typed(body)
    try:
        webhook_form.check(typed)
        await endpoints_of(runtime, vault, visit.by).change(
            visit.account_id, visit.mode, endpoint_id, url=typed.url, event_types=typed.event_types,
            description=typed.description,
        )  # fmt: skip
    except Invalid as problem:
        return await one_page(visit, runtime, vault, endpoint, typed=typed, problem=problem)
    return Redirect(f"{HOME}/{endpoint}", status_code=303)


@post(HOME + "/{endpoint:str}/switch", status_code=303)
async def switch(
    endpoint: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """On or off."""
    is_on = read_form(body, ("on",))["on"] == "yes"
    return await done(
        visit, runtime, vault, endpoint,
        lambda endpoints, one: endpoints.change(visit.account_id, visit.mode, one, is_enabled=is_on),
    )  # fmt: skip


@post(HOME + "/{endpoint:str}/test", status_code=303)
async def send_test(
    endpoint: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """Send it a `webhook.test`, and show what came of it."""
    visit.need(Permission.WRITE_WEBHOOKS)
    endpoint_id = strict_query.path_id("we", endpoint)
    try:
        event_id = await endpoints_of(runtime, vault, visit.by).test(visit.account_id, visit.mode, endpoint_id)
    except Conflict as problem:
        return await one_page(visit, runtime, vault, endpoint, problem=problem)
    return Redirect(f"{HOME}/deliveries?event={ids.typed('evt', event_id)}", status_code=303)


@post(HOME + "/{endpoint:str}/secret", status_code=200)
async def show_secret(
    endpoint: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    """To who has shown their own credential just now; the audit log says so."""
    return await with_secret(visit, runtime, vault, endpoint, is_new=False)


@post(HOME + "/{endpoint:str}/rotate", status_code=200)
async def rotate(
    endpoint: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[str]:
    """A new secret; the old one signs too for a day."""
    return await with_secret(visit, runtime, vault, endpoint, is_new=True)


@post(HOME + "/{endpoint:str}/delete", status_code=303)
async def delete(
    endpoint: FromPath[str], visit: Given[Visit], *, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """Tell it nothing more and forget it."""
    return await done(
        visit, runtime, vault, endpoint,
        lambda endpoints, one: endpoints.delete(visit.account_id, visit.mode, one), leads=HOME, needs_proof=True,
    )  # fmt: skip


@post(HOME + "/{endpoint:str}/replay", status_code=303)
async def replay(
    endpoint: FromPath[str], visit: Given[Visit], *, body: RawBody, runtime: Given[Runtime], vault: Given[Vault]
) -> Response[Any]:
    """Tell one event again, or everything since a moment."""
    typed = read_form(body, ("event", "since"))
    if typed["event"]:
        event_id = ids.parse("evt", typed["event"], param="event")
        return await done(
            visit, runtime, vault, endpoint,
            lambda endpoints, one: endpoints.replay_event(visit.account_id, visit.mode, one, event_id=event_id),
            leads=f"{HOME}/deliveries?event={typed['event']}",
        )  # fmt: skip
    return await done(
        visit, runtime, vault, endpoint,
        lambda endpoints, one: endpoints.replay_since(
            visit.account_id, visit.mode, one, since=webhook_form.read_since(typed["since"])
        ),
        leads=f"{HOME}/deliveries?endpoint={endpoint}",
    )  # fmt: skip


async def done(
    visit: Visit,
    runtime: Runtime,
    vault: Vault,
    endpoint: str,
    act: Callable[[Endpoints, Any], Coroutine[Any, Any, object]],
    *,
    leads: str | None = None,
    needs_proof: bool = False,
) -> Response[Any]:
    """Do something with one endpoint and go on; what hinders it is said on its page."""
    visit.need(Permission.WRITE_WEBHOOKS)
    endpoint_id = strict_query.path_id("we", endpoint)
    try:
        if needs_proof:
            need_proof(visit.signed)
        await act(endpoints_of(runtime, vault, visit.by), endpoint_id)
    except (Invalid, Conflict, NotAllowed) as problem:
        return await one_page(visit, runtime, vault, endpoint, problem=problem)
    return Redirect(leads or f"{HOME}/{endpoint}", status_code=303)


async def with_secret(visit: Visit, runtime: Runtime, vault: Vault, endpoint: str, *, is_new: bool) -> Response[str]:
    visit.need(Permission.WRITE_WEBHOOKS)
    endpoint_id = strict_query.path_id("we", endpoint)
    endpoints = endpoints_of(runtime, vault, visit.by)
    try:
        need_proof(visit.signed)
        give = endpoints.rotate if is_new else endpoints.show_secret
        secret = await give(visit.account_id, visit.mode, endpoint_id)
    except (NotAllowed, Conflict) as problem:
        return await one_page(visit, runtime, vault, endpoint, problem=problem)
    return await one_page(visit, runtime, vault, endpoint, secret=secret, is_new=is_new)


async def one_page(
    visit: Visit,
    runtime: Runtime,
    vault: Vault,
    endpoint: str,
    *,
    typed: Typed | None = None,
    secret: str = "",
    is_new: bool = False,
    problem: Problem | None = None,
) -> Response[str]:
    endpoint_id = strict_query.path_id("we", endpoint)
    found = await endpoints_of(runtime, vault, visit.by).get(visit.account_id, visit.mode, endpoint_id)
    line = Line(endpoint, found, (await health_of(visit, runtime)).get(endpoint))
    return framed(
        visit, "webhook.html", line=line, typed=typed or webhook_form.of_endpoint(found), types=EVENT_TYPES,
        secret=secret, is_new=is_new, overlap_hours=OVERLAP_SECONDS // 3600, samples=signature_samples.SAMPLES,
        problem=problem,
    )  # fmt: skip


def form(visit: Visit, typed: Typed, *, problem: Problem | None = None) -> Response[str]:
    return framed(visit, "webhook_form.html", typed=typed, types=EVENT_TYPES, problem=problem)


async def health_of(visit: Visit, runtime: Runtime) -> Mapping[str, Health]:
    """How each endpoint did in a day, as far as the newest attempts tell."""
    async with as_account(runtime.door, visit.account_id) as conn:
        found = await delivery_store.read_health(
            conn, account_id=visit.account_id, mode=visit.mode, since=ids.first_at(clock.now() - HEALTH_OF),
            limit=ROWS_MAX,
        )  # fmt: skip
    return {ids.typed("we", one.endpoint_id): one for one in found}


routes = [show, show_form, make, show_one, change, switch, send_test, show_secret, rotate, delete, replay]
