"""SMS over SMPP 3.4: any message centre or aggregator that one binds to."""

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from sendigopro.channels import contract
from sendigopro.channels.contract import LinkEvents, Outbound, Outcome, Rejected, TryLater, Unclear
from sendigopro.channels.smpp_dialect import (
    ALPHABETS,
    BUSY,
    CONCATENATIONS,
    NOTATIONS,
    PRIORITIES,
    Dialect,
    Reader,
    SentPart,
    Writer,
    outcome_of,
    whole_outcome,
    worse,
)
from sendigopro.foundation.problems import Invalid
from sendigopro.smpp import codes, pdu
from sendigopro.smpp.client import Address, BindMode
from sendigopro.smpp.connection import Connection, Plan
from sendigopro.smpp.session import Delivery, Limits, Response, Session

PART_TRIES_MAX: Final = 20
PORT_MAX: Final = 65_535
UNREACHABLE = TryLater("unreachable")
URGENT = 1  # codes and emergencies
RESERVED_SHARE = 20
"""One place in so many of a window is kept for what is urgent: a slow carrier's windows are always full."""

BIND_MODES: Final[Mapping[str, tuple[BindMode, ...]]] = {
    "transceiver": (BindMode.TRANSCEIVER,),
    "pair": (BindMode.TRANSMITTER, BindMode.RECEIVER),
    "transmitter": (BindMode.TRANSMITTER,),
    "receiver": (BindMode.RECEIVER,),
}


def form(label: str, text: str, *choices: str) -> dict[str, object]:
    """What a field of the connection form shows."""
    return {"label": label, "help": text, "choices": choices}


@dataclass(frozen=True, slots=True)
class Credentials(contract.Credentials):
    """How to bind to one message centre."""

    host: str = field(metadata=form("Host", "Name or address of the message centre."))
    port: int = field(metadata=form("Port", "2775 as a rule, 3550 with TLS."))
    system_id: str = field(metadata=form("System id", "The name the carrier gave you."))
    password: str = field(repr=False, metadata=form("Password", "The password the carrier gave you."))
    system_type: str = field(default="", metadata=form("System type", "Only when the carrier asks for one."))
    bind_mode: str = field(
        default="transceiver", metadata=form("Bind", "One connection for both ways, or a pair.", *BIND_MODES)
    )
    binds: int = field(default=1, metadata=form("Binds", "How many connections the carrier allows at once."))
    window: int = field(default=100, metadata=form("Window", "How many submits may be unanswered on each bind."))
    rate_per_second: float = field(
        default=0.0, metadata=form("Rate per bind", "Short messages a second on each bind; 0 for no limit.")
    )
    tls: bool = field(default=False, metadata=form("TLS", "Encrypt the connection."))
    tls_ca: str = field(default="", metadata=form("Certificate authority", "PEM, when it is not a public one."))
    concatenation: str = field(
        default="udh", metadata=form("Long messages", "How their parts are marked.", *CONCATENATIONS)
    )
    message_id_type: str = field(
        default="as_is", metadata=form("Message ids", "How they are written in answers and receipts.", *NOTATIONS)
    )
    default_alphabet: str = field(
        default="gsm7", metadata=form("Alphabet", "What data_coding 0 means there.", *ALPHABETS)
    )
    sends_reference: bool = field(default=True, metadata=form("User reference", "Send user_message_reference along."))
    receipts_by_text: bool = field(
        default=False, metadata=form("Receipts by text", "Believe an unmarked message that reads as a receipt.")
    )
    response_seconds: float = field(
        default=30.0, metadata=form("Answer within", "Seconds after which a submit without an answer is in doubt.")
    )
    enquire_seconds: float = field(
        default=30.0, metadata=form("Enquire after", "Seconds of silence after which the carrier is asked.")
    )

    def __post_init__(self) -> None:
        if self.bind_mode not in BIND_MODES:
            raise Invalid("invalid_value", f"'bind_mode' is one of {', '.join(BIND_MODES)}.", param="bind_mode")
        for name in ("port", "binds", "window", "response_seconds", "enquire_seconds"):
            if getattr(self, name) <= 0:
                raise Invalid("invalid_value", f"'{name}' must be above zero.", param=name)
        if self.port > PORT_MAX:
            raise Invalid("invalid_value", f"'port' is at most {PORT_MAX}.", param="port")
        # What can never work is refused here, not at every bind.
        try:
            pdu.encode_bind(self.bind())
            tls_context(self)
        except (ValueError, ssl.SSLError) as error:
            raise Invalid("invalid_value", f"The carrier cannot be bound to like this: {error}.") from error
        self.dialect()

    def bind(self) -> pdu.Bind:
        return pdu.Bind(self.system_id, self.password, self.system_type)

    def dialect(self) -> Dialect:
        return Dialect(
            concatenation=self.concatenation,
            message_id_type=self.message_id_type,
            default_alphabet=self.default_alphabet,
            sends_reference=self.sends_reference,
            receipts_by_text=self.receipts_by_text,
        )


