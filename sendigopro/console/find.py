"""From the id of anything to the page it stands on."""

from typing import Any, Final
from urllib.parse import quote

from litestar import Request, Response, get
from litestar.di import NamedDependency as Given
from litestar.response import Redirect

from sendigopro.console.frame import framed, places_for
from sendigopro.console.message_filter import VALUE_MAX
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids
from sendigopro.foundation.problems import Invalid
from sendigopro.foundation.strict_query import pairs

WHERE: Final = {
    "msg": "/console/messages/{id}",
    "exp": "/console/exports",
    "sv": "/console/messages",
    "evt": "/console/events/{id}",
    "req": "/console/requests/{id}",
    "key": "/console/keys/{id}",
    "we": "/console/webhooks/{id}",
    "snd": "/console/senders",
    "prq": "/console/privacy/requests/{id}",
    "sub": "/console/handset/{id}",
    "ses": "/console/security",
    "mem": "/console/team",
    "acc": "/console/security",
    "grt": "/console/access",
    "sso": "/console/sso",
}
"""Prefix → page."""


@get("/console/find")
async def find(request: Request[Any, Any, Any], visit: Given[Visit]) -> Response[Any]:
    """Whose it is says the page itself: here is only read what kind of id it is."""
    asked = read_word(request.scope["query_string"])
    prefix = asked.partition("_")[0].lower()
    where = WHERE.get(prefix)
    if where is not None and is_id(prefix, asked.lower()):
        return Redirect(where.format(id=quote(asked.lower())), status_code=303)
    words = asked.lower().split()
    places = [one for group in places_for(visit).values() for one in group]
    near = [one for one in places if words and all(word in f"{one.label} {one.about}".lower() for word in words)]
    if len(near) == 1:
        return Redirect(near[0].path, status_code=303)
    return framed(visit, "find.html", status=404, asked=asked, kinds=sorted(WHERE), near=near)


def read_word(query: bytes) -> str:
    try:
        found = dict(pairs(query)).get("q", "")
    except Invalid:
        found = ""
    return found.strip()[:VALUE_MAX]


def is_id(prefix: str, text: str) -> bool:
    try:
        ids.parse(prefix, text)
    except Invalid:
        return False
    return True


routes = [find]
