"""A form that sends a message once, however often its button is pressed: it carries a key of its own."""

import asyncio
from typing import Final

import msgspec

from sendigopro.accounts.model import Caller
from sendigopro.foundation.problems import Conflict, Invalid, Problem
from sendigopro.messages.accept import Acceptor, Idempotency, NewMessage
from sendigopro.messages.view import MessageObject

KEY_LENGTH: Final = 32
"""As `ids.new().hex` makes it."""
PATIENCE: Final = 20
PAUSE_SECONDS: Final = 0.1


async def send_once(acceptor: Acceptor, caller: Caller, asked: NewMessage, *, once: str) -> MessageObject:
    """The message that this form has made, now or before; a refusal is raised."""
    if not (once.isascii() and once.isalnum() and len(once) == KEY_LENGTH):
        raise Invalid("invalid_form", "This form is too old. Load the page again.")
    idempotency = Idempotency(f"console:{once}", msgspec.json.encode(asked))
    result = await _accept(acceptor, caller, asked, idempotency)
    for _ in range(PATIENCE):  # the other press of the button is being worked on: both are led to what it makes
        if not (isinstance(result, Conflict) and result.code == "idempotency_in_flight"):
            break
        await asyncio.sleep(PAUSE_SECONDS)
        result = await _accept(acceptor, caller, asked, idempotency)
    if isinstance(result, Problem):
        raise result
    return result


async def _accept(
    acceptor: Acceptor, caller: Caller, asked: NewMessage, idempotency: Idempotency
) -> MessageObject | Problem:
    try:
        (result,) = (await acceptor.accept(caller, [asked], idempotency=idempotency)).results
    except Problem as problem:
        return problem
    return result
