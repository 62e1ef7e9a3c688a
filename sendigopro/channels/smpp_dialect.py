"""How one message centre speaks SMPP: our messages and outcomes on one side, its PDUs on the other."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sendigopro.channels.contract import (
    Accepted,
    Inbound,
    LinkEvents,
    Outbound,
    Outcome,
    Receipt,
    ReceiptStatus,
    Rejected,
    TryLater,
    Unclear,
)
from sendigopro.foundation import alphabets, segments
from sendigopro.foundation.alphabets import Encoding
from sendigopro.foundation.personal import Body, Phone
from sendigopro.foundation.problems import Invalid
from sendigopro.foundation.segments import Segments
from sendigopro.smpp import codes, pdu
from sendigopro.smpp.concatenation import Assembly, Reassembly, read_part
from sendigopro.smpp.pdu import ShortMessage, SubmitForm
from sendigopro.smpp.receipts import Notation, is_receipt, read_receipt, reference_of
from sendigopro.smpp.session import Delivery, Session

REASSEMBLY_SECONDS: Final = 60.0
# A centre that sends one delivery at a time shows the next part only after the first is answered.
PARTS_UNACKNOWLEDGED_SECONDS: Final = 1.0
FORMS_MAX: Final = 4_096
PRIORITIES: Final = 5
CONCATENATIONS: Final = ("udh", "sar", "payload")
ALPHABETS: Final = ("gsm7", "latin-1", "ascii")

# What a command_status says of a submit. Whatever is not here was refused for good: the centre has read it and said no.
BUSY: Final = {
    codes.THROTTLED: "throttled",
    codes.QUEUE_FULL: "queue_full",
}
OUTCOMES: Final[Mapping[int, Outcome]] = {
    codes.WRONG_BIND_STATE: TryLater("not_bound"),
    codes.SYSTEM_ERROR: TryLater("carrier_error", 5.0),
    codes.TEMPORARY_APP_ERROR: TryLater("carrier_error", 5.0),
    0xFF: Unclear("carrier_unsure"),  # ESME_RUNKNOWNERR does not say that it was not taken.
    0x01: Rejected("too_long"),
    0x0A: Rejected("invalid_sender"),
    0x48: Rejected("invalid_sender"),
    0x49: Rejected("invalid_sender"),
    0x0B: Rejected("invalid_number"),
    0x50: Rejected("invalid_number"),
    0x51: Rejected("invalid_number"),
    0x62: Rejected("invalid_validity"),
    0x65: Rejected("refused"),
    0x66: Rejected("refused"),
    0xC1: Rejected("parameter_not_allowed"),
    0xFE: Rejected("undeliverable"),
}
# The words of appendix B, and others seen, in ours. ACCEPTD is not yet a delivery.
STATUSES: Final[Mapping[str, ReceiptStatus]] = {
    "DELIVRD": ReceiptStatus.DELIVERED,
    "EXPIRED": ReceiptStatus.EXPIRED,
    "DELETED": ReceiptStatus.UNDELIVERED,
    "UNDELIV": ReceiptStatus.UNDELIVERED,
    "FAILED": ReceiptStatus.UNDELIVERED,
    "SKIPPED": ReceiptStatus.UNDELIVERED,
    "REJECTD": ReceiptStatus.REJECTED,
    "ENROUTE": ReceiptStatus.ENROUTE,
    "ACCEPTD": ReceiptStatus.ENROUTE,
    "SCHEDULED": ReceiptStatus.ENROUTE,
}
# How ids are written in the answer and in the receipt, by the setting `message_id_type`.
NOTATIONS: Final[Mapping[str, tuple[Notation, Notation]]] = {
    "as_is": (Notation.AS_IS, Notation.AS_IS),
    "decimal": (Notation.DECIMAL, Notation.DECIMAL),
    "hex": (Notation.HEXADECIMAL, Notation.HEXADECIMAL),
    "hex_in_resp": (Notation.HEXADECIMAL, Notation.DECIMAL),
    "hex_in_receipt": (Notation.DECIMAL, Notation.HEXADECIMAL),
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between message centres that all speak SMPP."""

    concatenation: str = "udh"
    message_id_type: str = "as_is"
    default_alphabet: str = "gsm7"
    sends_reference: bool = True
    receipts_by_text: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (
            ("concatenation", CONCATENATIONS),
            ("message_id_type", NOTATIONS),
            ("default_alphabet", ALPHABETS),
        ):
            if getattr(self, name) not in allowed:
                raise Invalid("invalid_value", f"'{name}' is one of {', '.join(allowed)}.", param=name)


@dataclass(slots=True)
class Sending:
    """A message between `send_many` and its outcome."""

    token: Any
    left: int
    carrier_ids: list[str | None]
    failure: Outcome | None = None


@dataclass(slots=True, eq=False)
class SentPart:
    """One submit_sm of a message: what a session gives back with its answer."""

    sending: Sending
    index: int
    body: bytes = field(repr=False)
    priority: int
    tries: int = 0


