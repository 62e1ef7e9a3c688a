"""Somebody signed in looks at a page: who, for which account, in which mode, and what they may.

A page that takes a `Visit` is closed to everybody else, and its forms to every other site: asking for one is the guard.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from litestar import Request
from litestar.datastructures import Cookie
from litestar.di import NamedDependency as Given

from sendigopro.accounts import account_store, networks, people, people_store
from sendigopro.accounts.create import name_of
from sendigopro.accounts.model import LIVE, MODES, TEST, mode_name
from sendigopro.accounts.people import Person
from sendigopro.accounts.roles import WHILE_CLOSING, Permission, need_permission
from sendigopro.accounts.sessions import Sessions, Signed
from sendigopro.audit.model import Actor, ActorKind, By
from sendigopro.console import visitor
from sendigopro.console.forms import refuse_foreign
from sendigopro.foundation import ids
from sendigopro.foundation.postgres import as_account
from sendigopro.foundation.problems import NotAllowed, Unauthenticated
from sendigopro.runtime import Runtime
from sendigopro.vault.vault import Vault

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
        return self.signed.role.replace("_", " ")

    @property
    def by(self) -> By:
        """For the audit log."""
        return By(Actor(ActorKind.MEMBER, self.signed.person_id), self.request_id)

    def may(self, permission: Permission) -> bool:
        return permission in self.signed.permissions

    def need(self, permission: Permission) -> None:
        """`NotAllowed` that says who could."""
        if self.closes_at is not None and permission not in WHILE_CLOSING:
            raise NotAllowed("account_closing", "This account is being closed: it can be read, exported, and kept.")
        need_permission(self.signed.permissions, permission)


async def visit_of(
    request: Request[Any, Any, Any], runtime: Given[Runtime], vault: Given[Vault], sessions: Given[Sessions]
) -> Visit:
    """Who it is; `Unauthenticated` for everybody else, which the root answers with the way to the sign-in page."""
    if request.method != "GET":
        refuse_foreign(request, runtime)
    signed = await visitor.signed_in(request, sessions)
    async with runtime.main.acquire() as conn:
        stored = await people_store.read_person(conn, person_id=signed.person_id)
    async with as_account(runtime.door, signed.account_id) as conn:
        account = await account_store.read_account(conn, account_id=signed.account_id)
    if stored is None or account is None:
        raise Unauthenticated("signed_out", "You are not signed in, or no longer. Sign in again.")
    path, peer = request.url.path, visitor.peer_of(request)
    if not is_ones_own(path):
        networks.refuse_outside(await networks.open_networks(vault, account.id, account.networks), peer)
    return Visit(
        signed, await people.opened(vault, stored), await name_of(vault, account.id, account.name), mode_of(request),
        path, str(request.scope.get("request_id", "")), account.closes_at, peer,
    )  # fmt: skip


def is_ones_own(path: str) -> bool:
    """A member's own sign-in, which is no account's: from there one turns to another, wherever one is."""
    return path == OWN or path.startswith(f"{OWN}/")


def mode_of(request: Request[Any, Any, Any]) -> int:
    """Test or live data, as chosen in this browser; test until somebody chooses."""
    return LIVE if request.cookies.get(MODE_COOKIE) == mode_name(LIVE) else TEST


def mode_cookie(request: Request[Any, Any, Any], mode: str) -> Cookie:
    """A word that is no secret; an unknown one is the test mode."""
    return Cookie(
        key=MODE_COOKIE, value=mode if mode in MODES else mode_name(TEST), path="/console", httponly=True,
        samesite="lax", secure=request.url.scheme == "https", max_age=int(MODE_LIFE.total_seconds()),
    )  # fmt: skip
