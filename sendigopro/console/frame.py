"""The frame around every page of who is signed in: where one can go, and what the page is put into."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from litestar import Response

from sendigopro.accounts.roles import Permission
from sendigopro.console.forms import html
from sendigopro.console.visit import OWN_PAGES, Visit
from sendigopro.foundation.problems import Problem

P = Permission


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the side bar, and of the palette."""

    label: str
    path: str
    icon: str
    needs: Permission | None = None
    keys: str = ""
    """Typed one after the other, they lead there."""
    about: str = ""
    """More words by which the palette finds it."""
    is_staffs: bool = False
    """Of the installation: shown to those who run it."""


PLACES: Final[Mapping[str, tuple[Place, ...]]] = {
    "": (Place("Home", "/console", "home", keys="g h", about="overview charts"),),
    "Messages": (
        Place("Messages", "/console/messages", "messages", P.READ_MESSAGES, "g m", "list sent received status"),
        Place("New message", "/console/compose", "compose", P.WRITE_MESSAGES, "g n", "compose write send"),
        Place("First message", "/console/start", "book", P.READ_MESSAGES, about="onboarding begin sample curl"),
        Place("Exports", "/console/exports", "log", P.READ_MESSAGES, "g x", "download csv json file"),
        Place("Handset", "/console/handset", "phone", P.USE_HANDSET, "g p", "virtual phones test"),
    ),
    "Channels": (
        Place("Senders", "/console/senders", "sender", P.READ_SENDERS, "g d", "numbers names from"),
        Place("Carriers", "/console/carriers", "carrier", P.READ_MESSAGES, "g c", "binds live state rate errors queue"),
        Place("Route simulator", "/console/routes", "route", P.READ_MESSAGES, "g r", "how would a message go price"),
    ),
    "Developers": (
        Place("API keys", "/console/keys", "key", P.READ_KEYS, "g k", "secret token scopes make revoke"),
        Place("Webhooks", "/console/webhooks", "webhook", P.READ_WEBHOOKS, "g w", "endpoints secret deliveries replay"),
        Place("Requests", "/console/requests", "log", P.READ_KEYS, "g q", "log request-id"),
        Place("Events", "/console/events", "events", P.READ_EVENTS, "g e", "payload json"),
        Place("Live tail", "/console/live", "messages", P.READ_EVENTS, "g l", "stream now"),
        Place("Error dictionary", "/console/errors", "errors", keys="g b", about="problems codes reasons help"),
        Place("API reference", "/docs/api", "book", keys="g d", about="documentation openapi curl"),
    ),
    "Account": (
        Place("Team", "/console/team", "people", P.SEE_MEMBERS, "g t", "members roles invite hand over"),
        Place("Privacy", "/console/privacy", "shield", P.READ_PRIVACY, "g y", "retention requests erase export proof"),
        Place("Audit log", "/console/audit", "audit", P.READ_AUDIT, "g l", "who changed what verify export"),
        Place("Roles", "/console/roles", "key", P.CHANGE_MEMBERS, about="permissions custom matrix"),
        Place("Single sign-on", "/console/sso", "sso", P.CHANGE_ACCOUNT, about="oidc openid scim company provider"),
        Place("Account", "/console/account", "account", P.CHANGE_ACCOUNT, "g a", "name networks close purpose"),
        Place("Sub-accounts", "/console/subaccounts", "account", P.SEE_MEMBERS, about="children limits"),
        Place("Staff access", "/console/access", "door", P.CHANGE_ACCOUNT, about="grants support look in consent"),
        Place("Going live", "/console/account/go-live", "flag", P.CHANGE_ACCOUNT, about="review test only live keys"),
        Place("Your sign-in", "/console/security", "lock", keys="g s", about="password passkey sessions authenticator"),
    ),
    "Installation": (
        Place("Accounts", "/console/staff/accounts", "account", about="customers tenants", is_staffs=True),
        Place("Review queue", "/console/staff/reviews", "flag", about="go live decide", is_staffs=True),
        Place("All carriers", "/console/staff/carriers", "carrier", about="binds errors", is_staffs=True),
        Place("Queues", "/console/staff/queues", "log", about="depth oldest lanes waiting", is_staffs=True),
        Place("Workers", "/console/staff/workers", "staff", about="alive leases", is_staffs=True),
        Place("Health", "/console/staff/health", "events", about="disk backup journal proofs", is_staffs=True),
    ),
}  # fmt: skip
"""Every page that is somewhere; a page stands under the longest path that it begins with."""


def framed(
    visit: Visit, template: str, *, status: int = 200, problem: Problem | None = None, **values: object
) -> Response[str]:
    """A page in the frame. A problem, if given, is the page's own to show, and makes its status."""
    return html(
        template,
        status=status if problem is None else int(problem.status),
        visit=visit,
        groups=places_for(visit),
        here=here(visit.path),
        problem=problem,
        **values,
    )


def places_for(visit: Visit) -> dict[str, list[Place]]:
    """What this member may go to."""
    shown = {group: [one for one in places if is_for(visit, one)] for group, places in PLACES.items()}
    return {group: places for group, places in shown.items() if places}


def places_open(visit: Visit) -> set[str]:
    """The same, as paths."""
    return {one.path for places in places_for(visit).values() for one in places}


def is_for(visit: Visit, place: Place) -> bool:
    if visit.guest is not None and place.path.startswith(OWN_PAGES):
        return False
    return (place.needs is None or visit.may(place.needs)) and (visit.is_staff or not place.is_staffs)


def here(path: str) -> str:
    """The path of the place that a page belongs to."""
    paths = [one.path for places in PLACES.values() for one in places]
    under = [one for one in paths if path == one or (one != "/console" and path.startswith(f"{one}/"))]
    return max(under, key=len, default="")
