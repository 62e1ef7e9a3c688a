"""Long messages that came in parts, by user data header or by SAR parameters, put together again within bounds."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from sendigopro.smpp import codes
from sendigopro.smpp.pdu import ShortMessage

H = TypeVar("H")
"""What a delivery is answered by."""

_CONCATENATED_8_BIT: Final = 0x00
_CONCATENATED_16_BIT: Final = 0x08


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a message, without its header; a whole message is part 1 of 1."""

    octets: bytes = field(repr=False)
    reference: int = 0
    total: int = 1
    number: int = 1


@dataclass(slots=True)
class Assembly(Generic[H]):
    """What came of one message so far, and what was given along with it."""

    first: ShortMessage
    total: int
    begun: float
    octets_by_number: dict[int, bytes] = field(default_factory=dict, repr=False)
    handles: list[H] = field(default_factory=list)
    size: int = 0
    was_acknowledged: bool = False
    """Some part is with nobody but us."""

    @property
    def is_whole(self) -> bool:
        return len(self.octets_by_number) == self.total

    @property
    def octets(self) -> bytes:
        """All that came, in order."""
        return b"".join(self.octets_by_number[number] for number in sorted(self.octets_by_number))

    def take_handles(self) -> list[H]:
        """Give the handles once."""
        handles, self.handles = self.handles, []
        return handles


def read_part(message: ShortMessage) -> Part:
    """Find out which part of what a message is; a header that lies leaves the message as it came."""
    octets = message.payload
    if message.esm_class & codes.ESM_USER_HEADER and octets and octets[0] < len(octets):
        return _read_header(octets)
    reference, total, number = (message.tlv(tag) for tag in (codes.SAR_REFERENCE, codes.SAR_TOTAL, codes.SAR_NUMBER))
    if reference is None or not total or not number:
        return Part(octets)
    return _checked(octets, int.from_bytes(reference, "big"), total[-1], number[-1])


class Reassembly(Generic[H]):
    """The messages that miss parts, the oldest first; bounded in number, in octets and, by `expire`, in time."""

    def __init__(self, *, messages_max: int = 2_000, octets_max: int = 4_000_000) -> None:
        self._messages_max = messages_max
        self._octets_max = octets_max
        self._octets = 0
        self._open: OrderedDict[Hashable, Assembly[H]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, message: ShortMessage, part: Part, handle: H, now: float) -> list[Assembly[H]]:
        """Take a part; give the message it completes, and any that had to make room."""
        key = (message.source, message.destination, part.reference, part.total, message.data_coding)
        assembly = self._open.get(key)
        if assembly is None:
            assembly = self._open[key] = Assembly(message, part.total, now)
        assembly.handles.append(handle)
        size = len(part.octets) - len(assembly.octets_by_number.get(part.number, b""))
        assembly.octets_by_number[part.number] = part.octets
        assembly.size += size
        self._octets += size
        given = []
        if assembly.is_whole:
            given.append(self._take(key))
        while len(self._open) > self._messages_max or self._octets > self._octets_max:
            given.append(self._take(next(iter(self._open))))
        return given

    def expire(self, begun_before: float) -> list[Assembly[H]]:
        """Give up waiting: what came before that time is given as it is."""
        keys = [key for key, assembly in self._open.items() if assembly.begun < begun_before]
        return [self._take(key) for key in keys]

    def waiting_since(self, begun_before: float) -> list[Assembly[H]]:
        """Give the messages that have waited for parts since before that time, and still do."""
        return [one for one in self._open.values() if one.begun < begun_before]

    def _take(self, key: Hashable) -> Assembly[H]:
        assembly = self._open.pop(key)
        self._octets -= assembly.size
        return assembly


def _read_header(octets: bytes) -> Part:
    """3GPP TS 23.040 §9.2.3.24: length, then elements of (identifier, length, data)."""
    end = 1 + octets[0]
    body, position = octets[end:], 1
    while position + 2 <= end:
        identifier, length = octets[position], octets[position + 1]
        data = octets[position + 2 : min(position + 2 + length, end)]
        position += 2 + length
        if identifier == _CONCATENATED_8_BIT and len(data) == 3:  # noqa: PLR2004  # reference, total, number
            return _checked(body, data[0], data[1], data[2])
        if identifier == _CONCATENATED_16_BIT and len(data) == 4:  # noqa: PLR2004  # the same, a wider reference
            return _checked(body, int.from_bytes(data[:2], "big"), data[2], data[3])
    return Part(body)


def _checked(octets: bytes, reference: int, total: int, number: int) -> Part:
    if 1 <= number <= total:
        return Part(octets, reference, total, number)
    return Part(octets)
