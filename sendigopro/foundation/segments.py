"""How many short messages a text needs, and what each of them carries."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from sendigopro.foundation.alphabets import ESCAPE, Encoding, encode, encode_ucs2, is_same_in_gsm7

PARTS_MAX: Final = 255  # 3GPP TS 23.040 §9.2.3.24.1: the count of parts is one octet.
HEADER_OCTETS: Final = 6
SINGLE_SEPTETS: Final = 160


class TooLong(ValueError):
    """The text needs more parts than a concatenated message can have."""

    def __init__(self, parts: int) -> None:
        super().__init__(f"the text needs {parts} parts, {PARTS_MAX} is the most")


@dataclass(frozen=True, slots=True)
class Segments:
    """A text, cut. The parts carry no header; `with_headers` adds it where it is wanted.

    `units` counts what limits are stated in: septets for GSM 03.38, UTF-16 units for UCS-2.
    """

    encoding: Encoding
    parts: tuple[bytes, ...]
    units: int


class Count(msgspec.Struct, frozen=True, gc=False):
    """What a text will cost, without the parts themselves."""

    encoding: Encoding
    parts: int
    units: int


def split(text: str) -> Segments:
    """Cut a text into the fewest parts, none of which ends within an escape or surrogate pair."""
    return _split(*encode(text))


def split_ucs2(text: str) -> Segments:
    """As `split`, for a carrier that cannot take this text in any other alphabet."""
    return _split(Encoding.UCS2, encode_ucs2(text))


def count(text: str) -> Count:
    """As `split` would cut it, but nothing is built and any length is answered."""
    if len(text) <= SINGLE_SEPTETS and is_same_in_gsm7(text):
        return Count(Encoding.GSM7, 1, len(text))
    encoding, octets = encode(text)
    if encoding is Encoding.GSM7:
        units, single, each, pairs = len(octets), SINGLE_SEPTETS, 153, ESCAPE in octets
    else:
        units, single, each = len(octets) // 2, 70, 67
        pairs = units != len(text)
    if units <= single:
        return Count(encoding, 1, units)
    if not pairs:
        return Count(encoding, -(-units // each), units)
    return Count(encoding, sum(1 for _ in _cuts(encoding, octets)), units)


def with_headers(parts: tuple[bytes, ...], *, reference: int) -> tuple[bytes, ...]:
    """The parts with the 6-octet user data header; a single part stays bare."""
    if len(parts) == 1:
        return parts
    head = bytes((5, 0, 3, reference & 0xFF, len(parts)))
    return tuple(b"%b%c%b" % (head, number, part) for number, part in enumerate(parts, start=1))


def _split(encoding: Encoding, octets: bytes) -> Segments:
    if encoding is Encoding.GSM7:
        units, single = len(octets), SINGLE_SEPTETS
    else:
        units, single = len(octets) // 2, 70
    if units <= single:
        return Segments(encoding, (octets,), units)
    start, parts = 0, []
    for end in _cuts(encoding, octets):
        parts.append(octets[start:end])
        start = end
    if len(parts) > PARTS_MAX:
        raise TooLong(len(parts))
    return Segments(encoding, tuple(parts), units)


def _cuts(encoding: Encoding, octets: bytes) -> Iterator[int]:
    """Where each part ends."""
    end, total = 0, len(octets)
    while True:
        end += 153 if encoding is Encoding.GSM7 else 134
        if end >= total:
            yield total
            return
        if encoding is Encoding.GSM7:
            if octets[end - 1] == ESCAPE:
                end -= 1
        elif 0xD8 <= octets[end - 2] <= 0xDB:  # the first half of a surrogate pair
            end -= 2
        yield end
