"""The PDUs of SMPP 3.4 as bytes and as values; whatever a peer sends, reading raises nothing but `MalformedPdu`."""

import struct
from dataclasses import dataclass, field
from typing import Final

import msgspec

from sendigopro.smpp import codes

HEADER: Final = struct.Struct(">IIII")
HEADER_OCTETS: Final = 16
# A message_payload may hold 64 KiB; beyond that and its surroundings a length is a lie or an attack.
PDU_OCTETS_MAX: Final = 70_000
SEQUENCE_MAX: Final = 0x7FFFFFFF
SHORT_MESSAGE_MAX: Final = 254
DESTINATION_MAX: Final = 20
MESSAGE_ID_MAX: Final = 255  # 64 by the specification, which not all keep to.

_TLV = struct.Struct(">HH")
Tlvs = tuple[tuple[int, bytes], ...]


class MalformedPdu(ValueError):
    """A peer sent what SMPP does not allow. The message never holds content."""


@dataclass(frozen=True, slots=True)
class Bind:
    """bind_transmitter, bind_receiver or bind_transceiver, §4.1."""

    system_id: str
    password: str = field(repr=False)
    system_type: str = ""
    interface_version: int = 0x34
    address_ton: int = 0
    address_npi: int = 0
    address_range: str = ""


@dataclass(frozen=True, slots=True)
class BindAnswer:
    """The body of bind_*_resp."""

    system_id: str
    interface_version: int | None = None


class ShortMessage(msgspec.Struct, frozen=True, gc=False):
    """submit_sm and deliver_sm, §4.4.1 and §4.6.1, which share one layout. Shows nothing personal."""

    source: str = ""
    destination: str = ""
    short_message: bytes = b""
    esm_class: int = 0
    data_coding: int = 0
    tlvs: Tlvs = ()
    source_ton: int = 0
    source_npi: int = 0
    destination_ton: int = 0
    destination_npi: int = 0
    service_type: str = ""
    protocol_id: int = 0
    priority: int = 0
    schedule: str = ""
    validity: str = ""
    registered: int = 0
    replace: int = 0
    default_id: int = 0

    def __repr__(self) -> str:
        return f"<ShortMessage of {len(self.short_message)} octets>"

    def tlv(self, tag: int) -> bytes | None:
        """Give the value of the first optional parameter of that tag."""
        for found, value in self.tlvs:
            if found == tag:
                return value
        return None

    @property
    def payload(self) -> bytes:
        """The octets of the message, wherever they travelled."""
        return self.short_message or self.tlv(codes.MESSAGE_PAYLOAD) or b""


@dataclass(frozen=True, slots=True)
class Query:
    """query_sm, §4.8.1; cancel_sm, §4.9.1, adds service type and destination."""

    message_id: str
    source: str = field(default="", repr=False)
    source_ton: int = 0
    source_npi: int = 0


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """The body of query_sm_resp, §4.8.2."""

    message_id: str
    final_date: str
    state: int
    error: int


def frame(command: int, sequence: int, body: bytes = b"", *, status: int = codes.OK) -> bytes:
    """Put the header before a body."""
    return HEADER.pack(HEADER_OCTETS + len(body), command, status, sequence) + body


def c_octets(value: str, size: int) -> bytes:
    """Make a C-octet string of at most `size` octets, its NUL among them."""
    try:
        octets = value.encode("latin-1")
    except UnicodeEncodeError:
        # The codec's error carries the value, which may be a number or a password.
        raise ValueError("an SMPP field holds Latin-1 characters only") from None
    if len(octets) >= size or b"\0" in octets:
        raise ValueError(f"an SMPP field of {size} octets holds {size - 1} and no NUL")
    return octets + b"\0"


def encode_tlv(tag: int, value: bytes) -> bytes:
    """Make one optional parameter."""
    return _TLV.pack(tag, len(value)) + value


