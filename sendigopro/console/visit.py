"""Somebody signed in looks at a page: who, for which account, in which mode, and what they may.

A page that takes a `Visit` is closed to everybody else, and its forms to every other site: asking for one is the guard.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from litestar import Request
from litestar.datastructures import Cookie
from litestar.di import NamedDependency as Given

from sendigopro.accounts import account_store, networks, people, people_store, staff_store
from sendigopro.accounts.create import name_of
from sendigopro.accounts.grants import Guest
from sendigopro.accounts.model import LIVE, MODES, TEST, mode_name
from sendigopro.accounts.people import Person
from sendigopro.accounts.roles import WHILE_CLOSING, Permission, need_permission
from sendigopro.accounts.sessions import Sessions, Signed
from sendigopro.audit.model import Action, Actor, ActorKind, By
from sendigopro.audit.record import record
from sendigopro.console import visitor
from sendigopro.console.forms import refuse_foreign
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import Conn, as_account
from sendigopro.foundation.problems import NotAllowed, NotFound, Unauthenticated
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

FIRST_PAGE: Final = "/console"
LEAVE: Final = "/console/staff/leave"
GUEST_FORMS: Final = (LEAVE, "/console/mode")
OWN_PAGES: Final = ("/console/security", "/console/staff", "/console/account", "/console/access", "/console/team")
OUR_PART: Final = re.compile(r"[a-z][a-z-]{0,30}|[a-z]{2,5}_[0-7][0-9a-hjkmnp-tv-z]{25}")
PATH_MAX: Final = 120
MODE_COOKIE: Final = "sendigopro_mode"
OWN: Final = "/console/security"
MODE_LIFE: Final = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks, and what the frame of every page shows."""

    signed: Signed
    person: Person
    account_name: str
    mode: int
    path: str
    """Of the page, so that the frame can mark where we are."""
    request_id: str
    closes_at: datetime | None = None
    """When the account is forgotten, if it is being closed."""
    peer: str = ""
    """The address they come from."""
    staff: str = ""
    """The role among those who run the installation; empty for everybody else, and while they look into an account."""
    grants_asked: int = 0
    """On the first page: how many of the staff wait for leave to look in."""

    @property
    def is_staff(self) -> bool:
        return bool(self.staff)

    @property
    def guest(self) -> Guest | None:
        """Somebody of the staff, let in by this account."""
        return self.signed.guest

    @property
    def account_id(self) -> UUID:
        return self.signed.account_id

    @property
    def account(self) -> str:
        """The account's public id."""
        return ids.typed("acc", self.signed.account_id)

    @property
    def mode_name(self) -> str:
        return mode_name(self.mode)

    @property
    def role_name(self) -> str:
        return "staff, let in" if self.guest else self.signed.role.replace("_", " ")

    @property
    def by(self) -> By:
        """For the audit log."""
        kind = ActorKind.STAFF if self.guest else ActorKind.MEMBER
        return By(Actor(kind, self.signed.person_id), self.request_id)

    def may(self, permission: Permission) -> bool:
        return permission in self.signed.permissions

    def need(self, permission: Permission) -> None:
        """`NotAllowed` that says who could."""
        if self.closes_at is not None and permission not in WHILE_CLOSING:
            raise NotAllowed("account_closing", "This account is being closed: it can be read, exported, and kept.")
        need_permission(self.signed.permissions, permission)

    def need_staff(self, *roles: str) -> None:
        """For everybody else these pages do not exist."""
        if not self.is_staff:
            raise NotFound("not_found", "There is nothing at this address.")
        if roles and self.staff not in roles:
            raise NotAllowed("role_may_not", f"This is for the staff with the role {' or '.join(roles)}.")


