"""Where the console begins, how one moves about in it, and what account and data are in view."""

from typing import Any
from urllib.parse import parse_qs, quote

from litestar import Request, Response, get, post
from litestar.di import NamedDependency as Given
from litestar.params import RawBody
from litestar.response import Redirect

from sendigopro.accounts.sessions import Sessions
from sendigopro.console import handset, visitor
from sendigopro.console.forms import read_form
from sendigopro.console.frame import framed
from sendigopro.console.visit import Visit, mode_cookie, visit_of
from sendigopro.foundation.problems import Unauthenticated
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

HOME = "/console"


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
    return framed(visit, "home.html")


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
