"""The nouns of accounts: who asks, with which key, and what their account has settled."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sendigopro.foundation.limits import Policy
from sendigopro.foundation.peers import EVERYWHERE, Network, Networks, read_networks
from sendigopro.foundation.problems import Invalid

TEST, LIVE = 0, 1
MODES: Final = {"test": TEST, "live": LIVE}
SCOPES: Final = (
    "messages.read",
    "messages.write",
    "subjects.read",
    "bodies.read",
    "recordings.play",
    "events.read",
    "webhooks.read",
    "webhooks.write",
    "senders.read",
    "senders.write",
    "balance.read",
    "privacy.read",
    "privacy.write",
    "privacy.approve",
    "audit.read",
)
NETWORKS_MAX: Final = 50
PURPOSES: Final = ("otp", "transactional", "service", "marketing", "emergency")
DEFAULT_PURPOSE: Final = "transactional"


def mode_name(mode: int) -> str:
    return "live" if mode == LIVE else "test"


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """What an account has settled, as far as a request needs it."""

    currency: str
    on_unclear: str
    """What becomes of a transactional message whose carrier never answered: `hold` or `resend`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking, by an API key."""

    account_id: UUID
    mode: int
    key_id: UUID
    scopes: frozenset[str]
    purpose: str
    account: AccountSettings
    counted: Sequence[tuple[UUID, Policy]]
    """Whose requests are counted against which rate: the key's where it has one, and the account's."""
    networks: Networks = EVERYWHERE
    """From where it may be used."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: the one time its text is known."""

    id: UUID
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as its owner sees it afterwards."""

    id: UUID
    mode: int
    last4: str
    scopes: Sequence[str]
    purpose: str
    created_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None
    rate_per_second: int | None
    name: bytes | None
    """Sealed."""
    networks: Sequence[Network]


@dataclass(frozen=True, slots=True)
class FirstAccount:
    """What `up` makes, so that a first message can be sent at once; the caller keeps it, we do not."""

    account_id: UUID
    test_key: str = field(repr=False)
    live_key: str = field(repr=False)
    member_email: str
    member_password: str = field(repr=False)


def check_scopes(scopes: Sequence[str]) -> list[str]:
    """Known scopes, each once, in our order."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        told = f"There is no scope {unknown[0]!r}." if unknown else "A key needs at least one scope."
        raise Invalid("invalid_scope", f"{told} The scopes are: {', '.join(SCOPES)}.", param="scopes")
    return [scope for scope in SCOPES if scope in scopes]


def check_networks(text: str) -> tuple[Network, ...]:
    """Networks as somebody typed them, each once."""
    try:
        networks = read_networks(text)
    except ValueError as error:
        raise Invalid(
            "invalid_network", f"{error}. Write networks like 203.0.113.0/24 or 2001:db8::/32.", param="networks"
        ) from None
    if len(networks) > NETWORKS_MAX:
        raise Invalid("invalid_network", f"A key has at most {NETWORKS_MAX} networks.", param="networks")
    return tuple(dict.fromkeys(networks))


def check_purpose(purpose: str) -> str:
    if purpose not in PURPOSES:
        raise Invalid(
            "invalid_purpose",
            f"There is no purpose {purpose!r}. The purposes are: {', '.join(PURPOSES)}.",
            param="purpose",
        )
    return purpose
