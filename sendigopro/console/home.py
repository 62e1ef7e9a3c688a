"""Where the console begins, how one moves about in it, and what account and data are in view."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import RawBody
from litestar.response import Redirect

from sendigopro.accounts.roles import Permission
from sendigopro.accounts.sessions import Sessions
from sendigopro.console import handset, home_store, visitor
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed, places_open
from sendigopro.console.home_view import HOURS, day_of, latency_of, steps_of
from sendigopro.console.visit import Visit, mode_cookie, visit_of
from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import Unauthenticated
from sendigopro.ledger import store as ledger
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console"
LATENCIES_MAX = 500


@get("/")
async def root() -> Redirect:
    """Until there is a website."""
    return Redirect(HOME)


@get(HOME)
async def show(
    request: Request[Any, Any, Any], runtime: Given[Runtime], vault: Given[Vault], sessions: Given[Sessions]
) -> Response[Any]:
    """A key in the address becomes a cookie, so that it stays in no history or referrer; it opens the handset alone."""
    key = parse_qs(request.scope["query_string"].decode("latin-1")).get("key", [""])[0]
    if key:
        return await handset.let_in(request, vault, key)
    try:
        visit = await visit_of(request, runtime, vault, sessions)
    except Unauthenticated:
        if request.cookies.get(handset.COOKIE):
            return Redirect(handset.HOME)
        raise
    return await overview(visit, runtime)


async def overview(visit: Visit, runtime: Runtime) -> Response[str]:
    """What a member may see of the last day, and what is still to be done."""
    now, account_id, mode = clock.now(), visit.account_id, visit.mode
    since = now - timedelta(hours=HOURS)
    async with as_account(runtime.door, account_id) as conn:
        counts = await home_store.read_counts(conn, account_id=account_id, mode=mode, since=since)
        delivered = await home_store.read_delivered(
            conn, account_id=account_id, mode=mode, since=ids.first_at(since), limit=LATENCIES_MAX
        )
        done = await home_store.read_steps(conn, account_id=account_id, mode=mode)
        webhooks = await home_store.read_webhook_health(conn, account_id=account_id, mode=mode)
        sees_money = visit.may(Permission.READ_BALANCE)
        credit = await ledger.read_credit(conn, account_id=account_id) if sees_money else None
    has_second_factor = visit.person.has_totp or visit.signed.factors > 1
    return framed(
        visit,
        "home.html",
        day=day_of(counts, now=now),
        latency=latency_of(delivered),
        has_message=done.has_message,
        steps=steps_of(done, has_second_factor=has_second_factor, may_open=places_open(visit)),
        webhooks=webhooks,
        credit=credit,
    )


@post(HOME + "/mode", status_code=303)
async def choose_mode(request: Request[Any, Any, Any], visit: Given[Visit], body: RawBody) -> Response[Any]:
    """Look at test or live data, on all pages from now on; back to the page where it was chosen."""
    del visit  # asking for it is the guard
    mode = read_form(body, ("mode",))["mode"]
    return Redirect(came_from(request), status_code=303, cookies=[mode_cookie(request, mode)])


def came_from(request: Request[Any, Any, Any]) -> str:
    """The page a form stood on, if it is ours."""
    _, _, path = request.headers.get("referer", "").partition("//")
    _, slash, rest = path.partition("/")
    return visitor.safe_next(slash + quote(rest, safe="/?=&%-._~"))


routes = [root, show, choose_mode]