class SmppLink:
    """All binds to one message centre that this worker holds."""

    def __init__(self, credentials: Credentials, events: LinkEvents, name: str) -> None:
        self.name = name
        self._credentials = credentials
        self._events = events
        self._loop = asyncio.get_running_loop()
        self._binder = Binder(credentials, self)
        self._writer = Writer(credentials.dialect())
        self._reader = Reader(credentials.dialect(), events)
        self._queues: tuple[deque[SentPart], ...] = tuple(deque() for _ in range(PRIORITIES))
        self._settled: list[tuple[object, Outcome]] = []
        self._wake: asyncio.TimerHandle | None = None
        self._flush: asyncio.Handle | None = None
        self._is_closed = False
        self._reserved = 0 if credentials.rate_per_second else credentials.window // RESERVED_SHARE

    # The contract.

    @property
    def is_ready(self) -> bool:
        return not self._is_closed and self._binder.can_submit

    @property
    def room(self) -> int:
        """Twice what the windows hold (or half a second's rate), less what is here: the wire never waits for us."""
        if not self.is_ready:
            return 0
        return max(0, 2 * self._binder.capacity - self._binder.outstanding - self._queued)

    def send_many(self, messages: Sequence[Outbound]) -> None:
        """Take messages; outcomes known at once are told in the loop's next turn, not from within this call."""
        is_ready = self.is_ready
        for message in messages:
            if not is_ready:
                self._settle(message.token, UNREACHABLE)
                continue
            made = self._writer.write(message)
            if isinstance(made, Rejected):
                self._settle(message.token, made)
            else:
                self._queues[made[0].priority].extend(made)
        self._pump()

    def acknowledge(self, handles: Sequence[Any]) -> None:
        by_session: dict[Session, list[int]] = {}
        for session, sequence in handles:
            by_session.setdefault(session, []).append(sequence)
        for session, sequences in by_session.items():
            session.acknowledge(sequences)

    def set_binds(self, count: int) -> None:
        if not self._is_closed:
            self._binder.hold(count)
        if not self.is_ready:
            self._drop_queue(UNREACHABLE)

    async def close(self, *, drain_seconds: float) -> None:
        self._is_closed = True
        self._drop_queue(TryLater("closing"))
        await self._binder.end(drain_seconds=drain_seconds)
        self._reader.close()
        self._tell()
        if self._wake is not None:
            self._wake.cancel()

    def state(self) -> Mapping[str, object]:
        return self._binder.state() | {"queued": self._queued, "room": self.room, "incomplete": self._reader.incomplete}

    # What connections call.

    def on_up(self, _connection: Connection) -> None:
        self._events.on_room()

    def on_down(self, _connection: Connection) -> None:
        if not self.is_ready:
            self._drop_queue(UNREACHABLE)
        self._tell()

    def on_responses(self, connection: Connection, responses: Sequence[Response]) -> None:
        again: list[SentPart] = []
        for part, status, message_id in responses:
            if status == codes.OK:
                part.sending.carrier_ids[part.index] = self._reader.reference_in_answer(message_id)
                self._part_done(part)
            elif status in BUSY:
                self._part_refused_for_now(part, status, connection.rest(), again)
            else:
                self._part_failed(part, outcome_of(status))
        for part in reversed(again):
            self._queues[part.priority].appendleft(part)
        self._tell()
        self._pump()
        if self.room:
            self._events.on_room()

    def on_unanswered(self, _connection: Connection, parts: Sequence[SentPart]) -> None:
        for part in parts:
            self._part_failed(part, Unclear("no_answer"))
        self._tell()
        self._pump()

    def on_deliver(self, session: Session, deliveries: Sequence[Delivery]) -> None:
        self._reader.read(session, deliveries)

    # Writing.

    @property
    def _queued(self) -> int:
        return sum(map(len, self._queues))

    def _pump(self) -> None:
        """Write what may be written now, the most urgent first, and come back when more may be."""
        for connection in self._binder.sending():
            budget = connection.budget()
            parts: list[SentPart] = []
            for priority, queue in enumerate(self._queues):
                limit = budget if priority <= URGENT else budget - self._reserved
                while queue and len(parts) < limit:
                    parts.append(queue.popleft())
            if parts:
                connection.submit_many([part.body for part in parts], parts)
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        waits = [wait for one in self._binder.sending() if (wait := one.wait_seconds()) is not None]
        if waits and not self._is_closed:
            self._wake = self._loop.call_later(min(waits), self._woken)

    def _woken(self) -> None:
        self._wake = None
        self._pump()
        if self.room:
            self._events.on_room()

    def _drop_queue(self, outcome: TryLater) -> None:
        for queue in self._queues:
            while queue:
                self._part_failed(queue.popleft(), outcome)

    # Outcomes.

    def _part_refused_for_now(self, part: SentPart, status: int, rest: float, again: list[SentPart]) -> None:
        """A message of one part goes back to the queue of the caller; of a longer one, others may be out already."""
        part.tries += 1
        if len(part.sending.carrier_ids) == 1 or part.tries >= PART_TRIES_MAX or not self.is_ready:
            self._part_failed(part, TryLater(BUSY[status], rest, carrier_code=f"{status:08X}"))
        else:
            again.append(part)

    def _part_failed(self, part: SentPart, outcome: Outcome) -> None:
        part.sending.failure = worse(part.sending.failure, outcome)
        self._part_done(part)

    def _part_done(self, part: SentPart) -> None:
        sending = part.sending
        sending.left -= 1
        if not sending.left:
            self._settle(sending.token, whole_outcome(sending))

    def _settle(self, token: object, outcome: Outcome) -> None:
        self._settled.append((token, outcome))
        if self._flush is None:
            self._flush = self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self._settled:
            settled, self._settled = self._settled, []
            self._events.on_outcomes(settled)


