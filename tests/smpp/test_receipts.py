"""Receipts as centres write them, and ids as they are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendigopro.smpp import codes
from sendigopro.smpp.pdu import ShortMessage
from sendigopro.smpp.receipts import Notation, ReceiptWords, is_receipt, read_receipt, reference_of

STANDARD = b"id:123A456B sub:1 dlvrd:1 submit date:0610190851 done date:0610190951 stat:DELIVRD err:0 text:Lorem ipsum"


def receipt(text: bytes, *tlvs: tuple[int, bytes], **more: int) -> ShortMessage:
    return ShortMessage(short_message=text, esm_class=more.get("esm_class", 4), tlvs=tlvs, data_coding=0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (STANDARD, ReceiptWords("123A456B", "DELIVRD", "0")),
        (b"id:9 stat:UNDELIV", ReceiptWords("9", "UNDELIV", "")),
        (b"ID: 9 STAT: undeliv ERR: 0A1", ReceiptWords("9", "UNDELIV", "0A1")),
        (b"stat:EXPIRED id:9 err:254", ReceiptWords("9", "EXPIRED", "254")),  # another order
        (b"id:9 submit date:1 stat:OWNWORD err:1 text:", ReceiptWords("9", "OWNWORD", "1")),
        (b"id:a-b.c_d/e stat:DELIVRD", ReceiptWords("a-b.c_d/e", "DELIVRD", "")),
        (b"text:id:1 stat:DELIVRD err:5", ReceiptWords("", "", "")),  # a body that looks like a receipt
        (b"id:7 Text:stat:DELIVRD", ReceiptWords("7", "", "")),
        (b"", ReceiptWords("", "", "")),
        (STANDARD.decode().encode("utf-16-be"), ReceiptWords("123A456B", "DELIVRD", "0")),
    ],
)
def test_the_text_of_a_receipt_is_read_however_it_is_written(text: bytes, words: ReceiptWords) -> None:
    message = ShortMessage(short_message=text, esm_class=4, data_coding=8 if text[:1] == b"\0" else 0)

    assert read_receipt(message) == words


def test_optional_parameters_win_over_the_text() -> None:
    message = receipt(STANDARD, (codes.RECEIPTED_MESSAGE_ID, b"42\0"), (codes.MESSAGE_STATE, b"\5"))

    assert read_receipt(message) == ReceiptWords("42", "UNDELIV", "0")


def test_a_receipt_can_be_all_optional_parameters() -> None:
    message = receipt(
        b"",
        (codes.RECEIPTED_MESSAGE_ID, b"42\0"),
        (codes.MESSAGE_STATE, b"\3"),
        (codes.NETWORK_ERROR, b"\3\0\x1b"),
        esm_class=0,
    )

    assert is_receipt(message)
    assert read_receipt(message) == ReceiptWords("42", "EXPIRED", "27")


def test_a_person_cannot_forge_a_receipt_unless_the_carrier_needs_text_to_be_believed() -> None:
    forged = receipt(STANDARD, esm_class=0)

    assert not is_receipt(forged)
    assert is_receipt(forged, by_text=True)
    assert not is_receipt(receipt(b"Hello, id:1 stat:DELIVRD", esm_class=0), by_text=True)


@given(
    st.binary(max_size=254), st.integers(0, 255), st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary()), max_size=3)
)
def test_no_receipt_is_too_strange_to_read(text: bytes, data_coding: int, tlvs: list[tuple[int, bytes]]) -> None:
    words = read_receipt(ShortMessage(short_message=text, esm_class=4, data_coding=data_coding, tlvs=tuple(tlvs)))

    assert len(words.message_id) <= 64


@pytest.mark.parametrize(
    ("text", "notation", "reference"),
    [
        ("0042", Notation.AS_IS, "0042"),
        (" abc ", Notation.AS_IS, "abc"),
        ("0042", Notation.DECIMAL, "42"),
        ("0000", Notation.DECIMAL, "0"),
        ("a0042", Notation.DECIMAL, "a0042"),
        ("2A", Notation.HEXADECIMAL, "42"),
        ("0x002a", Notation.HEXADECIMAL, "42"),
        ("2a-7", Notation.HEXADECIMAL, "2a-7"),
        ("", Notation.HEXADECIMAL, ""),
        ("9" * 300, Notation.DECIMAL, "9" * 300),
    ],
)
def test_ids_are_compared_in_one_form(text: str, notation: Notation, reference: str) -> None:
    assert reference_of(text, notation) == reference


@given(st.integers(0, 2**64))
def test_an_id_is_the_same_in_hexadecimal_and_decimal(number: int) -> None:
    hexadecimal = reference_of(f"{number:016X}", Notation.HEXADECIMAL)

    assert hexadecimal == reference_of(f"{number:020}", Notation.DECIMAL) == str(number)