def encode_bind(bind: Bind) -> bytes:
    """Make the body of bind_*. Many centres take passwords longer than the specification's 8, so those are sent."""
    return b"".join(
        (
            c_octets(bind.system_id, 16),
            c_octets(bind.password, 65),
            c_octets(bind.system_type, 13),
            bytes((bind.interface_version, bind.address_ton, bind.address_npi)),
            c_octets(bind.address_range, 41),
        )
    )


def encode_message(message: ShortMessage) -> bytes:
    """Make the body of submit_sm or deliver_sm; the hot path fills a `SubmitForm` instead."""
    if len(message.short_message) > SHORT_MESSAGE_MAX:
        raise ValueError("short_message holds 254 octets; longer ones travel as message_payload")
    tlvs = b"".join(encode_tlv(tag, value) for tag, value in message.tlvs)
    destination = c_octets(message.destination, 21)[:-1]
    return SubmitForm(message).fill(destination, message.short_message, tlvs)


def encode_query(query: Query) -> bytes:
    """Make the body of query_sm."""
    source = bytes((query.source_ton, query.source_npi)) + c_octets(query.source, 21)
    return c_octets(query.message_id, 65) + source


def encode_cancel(query: Query, *, destination: str = "", service_type: str = "") -> bytes:
    """Make the body of cancel_sm for one message."""
    return c_octets(service_type, 6) + encode_query(query) + b"\0\0" + c_octets(destination, 21)


class SubmitForm:
    """A submit_sm with all filled in but destination and message: what many messages share."""

    __slots__ = ("_head", "_tail")

    def __init__(self, message: ShortMessage) -> None:
        self._head = b"".join(
            (
                c_octets(message.service_type, 6),
                bytes((message.source_ton, message.source_npi)),
                c_octets(message.source, 21),
                bytes((message.destination_ton, message.destination_npi)),
            )
        )
        self._tail = b"".join(
            (
                bytes((0, message.esm_class, message.protocol_id, message.priority)),
                c_octets(message.schedule, 17),
                c_octets(message.validity, 17),
                bytes((message.registered, message.replace, message.data_coding, message.default_id)),
            )
        )

    def fill(self, destination: bytes, message: bytes, tlvs: bytes = b"") -> bytes:
        """Make the body. The caller sees to it that neither is over its limit and the destination holds no NUL."""
        return b"%b%b%b%c%b%b" % (self._head, destination, self._tail, len(message), message, tlvs)


def read_bind(body: bytes) -> Bind:
    """Read the body of bind_*."""
    end = len(body)
    system_id, position = _c_octets(body, 0, end, 16)
    password, position = _c_octets(body, position, end, 65)
    system_type, position = _c_octets(body, position, end, 13)
    if position + 3 > end:
        raise MalformedPdu("the bind ends within a field")
    version, ton, npi = body[position : position + 3]
    address_range, _ = _c_octets(body, position + 3, end, 41)
    return Bind(system_id, password, system_type, version, ton, npi, address_range)


def read_bind_answer(body: bytes) -> BindAnswer:
    """Read the body of bind_*_resp; a refusal may leave all of it out."""
    if not body:
        return BindAnswer("")
    system_id, position = _c_octets(body, 0, len(body), 65)
    version = None
    for tag, value in read_tlvs(body, position, len(body)):
        if tag == codes.INTERFACE_VERSION and len(value) == 1:
            version = value[0]
    return BindAnswer(system_id, version)


