"""The form that makes an API key: what each scope opens, in groups, and what was typed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sendigopro.accounts.model import DEFAULT_PURPOSE, LIVE, SCOPES, check_networks, check_purpose, check_scopes
from sendigopro.accounts.roles import Permission
from sendigopro.console.forms import read_form
from sendigopro.console.samples import curl
from sendigopro.console.visit import Visit
from sendigopro.foundation import ids
from sendigopro.foundation.peers import Network
from sendigopro.foundation.problems import Invalid, NotAllowed

NAME_MAX: Final = 60
RATE_MAX: Final = 20_000
FORM_LIFE_MILLISECONDS: Final = 24 * 3_600_000
PERSONAL: Final = "Personal data"
GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "Messages": {
        "messages.write": "Send, cancel and remove messages.",
        "messages.read": "List messages and see what became of them. Numbers are masked, texts left out.",
    },
    "What happens": {
        "events.read": "Read events by cursor.",
        "webhooks.read": "See endpoints and deliveries.",
        "webhooks.write": "Make, change and remove endpoints; read their signing secrets.",
    },
    "Set-up and money": {
        "senders.read": "See senders.",
        "senders.write": "Add and remove senders.",
        "balance.read": "See the balance.",
    },
    "Privacy and audit": {
        "privacy.read": "See people's requests, receipts, and how long things are kept.",
        "privacy.write": "Ask to export, correct, restrict or erase a person; set how long things are kept.",
        "privacy.approve": "Approve an erasure that another key has asked for.",
        "audit.read": "Read and export the audit log.",
    },
    PERSONAL: {
        "subjects.read": "See whom messages went to: numbers in clear.",
        "bodies.read": "See what messages said, and what your systems wrote beside them.",
        "recordings.play": "Listen to recordings of calls.",
    },
}
"""What a key may be made for, and what each scope opens."""
USUAL: Final = ("messages.write", "messages.read")
GET_OF: Final[Mapping[str, str]] = {
    "messages.read": "/v1/messages?limit=1",
    "events.read": "/v1/events?limit=1",
    "webhooks.read": "/v1/webhook-endpoints",
    "senders.read": "/v1/senders",
    "balance.read": "/v1/balance",
    "privacy.read": "/v1/privacy/requests",
    "audit.read": "/v1/audit-log?limit=1",
}
"""A question that a key with this scope may ask: what a sample shows that must work as it stands."""


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was filled in."""

    once: str
    """The id that the key will have: so the same form makes one key, however often it is sent."""
    name: str = ""
    purpose: str = DEFAULT_PURPOSE
    rate: str = ""
    networks: str = ""
    scopes: Sequence[str] = USUAL


@dataclass(frozen=True, slots=True)
class Choice:
    """A scope of the form."""

    scope: str
    told: str
    is_yours: bool
    """Whether who makes the key holds it: nobody gives away what they have not."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The same, found right."""

    key_id: UUID
    name: str
    purpose: str
    rate_per_second: int | None
    networks: Sequence[Network]
    scopes: Sequence[str]


def fresh() -> Typed:
    return Typed(once=ids.typed("key", ids.new()))


def read_typed(body: bytes) -> Typed:
    """What came, as it was typed."""
    values = read_form(body, ("once", "name", "purpose", "rate", "networks", *SCOPES))
    scopes = [scope for scope in SCOPES if values.pop(scope)]
    return Typed(**values, scopes=scopes)


def checked(typed: Typed, visit: Visit) -> Checked:
    """What is right about it, or the first thing that is not."""
    name = typed.name.strip()
    if len(name) > NAME_MAX or not name.isprintable():
        raise Invalid("invalid_name", f"A name has at most {NAME_MAX} printable characters.", param="name")
    scopes = check_scopes(typed.scopes)
    foreign = [scope for scope in scopes if not visit.may(Permission(scope))]
    if foreign:
        raise NotAllowed(
            "role_may_not", f"Your role, {visit.role_name}, does not hold {', '.join(foreign)}: it cannot hand it out.",
            param="scopes",
        )  # fmt: skip
    return Checked(
        once(typed.once), name, check_purpose(typed.purpose), check_rate(typed.rate), check_networks(typed.networks),
        scopes,
    )  # fmt: skip


def once(text: str) -> UUID:
    """The id out of the form, if the form is of the last day."""
    key_id = ids.parse("key", text, param="once")
    age = ids.milliseconds_of(ids.new()) - ids.milliseconds_of(key_id)
    if not 0 <= age <= FORM_LIFE_MILLISECONDS:
        raise Invalid("invalid_form", "This form is too old. Open it anew and fill it in again.", param="once")
    return key_id


def check_rate(text: str) -> int | None:
    if not text.strip():
        return None
    rate = int(text) if text.strip().isascii() and text.strip().isdigit() and len(text) < NAME_MAX else 0
    if not 1 <= rate <= RATE_MAX:
        raise Invalid("invalid_rate", f"A rate is a number from 1 to {RATE_MAX:,}, or nothing.", param="rate")
    return rate


def choices(visit: Visit) -> dict[str, list[Choice]]:
    return {
        group: [Choice(scope, told, visit.may(Permission(scope))) for scope, told in scopes.items()]
        for group, scopes in GROUPS.items()
    }


def sample(url: str, token: str, *, mode: int, scopes: Sequence[str]) -> str:
    """A line for the shell that works as it stands: a message to a test number, or a question the key may ask."""
    if mode != LIVE and "messages.write" in scopes:
        return curl("POST", f"{url}/v1/messages", token, {"to": "+15005550006", "body": "Hello from SendiGoPro"})
    path = next((path for scope, path in GET_OF.items() if scope in scopes), "/v1/balance")
    return curl("GET", f"{url}{path}", token, None)
