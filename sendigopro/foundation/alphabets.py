"""How the text of a short message becomes octets, and octets become text again."""

import re
from enum import IntEnum
from typing import Final

# 3GPP TS 23.038 §6.2.1. Position 0x1B is the escape to the extension table.
BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# 3GPP TS 23.038 §6.2.1.1: the second septet of an escape pair.
EXTENSION: Final = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
ESCAPE: Final = 0x1B


class Encoding(IntEnum):
    """The alphabet of an outgoing message; the value is its SMPP data_coding."""

    GSM7 = 0
    UCS2 = 8


class Unencodable(ValueError):
    """The text holds half a surrogate pair, which no alphabet can carry.

    The text itself is left out: it is a message body, and errors are logged.
    """

    def __init__(self) -> None:
        super().__init__("the text holds half of a surrogate pair")


_PLAIN = BASIC.replace("\x1b", "")
# Characters whose GSM 03.38 code is their ASCII code: most messages hold no other, and
# for them one regex and one encode do the work of a table.
_SAME_AS_ASCII = re.compile(r"[\n\r !\"#%-?A-Za-z]*")
_ALL_GSM7 = re.compile(f"[{re.escape(_PLAIN + ''.join(EXTENSION.values()))}]*")
_TO_GSM7 = {ord(char): chr(code) for code, char in enumerate(BASIC)} | {
    ord(char): "\x1b" + chr(code) for code, char in EXTENSION.items()
}
_FROM_BASIC = dict(enumerate(BASIC)) | dict.fromkeys(range(0x80, 0x100), "\ufffd")
_ESCAPED = re.compile(r"\x1b(.?)", re.DOTALL)

# SMPP 3.4 §5.2.19, for messages that come in. 0 is the centre's own default, which the
# caller names; 2 and 4 are octets, shown as Latin-1 so that none is lost.
_CODECS: Final = {
    1: "ascii",
    2: "latin-1",
    3: "latin-1",
    4: "latin-1",
    5: "shift_jis",
    6: "iso8859-5",
    7: "iso8859-8",
    8: "utf-16-be",
    10: "iso2022_jp",
    13: "euc_jp",
    14: "euc_kr",
}


def encoding_of(text: str) -> Encoding:
    """The smallest alphabet that holds the whole text."""
    if _SAME_AS_ASCII.fullmatch(text) or _ALL_GSM7.fullmatch(text):
        return Encoding.GSM7
    return Encoding.UCS2


def is_same_in_gsm7(text: str) -> bool:
    """Whether each character is one septet, and its GSM 03.38 code the ASCII code: so it is with most messages."""
    return _SAME_AS_ASCII.fullmatch(text) is not None


def encode(text: str) -> tuple[Encoding, bytes]:
    """The text in the smallest alphabet; GSM 03.38 as one septet per octet, not packed."""
    if _SAME_AS_ASCII.fullmatch(text):
        return Encoding.GSM7, text.encode("ascii")
    if _ALL_GSM7.fullmatch(text):
        return Encoding.GSM7, text.translate(_TO_GSM7).encode("ascii")
    return Encoding.UCS2, encode_ucs2(text)


def encode_ucs2(text: str) -> bytes:
    """UTF-16 in network order, which is what handsets make of UCS-2."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError:
        # The error of the codec carries the text; it must not travel on as a cause.
        raise Unencodable from None


def decode_gsm7(septets: bytes) -> str:
    """The text of unpacked septets; whatever came, a text comes out.

    An unknown escape pair shows the basic character of its second septet, as 3GPP TS 23.038
    tells handsets to do; an octet that is no septet becomes the replacement character.
    """
    if ESCAPE not in septets:
        return septets.decode("latin-1").translate(_FROM_BASIC)
    return "".join(_pieces(septets))


def decode(octets: bytes, data_coding: int, *, default: str = "gsm7") -> str:
    """The text of an incoming message; never fails, since a carrier may send anything.

    `default` is the alphabet of data_coding 0: "gsm7", or any codec Python knows.
    """
    codec = _CODECS.get(data_coding)
    if codec is None:
        codec = _codec_of_group(data_coding, default)
    if codec == "gsm7":
        return decode_gsm7(octets)
    return octets.decode(codec, "replace")


def _codec_of_group(data_coding: int, default: str) -> str:
    """3GPP TS 23.038 §4, which many centres copy into data_coding; 0 and the rest: default."""
    group = data_coding >> 4
    if group == 0xF:
        return "latin-1" if data_coding & 0x04 else "gsm7"
    if group in (0x1, 0x5):
        return {0x00: "gsm7", 0x04: "latin-1", 0x08: "utf-16-be"}.get(data_coding & 0x0C, default)
    if group == 0xE:
        return "utf-16-be"
    return default


def _pieces(septets: bytes) -> list[str]:
    text = septets.decode("latin-1")
    pieces: list[str] = []
    position = 0
    for match in _ESCAPED.finditer(text):
        pieces.append(text[position : match.start()].translate(_FROM_BASIC))
        pieces.append(_escaped(match[1]))
        position = match.end()
    pieces.append(text[position:].translate(_FROM_BASIC))
    return pieces


def _escaped(second: str) -> str:
    if not second or second == "\x1b":
        return " "  # 3GPP TS 23.038: a lone or a doubled escape is shown as a space.
    return EXTENSION.get(ord(second)) or second.translate(_FROM_BASIC)
