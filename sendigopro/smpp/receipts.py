"""Delivery receipts inside deliver_sm: by optional parameters, and by the text that no two centres write alike.

The text of a receipt ends with a piece of the message's body. Nothing here keeps it: three words are taken out, and
only from before it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from sendigopro.smpp import codes
from sendigopro.smpp.pdu import ShortMessage

_ID = re.compile(rb"\bid: ?([!-~]{1,64})", re.IGNORECASE)
_STATE = re.compile(rb"\bstat: ?([A-Z]{1,12})\b", re.IGNORECASE)
_ERROR = re.compile(rb"\berr: ?([0-9A-Z]{1,10})\b", re.IGNORECASE)
_TEXT = re.compile(rb"\btext:", re.IGNORECASE)
_DECIMAL = re.compile(r"[0-9]{1,64}")
_HEXADECIMAL = re.compile(r"(?:0[xX])?[0-9a-fA-F]{1,64}")
_RECEIPT_TYPES = (codes.ESM_RECEIPT, codes.ESM_INTERMEDIATE)


@dataclass(frozen=True, slots=True)
class ReceiptWords:
    """What a receipt says; empty where it says nothing. `state` is a word of appendix B, or the centre's own."""

    message_id: str
    state: str
    error: str


class Notation(StrEnum):
    """How a centre writes message ids in one place."""

    AS_IS = "as_is"
    DECIMAL = "decimal"
    HEXADECIMAL = "hexadecimal"


def reference_of(text: str, notation: Notation) -> str:
    """Bring a message id to the form in which answers and receipts can be compared.

    Numbers become decimal without leading zeros; what is no number in that notation stays as it is.
    """
    text = text.strip()
    if notation is Notation.DECIMAL and _DECIMAL.fullmatch(text):
        return text.lstrip("0") or "0"
    if notation is Notation.HEXADECIMAL and _HEXADECIMAL.fullmatch(text):
        return str(int(text, 16))
    return text


def is_receipt(message: ShortMessage, *, by_text: bool = False) -> bool:
    """Tell a receipt from a person's message.

    `by_text` also believes the text alone, for centres that mark receipts in no other way. It is off unless a
    carrier needs it: with it, anybody can send a message that looks like a receipt.
    """
    if message.esm_class & codes.ESM_TYPE_MASK in _RECEIPT_TYPES:
        return True
    if message.tlvs and message.tlv(codes.RECEIPTED_MESSAGE_ID) is not None:
        return True
    if not by_text:
        return False
    head = _head(message)
    return head[:3].lower() == b"id:" and _STATE.search(head) is not None


def read_receipt(message: ShortMessage) -> ReceiptWords:
    """Take the words out of a receipt; optional parameters win over the text."""
    message_id = state = error = ""
    for tag, value in message.tlvs:
        if tag == codes.RECEIPTED_MESSAGE_ID:
            message_id = value.split(b"\0", 1)[0][:64].decode("latin-1")
        elif tag == codes.MESSAGE_STATE and len(value) == 1:
            state = codes.STATE_NAMES.get(value[0], "UNKNOWN")
        elif tag == codes.NETWORK_ERROR and len(value) == 3:  # noqa: PLR2004  # §5.3.2.31: network type and code
            error = str(int.from_bytes(value[1:], "big"))
    head = _head(message)
    return ReceiptWords(
        message_id or _word(_ID, head),
        state or _word(_STATE, head).upper(),
        _word(_ERROR, head) or error,
    )


def _head(message: ShortMessage) -> bytes:
    """Give what stands before the piece of the body."""
    octets = message.payload
    if message.data_coding == 8 or octets[:1] == b"\0":  # noqa: PLR2004  # UCS-2, which some centres write receipts in
        octets = octets.decode("utf-16-be", "ignore").encode("ascii", "ignore")
    return _TEXT.split(octets, 1)[0]


def _word(pattern: re.Pattern[bytes], head: bytes) -> str:
    found = pattern.search(head)
    return found[1].decode("ascii") if found else ""