async def visit_of(
    request: Request[Any, Any, Any], runtime: Given[Runtime], vault: Given[Vault], sessions: Given[Sessions]
) -> Visit:
    """Who it is; `Unauthenticated` for everybody else, which the root answers with the way to the sign-in page."""
    if request.method != "GET":
        refuse_foreign(request, runtime)
    signed = await visitor.signed_in(request, sessions)
    request_id = str(request.scope.get("request_id", ""))
    async with runtime.main.acquire() as conn:
        stored = await people_store.read_person(conn, person_id=signed.person_id)
        staff = await staff_store.staff_role(conn, person_id=signed.person_id)
    grants_asked = 0
    async with as_account(runtime.door, signed.account_id) as conn:
        account = await account_store.read_account(conn, account_id=signed.account_id)
        if request.url.path == FIRST_PAGE and Permission.CHANGE_ACCOUNT in signed.permissions:
            grants_asked = await staff_store.count_unanswered(conn, account_id=signed.account_id)
        if signed.guest is not None:
            refuse_guest(request, signed.guest)
            await note_page(conn, request, signed, signed.guest, request_id)
    if stored is None or account is None:
        raise Unauthenticated("signed_out", "You are not signed in, or no longer. Sign in again.")
    path, peer = request.url.path, visitor.peer_of(request)
    if signed.guest is None and not is_ones_own(path):  # staff come from elsewhere, by leave of the account
        networks.refuse_outside(await networks.open_networks(vault, account.id, account.networks), peer)
    return Visit(
        signed, await people.opened(vault, stored), await name_of(vault, account.id, account.name), mode_of(request),
        path, request_id, account.closes_at, peer, "" if staff is None or signed.guest is not None else staff,
        grants_asked,
    )  # fmt: skip


def is_ones_own(path: str) -> bool:
    """A member's own sign-in, which is no account's: from there one turns to another, wherever one is."""
    return path == OWN or path.startswith(f"{OWN}/")


def refuse_guest(request: Request[Any, Any, Any], guest: Guest) -> None:
    """Who was let in reads, and does nothing: their own affairs and those of the staff wait until they have left."""
    path = request.url.path
    if request.method == "GET":
        if path.startswith(OWN_PAGES):
            raise NotAllowed("leave_first", "Leave this account first: the button is at the top of the page.")
    elif path not in GUEST_FORMS and (not guest.shows_people or path.startswith(OWN_PAGES)):
        raise NotAllowed("guest_reads_only", "You were let in to look. Leave this account to change anything.")


async def note_page(conn: Conn, request: Request[Any, Any, Any], signed: Signed, guest: Guest, request_id: str) -> None:
    """Every page that staff ask for in an account stands in its audit log; a path is written without what may name."""
    if request.url.path == LEAVE:
        return
    facts = {"page": told_path(request.url.path), "method": request.method, "mode": mode_name(mode_of(request))}
    await record(
        conn, account_id=signed.account_id, actor=Actor(ActorKind.STAFF, signed.person_id), action=Action.STAFF_LOOKED,
        target=ids.typed("grt", guest.grant_id), facts=facts, request_id=request_id,
    )  # fmt: skip


def told_path(path: str) -> str:
    """Words of ours and ids as they are; anything else, a number of somebody for instance, as a dash."""
    parts = [part if OUR_PART.fullmatch(part) else "-" for part in path.strip("/").split("/")]
    return "/" + "/".join(parts)[:PATH_MAX]


def mode_of(request: Request[Any, Any, Any]) -> int:
    """Test or live data, as chosen in this browser; test until somebody chooses."""
    return LIVE if request.cookies.get(MODE_COOKIE) == mode_name(LIVE) else TEST


def mode_cookie(request: Request[Any, Any, Any], mode: str) -> Cookie:
    """A word that is no secret; an unknown one is the test mode."""
    return Cookie(
        key=MODE_COOKIE, value=mode if mode in MODES else mode_name(TEST), path="/console", httponly=True,
        samesite="lax", secure=request.url.scheme == "https", max_age=int(MODE_LIFE.total_seconds()),
    )  # fmt: skip