class Writer:
    """Makes submits of messages. What many messages share is made once and kept as a form."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._forms: dict[tuple[object, ...], SubmitForm] = {}

    def write(self, message: Outbound) -> list[SentPart] | Rejected:
        """Give the submits of a message, or why no carrier could take it."""
        number = message.recipient.reveal().removeprefix("+")
        if not (number.isascii() and number.isdigit() and len(number) <= pdu.DESTINATION_MAX):
            return Rejected("invalid_number")
        try:
            cut = self._cut(message.body.reveal())
        except segments.TooLong:
            return Rejected("too_long")
        except alphabets.Unencodable:
            return Rejected("unencodable")
        has_header = len(cut.parts) > 1 and self._dialect.concatenation == "udh"
        try:
            form = self._form(message, cut.encoding, has_header=has_header)
        except ValueError:
            return Rejected("invalid_sender")
        destination = number.encode()
        bodies = [form.fill(destination, octets, tlvs) for octets, tlvs in self._payloads(message, cut)]
        sending = Sending(message.token, len(bodies), [None] * len(bodies))
        priority = min(max(message.priority, 0), PRIORITIES - 1)
        return [SentPart(sending, index, body, priority) for index, body in enumerate(bodies)]

    def _cut(self, text: str) -> Segments:
        cut = segments.split(text)
        alphabet = self._dialect.default_alphabet
        if alphabet == "gsm7" or cut.encoding is Encoding.UCS2:
            return cut
        try:
            parts = tuple(alphabets.decode_gsm7(part).encode(alphabet) for part in cut.parts)
        except UnicodeEncodeError:
            return segments.split_ucs2(text)
        return Segments(cut.encoding, parts, cut.units)

    def _payloads(self, message: Outbound, cut: Segments) -> list[tuple[bytes, bytes]]:
        """The octets and the optional parameters of each submit."""
        shared = b""
        if self._dialect.sends_reference and message.reference:
            shared = pdu.encode_tlv(codes.USER_MESSAGE_REFERENCE, (message.reference & 0xFFFF).to_bytes(2, "big"))
        if len(cut.parts) == 1:
            return [(cut.parts[0], shared)]
        match self._dialect.concatenation:
            case "payload":
                return [(b"", shared + pdu.encode_tlv(codes.MESSAGE_PAYLOAD, b"".join(cut.parts)))]
            case "sar":
                head = shared + pdu.encode_tlv(codes.SAR_REFERENCE, (message.reference & 0xFFFF).to_bytes(2, "big"))
                head += pdu.encode_tlv(codes.SAR_TOTAL, bytes((len(cut.parts),)))
                return [
                    (part, head + pdu.encode_tlv(codes.SAR_NUMBER, bytes((number,))))
                    for number, part in enumerate(cut.parts, start=1)
                ]
            case _:
                return [(part, shared) for part in segments.with_headers(cut.parts, reference=message.reference)]

    def _form(self, message: Outbound, encoding: Encoding, *, has_header: bool) -> SubmitForm:
        validity = relative_time(message.validity_seconds)
        key = (message.sender, encoding, has_header, validity, message.wants_receipt)
        form = self._forms.get(key)
        if form is None:
            if len(self._forms) >= FORMS_MAX:
                self._forms.clear()
            source, ton, npi = address_of(message.sender)
            form = self._forms[key] = SubmitForm(
                ShortMessage(
                    source=source,
                    source_ton=ton,
                    source_npi=npi,
                    destination_ton=1,
                    destination_npi=1,
                    esm_class=codes.ESM_USER_HEADER if has_header else 0,
                    data_coding=encoding,
                    validity=validity,
                    registered=1 if message.wants_receipt else 0,
                )
            )
        return form


class Reader:
    """Makes receipts and messages of what a centre delivers."""

    def __init__(self, dialect: Dialect, events: LinkEvents) -> None:
        self._dialect = dialect
        self._events = events
        self._in_answer, self._in_receipt = NOTATIONS[dialect.message_id_type]
        self._reassembly: Reassembly[tuple[Session, int]] = Reassembly()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.unreadable = 0

    @property
    def incomplete(self) -> int:
        """How many messages miss parts."""
        return len(self._reassembly)

    def reference_in_answer(self, message_id: str) -> str:
        return reference_of(message_id, self._in_answer)

    def read(self, session: Session, deliveries: Sequence[Delivery]) -> None:
        receipts: list[Receipt] = []
        inbound: list[Inbound] = []
        for sequence, message in deliveries:
            if is_receipt(message, by_text=self._dialect.receipts_by_text):
                receipt = self._receipt(message, (session, sequence))
                if receipt.carrier_id or receipt.reference is not None:
                    receipts.append(receipt)
                else:
                    # It belongs to nothing, and would come again for ever if it were not answered.
                    self.unreadable += 1
                    session.acknowledge((sequence,))
            else:
                inbound += self._messages(message, (session, sequence))
        if receipts:
            self._events.on_receipts(receipts)
        if inbound:
            self._events.on_inbound(inbound)

    def close(self) -> None:
        """Give away what nobody would send again: incomplete messages whose parts were acknowledged."""
        if self._timer is not None:
            self._timer.cancel()
        left = [one for one in self._reassembly.expire(float("inf")) if one.was_acknowledged]
        if left:
            self._events.on_inbound([self._inbound(one) for one in left])

    def _receipt(self, message: ShortMessage, handle: tuple[Session, int]) -> Receipt:
        words = read_receipt(message)
        reference = message.tlv(codes.USER_MESSAGE_REFERENCE)
        return Receipt(
            carrier_id=reference_of(words.message_id, self._in_receipt),
            status=STATUSES.get(words.state, ReceiptStatus.UNKNOWN),
            carrier_code=words.error or words.state,
            recipient=Phone(shown_address(message.source, message.source_ton)),
            sender=shown_address(message.destination, message.destination_ton),
            reference=int.from_bytes(reference, "big") if reference else None,
            handle=handle,
        )

    def _messages(self, message: ShortMessage, handle: tuple[Session, int]) -> list[Inbound]:
        part = read_part(message)
        if part.total == 1:
            return [self._inbound(Assembly(message, 1, 0.0, {1: part.octets}, [handle]))]
        done = self._reassembly.add(message, part, handle, self._loop.time())
        if self._reassembly and self._timer is None:
            self._timer = self._loop.call_later(PARTS_UNACKNOWLEDGED_SECONDS / 2, self._look_after_parts)
        return [self._inbound(one) for one in done]

    def _inbound(self, assembly: Assembly[tuple[Session, int]]) -> Inbound:
        message = assembly.first
        text = alphabets.decode(assembly.octets, message.data_coding, default=self._dialect.default_alphabet)
        return Inbound(
            sender=Phone(shown_address(message.source, message.source_ton)),
            recipient=shown_address(message.destination, message.destination_ton),
            body=Body(text),
            handles=tuple(assembly.handles),
        )

    def _look_after_parts(self) -> None:
        self._timer = None
        now = self._loop.time()
        for one in self._reassembly.waiting_since(now - PARTS_UNACKNOWLEDGED_SECONDS):
            one.was_acknowledged = True
            for session, sequence in one.take_handles():
                session.acknowledge((sequence,))
        expired = self._reassembly.expire(now - REASSEMBLY_SECONDS)
        if expired:
            self._events.on_inbound([self._inbound(one) for one in expired])
        if self._reassembly:
            self._timer = self._loop.call_later(PARTS_UNACKNOWLEDGED_SECONDS / 2, self._look_after_parts)


def outcome_of(status: int) -> Outcome:
    """What a command_status other than success and being busy says, with the number as the carrier's code."""
    code = f"{status:08X}"
    match OUTCOMES.get(status):
        case Rejected(reason):
            return Rejected(reason, code)
        case TryLater(reason, after_seconds):
            return TryLater(reason, after_seconds, code)
        case Unclear() as doubt:
            return doubt
        case _:
            return Rejected("refused", code)


