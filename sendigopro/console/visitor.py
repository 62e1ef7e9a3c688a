"""Who looks at the console: the cookies of a browser, and what is told of where it is."""

import re
from typing import Any
from urllib.parse import quote

from litestar import Request
from litestar.datastructures import Cookie

from sendigopro.accounts.sessions import LIFE, Place, Sessions, Signed
from sendigopro.accounts.throttle import network_of
from sendigopro.foundation.problems import Unauthenticated

SESSION, DEVICE, HALF_WAY = "sendigopro_session", "sendigopro_device", "sendigopro_half_way"
PASSKEY = "sendigopro_passkey"
"""What was asked of an authenticator, until it answers."""
DEVICE_SECONDS = 400 * 86_400  # the longest that browsers keep one
SIGN_IN = "/console/sign-in"
NEXT_MAX = 200
OUR_PAGE = re.compile(r"/console(/[A-Za-z0-9_\-./]*)?(\?[A-Za-z0-9_\-.=&%]*)?")
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip

AnyRequest = Request[Any, Any, Any]


async def signed_in(request: AnyRequest, sessions: Sessions) -> Signed:
    """Who it is; `Unauthenticated` for everybody else."""
    return await sessions.read(request.cookies.get(cookie_name(request, SESSION), ""))


async def signed_in_or_none(request: AnyRequest, sessions: Sessions) -> Signed | None:
    try:
        return await signed_in(request, sessions)
    except Unauthenticated:
        return None


def sign_in_address(path: str, query: str = "") -> str:
    """The sign-in page, which comes back to the page that was asked for."""
    asked = f"{path}?{query}" if query else path
    return f"{SIGN_IN}?next={quote(safe_next(asked), safe='')}"


def safe_next(text: str) -> str:
    """A page of the console; for anything else its beginning, so that no link leads a visitor elsewhere."""
    leads_on = not text.startswith(SIGN_IN) and "//" not in text and ".." not in text
    return text if leads_on and len(text) <= NEXT_MAX and OUR_PAGE.fullmatch(text) else "/console"


def place_of(request: AnyRequest) -> Place:
    """As its owner knows it again: a browser and a network, not an address."""
    agent = request.headers.get("user-agent", "")
    browser = next((name for mark, name in BROWSERS if mark in agent), "A browser")
    system = next((name for mark, name in SYSTEMS if mark in agent), "an unknown system")
    return Place(f"{browser} on {system}", network_of(peer_of(request)))


def peer_of(request: AnyRequest) -> str:
    return request.client.host if request.client is not None else ""


def device_of(request: AnyRequest) -> str | None:
    return request.cookies.get(cookie_name(request, DEVICE))


def session_cookie(request: AnyRequest, token: str) -> Cookie:
    return cookie(request, SESSION, token, seconds=int(LIFE.total_seconds()))


def cookie(request: AnyRequest, name: str, value: str, *, seconds: int) -> Cookie:
    """For us alone: no script reads it, no other site sends it along, no other host has set it (`__Host-`)."""
    return Cookie(
        key=cookie_name(request, name), value=value, path="/", httponly=True, samesite="lax",
        secure=request.url.scheme == "https", max_age=seconds,
    )  # fmt: skip


def gone(request: AnyRequest, name: str) -> Cookie:
    return cookie(request, name, "", seconds=0)


def cookie_name(request: AnyRequest, name: str) -> str:
    """Browsers take `__Host-` over TLS only."""
    return f"__Host-{name}" if request.url.scheme == "https" else name
