"""A member as the message path knows who asks: the same checks, queues and events as for an API key."""

from typing import Final

from sendigopro.accounts.model import DEFAULT_PURPOSE, SCOPES, AccountSettings, Caller
from sendigopro.accounts.roles import Permission
from sendigopro.console.visit import Visit
from sendigopro.foundation.limits import Policy
from sendigopro.messages.masking import NOTHING, Sees
from sendigopro.runtime import Runtime

PERSONAL: Final = {Permission.READ_SUBJECTS.value, Permission.READ_BODIES.value}
RATE: Final = Policy(rate_per_second=5, burst=20)
"""What a person sends by hand; who sends more has an API key."""


def caller_of(visit: Visit, runtime: Runtime, *, sees: Sees = NOTHING) -> Caller:
    """What the member's role may, but of people only what was asked to be shown; named by the person's id."""
    granted = {one.value for one in visit.signed.permissions} & set(SCOPES)
    shown = {Permission.READ_SUBJECTS.value} if sees.subjects else set()
    shown |= {Permission.READ_BODIES.value} if sees.bodies else set()
    return Caller(
        account_id=visit.account_id,
        mode=visit.mode,
        key_id=visit.signed.person_id,
        scopes=frozenset(granted - PERSONAL | granted & shown),
        purpose=DEFAULT_PURPOSE,
        account=AccountSettings(currency=runtime.settings.currency, on_unclear="hold"),
        counted=((visit.signed.person_id, RATE),),
    )
