"""Which kind of request is handled by what: the one table of it."""

from collections.abc import Awaitable, Callable, Mapping

from sendigopro.foundation.problems import Conflict
from sendigopro.privacy.desk import Desk
from sendigopro.privacy.erase import erase
from sendigopro.privacy.model import Asked, Request, Type
from sendigopro.privacy.rights import object_to, rectify, restrict_or_lift

Handler = Callable[[Desk, Asked], Awaitable[tuple[Request, bool]]]
"""The request, and whether it had been asked with the same Idempotency-Key before."""

HANDLERS: Mapping[Type, Handler] = {
    "erase": erase,
    "rectify": rectify,
    "restrict": restrict_or_lift,
    "object": object_to,
    "withdraw": object_to,
    # "access" and "export" are built by privacy/package: their handlers are added here.
}


async def handle(desk: Desk, asked: Asked) -> tuple[Request, bool]:
    """Do what is asked, or begin it."""
    handler = HANDLERS.get(asked.type)
    if handler is None:
        raise Conflict(
            "not_available_yet", f"Requests of the type {asked.type} cannot be answered here yet.", param="type"
        )
    return await handler(desk, asked)
