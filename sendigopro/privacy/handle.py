"""Which kind of request is handled by what: the one table of it."""

from collections.abc import Awaitable, Callable, Mapping

from sendigopro.privacy.desk import Desk
from sendigopro.privacy.erase import erase
from sendigopro.privacy.hand_out import hand_out
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
    "access": hand_out,
    "export": hand_out,
}


async def handle(desk: Desk, asked: Asked) -> tuple[Request, bool]:
    """Do what is asked, or begin it."""
    return await HANDLERS[asked.type](desk, asked)