class Binder:
    """Opens and ends the connections of a link."""

    def __init__(self, credentials: Credentials, link: SmppLink) -> None:
        self._link = link
        self._credentials = credentials
        limits = Limits(
            window=credentials.window,
            response_seconds=credentials.response_seconds,
            enquire_seconds=credentials.enquire_seconds,
        )
        address = Address(credentials.host, credentials.port, tls_context(credentials))
        self._plans = tuple(
            Plan(address, credentials.bind(), mode, limits, credentials.rate_per_second)
            for mode in BIND_MODES[credentials.bind_mode]
        )
        self._slots: list[tuple[Connection, ...]] = []
        self._parting: dict[Connection, asyncio.Task[None]] = {}
        self._turn = 0

    @property
    def can_submit(self) -> bool:
        return any(connection.can_submit for connection in self._connections())

    @property
    def outstanding(self) -> int:
        return sum(connection.outstanding for connection in (*self._connections(), *self._parting))

    @property
    def capacity(self) -> int:
        """What the binds that can submit carry at once, or in a quarter of a second at their rate."""
        rate = self._credentials.rate_per_second
        each = min(self._credentials.window, max(1, int(rate / 4))) if rate else self._credentials.window
        return each * sum(connection.can_submit for connection in self._connections())

    def sending(self) -> list[Connection]:
        """The connections that can submit, another one first each time, so that all get their share."""
        found = [connection for connection in self._connections() if connection.can_submit]
        self._turn += 1
        start = self._turn % len(found) if found else 0
        return found[start:] + found[:start]

    def hold(self, count: int) -> None:
        while len(self._slots) < count:
            self._slots.append(tuple(Connection(plan, self._link) for plan in self._plans))
        while len(self._slots) > count:
            for connection in self._slots.pop():
                self._part_with(connection, drain_seconds=self._credentials.response_seconds)

    async def end(self, *, drain_seconds: float) -> None:
        """Part with all; what is outstanding has so long."""
        for connection in self._connections():
            self._part_with(connection, drain_seconds=drain_seconds)
        self._slots.clear()
        for connection in self._parting:
            connection.hurry(drain_seconds)
        if self._parting:
            await asyncio.wait(self._parting.values())

    def state(self) -> dict[str, object]:
        connections = self._connections()
        return {
            "binds": len(self._slots),
            "bound": sum(connection.is_up for connection in connections),
            "outstanding": self.outstanding,
            "connections": [
                {
                    "mode": connection.plan.mode.name.lower(),
                    "is_up": connection.is_up,
                    "error": connection.error,
                    "times_bound": connection.times_bound,
                    "times_rested": connection.times_rested,
                    "submitted": connection.counters.submitted,
                    "answered": connection.counters.answered,
                    "delivered": connection.counters.delivered,
                    "unanswered": connection.counters.unanswered,
                    "unknown_sequences": connection.counters.unknown_sequences,
                    "malformed": connection.counters.malformed,
                }
                for connection in connections
            ],
        }

    def _connections(self) -> list[Connection]:
        return [connection for slot in self._slots for connection in slot]

    def _part_with(self, connection: Connection, *, drain_seconds: float) -> None:
        task = asyncio.get_running_loop().create_task(connection.end(drain_seconds=drain_seconds))
        self._parting[connection] = task
        task.add_done_callback(lambda _: self._parting.pop(connection))


class Smpp:
    """The provider."""

    name: ClassVar[str] = "smpp"
    channel: ClassVar[str] = "sms"
    credentials: ClassVar[type[contract.Credentials]] = Credentials

    async def open(self, credentials: Credentials, events: LinkEvents, *, name: str) -> SmppLink:
        """Give a link that holds no bind yet: `set_binds` says how many it may."""
        return SmppLink(credentials, events, name)


def tls_context(credentials: Credentials) -> ssl.SSLContext | None:
    if not credentials.tls:
        return None
    context = ssl.create_default_context(cadata=credentials.tls_ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


provider = Smpp()