def read_message(data: bytes, start: int, end: int) -> ShortMessage:
    """Read a submit_sm or deliver_sm whose body is data[start:end], without copying it first."""
    find = data.find
    # Each address is two octets and a C-octet string; a missing NUL makes the next search fail or run past the end.
    service_end = find(0, start, end)
    source_end = find(0, service_end + 3, end)
    destination_end = find(0, source_end + 3, end)
    schedule_end = find(0, destination_end + 4, end)
    validity_end = find(0, schedule_end + 1, end)
    if (
        service_end < 0
        or source_end < 0
        or destination_end < 0
        or schedule_end < 0
        or validity_end < 0
        or validity_end + 6 > end
    ):
        raise MalformedPdu("the message ends within a field")
    message_start = validity_end + 6
    message_end = message_start + data[validity_end + 5]
    if message_end > end:
        raise MalformedPdu("the message is shorter than its length says")
    return ShortMessage(
        data[service_end + 3 : source_end].decode("latin-1"),
        data[source_end + 3 : destination_end].decode("latin-1"),
        data[message_start:message_end],
        data[destination_end + 1],
        data[validity_end + 3],
        read_tlvs(data, message_end, end) if message_end < end else (),
        data[service_end + 1],
        data[service_end + 2],
        data[source_end + 1],
        data[source_end + 2],
        data[start:service_end].decode("latin-1"),
        data[destination_end + 2],
        data[destination_end + 3],
        data[destination_end + 4 : schedule_end].decode("latin-1"),
        data[schedule_end + 1 : validity_end].decode("latin-1"),
        data[validity_end + 1],
        data[validity_end + 2],
        data[validity_end + 4],
    )


def read_data(data: bytes, start: int, end: int) -> ShortMessage:
    """Read a data_sm, §4.7.1, as the short message it could have been: some centres send receipts so."""
    service_type, position = _c_octets(data, start, end, 6)
    source_end = data.find(0, position + 2, end)
    destination_end = data.find(0, source_end + 3, end)
    if source_end < 0 or destination_end < 0 or destination_end + 4 > end:
        raise MalformedPdu("the data ends within a field")
    return ShortMessage(
        source=data[position + 2 : source_end].decode("latin-1"),
        destination=data[source_end + 3 : destination_end].decode("latin-1"),
        esm_class=data[destination_end + 1],
        data_coding=data[destination_end + 3],
        tlvs=read_tlvs(data, destination_end + 4, end),
        source_ton=data[position],
        source_npi=data[position + 1],
        destination_ton=data[source_end + 1],
        destination_npi=data[source_end + 2],
        service_type=service_type,
        registered=data[destination_end + 2],
    )


def read_tlvs(data: bytes, start: int, end: int) -> Tlvs:
    """Read the optional parameters in data[start:end]."""
    found = []
    while start + 4 <= end:
        tag, length = _TLV.unpack_from(data, start)
        start += 4 + length
        if start > end:
            raise MalformedPdu("an optional parameter is shorter than its length says")
        found.append((tag, data[start - length : start]))
    if start != end:
        raise MalformedPdu("the PDU ends within an optional parameter")
    return tuple(found)


def read_message_id(data: bytes, start: int, end: int) -> str:
    """Read the message id of an answer; a missing NUL or field is forgiven, as centres do send both."""
    stop = data.find(0, start, end)
    if stop < 0:
        stop = end
    return data[start : min(stop, start + MESSAGE_ID_MAX)].decode("latin-1")


def read_query(body: bytes) -> Query:
    """Read the body of query_sm."""
    message_id, position = _c_octets(body, 0, len(body), 65)
    if position + 2 > len(body):
        raise MalformedPdu("the query ends within a field")
    source, _ = _c_octets(body, position + 2, len(body), 21)
    return Query(message_id, source, body[position], body[position + 1])


def read_query_answer(body: bytes) -> QueryAnswer:
    """Read the body of query_sm_resp."""
    message_id, position = _c_octets(body, 0, len(body), 65)
    final_date, position = _c_octets(body, position, len(body), 17)
    if position + 2 > len(body):
        raise MalformedPdu("the answer ends within a field")
    return QueryAnswer(message_id, final_date, body[position], body[position + 1])


def _c_octets(data: bytes, start: int, end: int, size: int) -> tuple[str, int]:
    stop = data.find(0, start, end)
    if stop < 0 or stop - start >= size:
        raise MalformedPdu("a text has no end or is over its limit")
    return data[start:stop].decode("latin-1"), stop + 1