def worse(one: Outcome | None, other: Outcome) -> Outcome:
    """The one that says more against trying the whole message again."""
    if one is None:
        return other
    order = (TryLater, Rejected, Unclear)
    return other if order.index(type(other)) > order.index(type(one)) else one


def whole_outcome(sending: Sending) -> Outcome:
    """The outcome of a message from those of its parts."""
    carrier_ids = tuple(one for one in sending.carrier_ids if one is not None)
    if sending.failure is None:
        return Accepted(carrier_ids)
    if not carrier_ids:
        return sending.failure
    # Some of it is with the carrier: sending it again would repeat those parts, and it is not whole either.
    return Unclear("incomplete", carrier_ids)


def address_of(sender: str) -> tuple[str, int, int]:
    """A sender as SMPP wants it: address, type of number, numbering plan."""
    digits = sender.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return sender, 5, 0  # alphanumeric
    if sender.startswith("+"):
        return digits, 1, 1  # international, E.164
    return digits, 3, 0  # a short code: network specific


def shown_address(address: str, ton: int) -> str:
    """An address as we write it: international numbers with a plus, all else as it came."""
    is_number = address.isascii() and address.isdigit()
    # Type 0 is "unknown": centres use it for international numbers and for short codes, and length tells those apart.
    if is_number and (ton == 1 or (ton == 0 and len(address) >= 8 and address[0] != "0")):  # noqa: PLR2004
        return f"+{address}"
    return address


def relative_time(seconds: int | None) -> str:
    """§7.1.1: YYMMDDhhmmss000R, at most 30 days; empty leaves it to the centre."""
    if seconds is None:
        return ""
    minutes, second = divmod(min(max(seconds, 1), 30 * 86_400), 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"0000{day:02}{hour:02}{minute:02}{second:02}000R"
