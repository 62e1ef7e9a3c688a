"""One SMPP connection seen from the customer's side: many PDUs per read, many per write, a window, time-outs."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

from sendigopro.smpp import codes, pdu
from sendigopro.smpp.pdu import MalformedPdu, ShortMessage

_UNKNOWN: Final = object()
_unpack_header = pdu.HEADER.unpack_from
_pack_header = pdu.HEADER.pack

Response = tuple[Any, int, str]
"""(token, command_status, message id)."""
Delivery = tuple[int, ShortMessage]
"""(sequence number, message)."""


class SessionOwner(Protocol):
    """Who a session talks back to: on the event loop, a batch for each read of the socket, never blocking."""

    def on_responses(self, responses: Sequence[Response]) -> None:
        """Submits were answered."""

    def on_deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Receipts and messages came in; `acknowledge` answers them, when the owner has them safe."""

    def on_unanswered(self, tokens: Sequence[Any]) -> None:
        """Submits were not answered in time, or not before the connection died: the peer may have them."""

    def on_closed(self, error: Exception | None) -> None:
        """The connection is gone; comes once, after `on_unanswered`. None: it was closed in good order."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a session allows itself and its peer."""

    window: int = 100
    response_seconds: float = 30.0
    enquire_seconds: float = 30.0
    """After so long without a word from the peer it is asked whether it is still there."""
    unacknowledged_max: int = 5_000
    """With more deliveries than this waiting for `acknowledge`, nothing more is read from the socket."""
    pdu_octets_max: int = pdu.PDU_OCTETS_MAX


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request off the hot path."""

    command: int
    status: int
    body: bytes = field(repr=False)


@dataclass(slots=True)
class Counters:
    """What happened, for pages and metrics."""

    submitted: int = 0
    answered: int = 0
    delivered: int = 0
    unanswered: int = 0
    unknown_sequences: int = 0
    malformed: int = 0
    unknown_commands: int = 0


class SessionLost(ConnectionError):
    """The connection ended before the answer came."""


class Session(asyncio.Protocol):
    """One connection.

    Submits have no task and no future: the owner gives a token with each, and gets it back with the answer.
    Time-outs cost one timer per session, since submits of one call share one entry in a queue ordered by time.
    """

    def __init__(self, owner: SessionOwner, limits: Limits | None = None) -> None:
        self.counters = Counters()
        self.limits = limits or Limits()
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._rest = bytearray()
        self._rest_needs = 0
        self._sequence = 0
        self._pending: dict[int, Any] = {}
        self._due: deque[tuple[float, int, int]] = deque()  # deadline, first and last sequence number
        self._requests: dict[int, asyncio.Future[Answer]] = {}
        self._unacknowledged: dict[int, int] = {}  # sequence number -> command of its answer
        self._is_reading_paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._last_heard = 0.0
        self._enquired: int | None = None
        self._error: Exception | None = None
        self._closed = asyncio.Event()

    # What the owner calls.

    @property
    def room(self) -> int:
        """How many submits the window takes now."""
        return max(0, self.limits.window - len(self._pending)) if self.is_open else 0

    @property
    def outstanding(self) -> int:
        """How many submits wait for their answer."""
        return len(self._pending)

    @property
    def unacknowledged(self) -> int:
        """How many deliveries wait for `acknowledge`."""
        return len(self._unacknowledged)

    @property
    def is_open(self) -> bool:
        """Something can be written."""
        return self._transport is not None and not self._transport.is_closing()

    def submit_many(self, bodies: Sequence[bytes], tokens: Sequence[Any]) -> None:
        """Write submit_sm PDUs in one go; each token comes back once, by `on_responses` or `on_unanswered`."""
        transport = self._require_open()
        if not bodies:
            return
        sequence = self._next_sequences(len(bodies))
        self._due.append((self._loop.time() + self.limits.response_seconds, sequence, sequence + len(bodies) - 1))
        pending, octets = self._pending, []
        for body, token in zip(bodies, tokens, strict=True):
            pending[sequence] = token
            octets.append(_pack_header(16 + len(body), codes.SUBMIT_SM, 0, sequence))
            octets.append(body)
            sequence += 1
        self.counters.submitted += len(bodies)
        transport.write(b"".join(octets))

    def acknowledge(self, sequences: Iterable[int], status: int = codes.OK) -> None:
        """Answer deliveries in one go; those the session does not know (any more) are passed over."""
        octets = []
        for sequence in sequences:
            command = self._unacknowledged.pop(sequence, None)
            if command is not None:
                octets.append(_pack_header(17, command, status, sequence) + b"\0")
        if octets:
            self._write(b"".join(octets))
        if self._is_reading_paused and len(self._unacknowledged) <= self.limits.unacknowledged_max // 2:
            self._resume_reading()

    async def request(self, command: int, body: bytes = b"") -> Answer:
        """Send one request off the hot path and wait for its answer: bind_*, query_sm, cancel_sm, unbind."""
        transport = self._require_open()
        sequence = self._next_sequences(1)
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._requests[sequence] = answer
        transport.write(pdu.frame(command, sequence, body))
        try:
            async with asyncio.timeout(self.limits.response_seconds):
                return await answer
        finally:
            self._requests.pop(sequence, None)

    async def unbind(self) -> None:
        """Part in good order, or at least part. Who needs outstanding answers waits for them first."""
        try:
            await self.request(codes.UNBIND)
            self.close()
            async with asyncio.timeout(self.limits.response_seconds):
                await self.wait_closed()
        except (SessionLost, TimeoutError):
            self.abort()
        except asyncio.CancelledError:
            self.abort()
            raise
        await self.wait_closed()

    def close(self) -> None:
        """Write what is buffered, then end."""
        if self._transport is not None:
            self._transport.close()

    def abort(self, error: Exception | None = None) -> None:
        """End now; `on_closed` will tell the error."""
        self._error = self._error or error
        if self._transport is not None:
            self._transport.abort()

    async def wait_closed(self) -> None:
        """Return when the connection is gone."""
        await self._closed.wait()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the sweep for time-outs."""
        self._transport = cast("asyncio.Transport", transport)
        self._last_heard = self._loop.time()
        self._sweep()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner what stays unanswered."""
        if self._timer is not None:
            self._timer.cancel()
        error = self._error or exc
        tokens = list(self._pending.values())
        self._pending.clear()
        self._due.clear()
        self._unacknowledged.clear()
        self._transport = None
        for answer in self._requests.values():
            if not answer.done():
                answer.set_exception(SessionLost("the connection ended before the answer"))
        if tokens:
            self.counters.unanswered += len(tokens)
            self._owner.on_unanswered(tokens)
        self._closed.set()
        self._owner.on_closed(error)

    def data_received(self, data: bytes) -> None:
        """Read every whole PDU, then tell the owner once."""
        self._last_heard = self._loop.time()
        if self._rest:
            # A growing buffer, joined only when the PDU is whole: one octet per read stays linear.
            self._rest += data
            if len(self._rest) < self._rest_needs:
                return
            data = bytes(self._rest)
            self._rest.clear()
        responses: list[Response] = []
        deliveries: list[Delivery] = []
        try:
            self._read(data, responses, deliveries)
        except MalformedPdu as error:
            # What follows a wrong length cannot be found: §4.3 leaves generic_nack and a new connection.
            self.counters.malformed += 1
            self._write(pdu.frame(codes.GENERIC_NACK, 0, status=codes.INVALID_LENGTH))
            self._error = self._error or error
            self.close()
        if responses:
            self.counters.answered += len(responses)
            self._owner.on_responses(responses)
        if deliveries:
            self.counters.delivered += len(deliveries)
            self._owner.on_deliver(deliveries)

    # Reading.

    def _read(self, data: bytes, responses: list[Response], deliveries: list[Delivery]) -> None:
        position, end = 0, len(data)
        pending, octets_max = self._pending, self.limits.pdu_octets_max
        read_message_id = pdu.read_message_id
        while end - position >= pdu.HEADER_OCTETS:
            length, command, status, sequence = _unpack_header(data, position)
            if not pdu.HEADER_OCTETS <= length <= octets_max:
                raise MalformedPdu("the PDU's length is impossible")
            after = position + length
            if after > end:
                break
            if command == codes.SUBMIT_SM_RESP:
                token = pending.pop(sequence, _UNKNOWN)
                if token is _UNKNOWN:
                    self.counters.unknown_sequences += 1
                else:
                    responses.append((token, status, read_message_id(data, position + 16, after)))
            elif command in (codes.DELIVER_SM, codes.DATA_SM):
                self._read_delivery(data, position, after, deliveries)
            else:
                self._read_rare(command, status, sequence, data[position + 16 : after], responses)
            position = after
        if position < end:
            self._rest += data[position:] if position else data
            have = end - position
            self._rest_needs = int.from_bytes(self._rest[:4], "big") if have >= pdu.HEADER_OCTETS else 16

    def _read_delivery(self, data: bytes, start: int, end: int, deliveries: list[Delivery]) -> None:
        _, command, _, sequence = _unpack_header(data, start)
        read = pdu.read_message if command == codes.DELIVER_SM else pdu.read_data
        try:
            message = read(data, start + 16, end)
        except MalformedPdu:
            # Its frame is whole, so its neighbours can be read; this one is refused alone.
            self.counters.malformed += 1
            self._write(pdu.frame(command | codes.RESPONSE, sequence, b"\0", status=codes.INVALID_LENGTH))
            return
        self._unacknowledged[sequence] = command | codes.RESPONSE
        deliveries.append((sequence, message))
        if len(self._unacknowledged) > self.limits.unacknowledged_max:
            self._pause_reading()

    def _read_rare(self, command: int, status: int, sequence: int, body: bytes, responses: list[Response]) -> None:
        if command == codes.ENQUIRE_LINK:
            self._write(pdu.frame(codes.ENQUIRE_LINK_RESP, sequence))
        elif command == codes.ENQUIRE_LINK_RESP and sequence == self._enquired:
            self._enquired = None
        elif sequence in self._requests and command & codes.RESPONSE:
            answer = self._requests.pop(sequence)
            if not answer.done():
                answer.set_result(Answer(command, status, body))
        elif command == codes.GENERIC_NACK and sequence in self._pending:
            # §4.3: the answer of a peer that could not read the request: an answer all the same, never a success.
            responses.append((self._pending.pop(sequence), status or codes.SYSTEM_ERROR, ""))
        elif command & codes.RESPONSE:
            self.counters.unknown_sequences += 1
        elif command == codes.UNBIND:
            self._write(pdu.frame(codes.UNBIND_RESP, sequence))
            self._error = self._error or SessionLost("the peer unbound")
            self.close()
        elif command != codes.ALERT_NOTIFICATION:  # §4.12.1 has no answer.
            self.counters.unknown_commands += 1
            self._write(pdu.frame(codes.GENERIC_NACK, sequence, status=codes.INVALID_COMMAND))

    def _pause_reading(self) -> None:
        if self._transport is not None and self.is_open and not self._is_reading_paused:
            self._is_reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and self.is_open:
            self._is_reading_paused = False
            self._transport.resume_reading()

    # Time.

    def _sweep(self) -> None:
        """Give up on what is overdue, and ask a silent peer whether it is there; the only timer there is."""
        now = self._loop.time()
        self._expire(now)
        if self._is_reading_paused:  # It is we who do not listen.
            self._last_heard = now
        silent = now - self._last_heard
        if silent > self.limits.enquire_seconds + self.limits.response_seconds:
            self.abort(SessionLost("the peer fell silent"))
            return
        if silent >= self.limits.enquire_seconds and self._enquired is None and self.is_open:
            self._enquired = self._next_sequences(1)
            self._write(pdu.frame(codes.ENQUIRE_LINK, self._enquired))
        elif silent < self.limits.enquire_seconds:
            self._enquired = None
        pause = min(self.limits.response_seconds, self.limits.enquire_seconds, 4.0) / 4
        self._timer = self._loop.call_later(pause, self._sweep)

    def _expire(self, now: float) -> None:
        overdue: list[Any] = []
        while self._due and self._due[0][0] <= now:
            _, first, last = self._due.popleft()
            for sequence in range(first, last + 1):
                token = self._pending.pop(sequence, _UNKNOWN)
                if token is not _UNKNOWN:
                    overdue.append(token)
        if overdue:
            self.counters.unanswered += len(overdue)
            self._owner.on_unanswered(overdue)

    def _next_sequences(self, count: int) -> int:
        """Take `count` numbers in a row and give the first; they wrap together, so that a range stays a range."""
        first = self._sequence + 1
        if first + count > pdu.SEQUENCE_MAX:
            first = 1
        self._sequence = first + count - 1
        return first

    def _require_open(self) -> asyncio.Transport:
        if self._transport is None or self._transport.is_closing():
            raise SessionLost("the connection is closed")
        return self._transport

    def _write(self, octets: bytes) -> None:
        if self.is_open and self._transport is not None:
            self._transport.write(octets)
