"""Whether a key was made for what it asks."""

from sendigopro.accounts.model import Caller
from sendigopro.foundation.problems import NotAllowed


def need(caller: Caller, scope: str) -> None:
    """Refuse a key without this scope."""
    if scope not in caller.scopes:
        raise NotAllowed("missing_scope", f"This key may not do that. Use one with the scope {scope}.")
