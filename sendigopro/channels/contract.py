"""All that the author of a provider needs: what comes in, what may come out, and the two shapes.

A `Provider` is stateless (HTTP): it sends one message and reads one callback. A `Link` holds a connection
(SMPP): it takes many messages, and outcomes and receipts stream back. Neither touches a database, keeps
a message longer than it needs to, or logs what a message says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

import msgspec

from sendigopro.foundation.personal import Body, Phone


class Outbound(msgspec.Struct, frozen=True, gc=False):
    """One message to hand over; `token` comes back with its outcome and means nothing to the provider."""

    token: Any
    recipient: Phone
    sender: str
    body: Body
    priority: int = 2
    """0 emergency, 1 otp, 2 transactional, 3 service, 4 marketing: a link writes the most urgent first."""
    reference: int = 0
    """16 bits, the same for every part of the message: UDH reference and user_message_reference."""
    validity_seconds: int | None = None
    wants_receipt: bool = True


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """The carrier took it, and will report under these ids, one for each part."""

    carrier_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will never work; nothing is charged and nothing tried again."""

    reason: str
    carrier_code: str = ""


@dataclass(frozen=True, slots=True)
class TryLater:
    """Nothing is wrong with the message: the carrier is busy or unreachable, and has not got it."""

    reason: str
    after_seconds: float | None = None
    carrier_code: str = ""


@dataclass(frozen=True, slots=True)
class Unclear:
    """The carrier may have it: bytes left, and no answer came. Never sent again without a policy that says so."""

    reason: str
    carrier_ids: tuple[str, ...] = ()
    """Ids of the parts that were answered before the doubt, in order; empty when none was."""


Outcome = Accepted | Rejected | TryLater | Unclear


class ReceiptStatus(StrEnum):
    """What a carrier's later word can mean."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    REJECTED = "rejected"
    ENROUTE = "enroute"
    UNKNOWN = "unknown"


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """The carrier's later word on one part. `handle` is given back to `acknowledge` once it is on disk."""

    carrier_id: str
    status: ReceiptStatus
    carrier_code: str = ""
    recipient: Phone | None = None
    sender: str = ""
    reference: int | None = None
    handle: Any = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message from a person to one of our senders, whole (its parts already put together)."""

    sender: Phone
    recipient: str
    body: Body
    handles: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is typed in to connect a carrier; forms, validation, sealing and redaction are made from its fields.

    Each provider has a subclass. `repr=False` marks a secret; `metadata` holds `label` and `help`.
    """


@runtime_checkable
class Link(Protocol):
    """A held connection (or several) to one carrier; owned by one worker, on one event loop."""

    @property
    def is_ready(self) -> bool:
        """At least one bind can take messages."""

    @property
    def room(self) -> int:
        """How many messages may be handed over now: free window plus a short queue, within the rate."""

    def send_many(self, messages: Sequence[Outbound]) -> None:
        """Take messages; each gets exactly one outcome through `on_outcomes`, also when the link dies."""

    def acknowledge(self, handles: Sequence[Any]) -> None:
        """Answer receipts and inbound messages that are on disk now."""

    def set_binds(self, count: int) -> None:
        """How many binds this worker may hold now, as `carrier_binds` says."""

    async def close(self, *, drain_seconds: float) -> None:
        """Take nothing more, wait for outstanding answers, unbind; what stays open then is Unclear."""

    def state(self) -> Mapping[str, object]:
        """Binds, window, rates and errors, for pages and metrics; nothing personal."""


@dataclass(frozen=True, slots=True)
class LinkEvents:
    """How a link talks back; called on the event loop, in batches, and never blocking."""

    on_outcomes: Callable[[Sequence[tuple[Any, Outcome]]], None]
    """(token, outcome) pairs."""
    on_receipts: Callable[[Sequence[Receipt]], None]
    on_inbound: Callable[[Sequence[Inbound]], None]
    on_room: Callable[[], None]
    """There is room again, or the link became ready: hand over more."""


class LinkProvider(Protocol):
    """A provider that holds connections."""

    name: ClassVar[str]
    channel: ClassVar[str]
    credentials: ClassVar[type[Credentials]]

    async def open(self, credentials: Any, events: LinkEvents, *, name: str) -> Link:
        """Begin to connect, and return at once; readiness comes through `on_room`."""


@dataclass(frozen=True, slots=True)
class Callback:
    """An HTTP request of a carrier's, as it came."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Provider(Protocol):
    """A provider that keeps nothing open."""

    name: ClassVar[str]
    channel: ClassVar[str]
    credentials: ClassVar[type[Credentials]]

    async def send(self, message: Outbound, credentials: Any, http: Any) -> Outcome:
        """Hand one message over; time-outs are `Unclear` where the carrier cannot de-duplicate."""

    def read_callback(self, callback: Callback, credentials: Any) -> Sequence[Receipt | Inbound]:
        """Check and read a callback; a forged one raises `NotAllowed`."""
