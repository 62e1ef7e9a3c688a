"""Text to octets and back: the GSM 03.38 tables, UCS-2, and what carriers send in."""

import gsm0338  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendigopro.foundation import alphabets
from sendigopro.foundation.alphabets import Encoding, Unencodable

GSM7_TEXT = st.text(alphabets.BASIC.replace("\x1b", "") + "".join(alphabets.EXTENSION.values()))


@given(GSM7_TEXT)
def test_every_gsm_text_comes_back_as_it_went(text: str) -> None:
    encoding, octets = alphabets.encode(text)

    assert encoding is Encoding.GSM7
    assert max(octets, default=0) < 0x80
    assert alphabets.decode_gsm7(octets) == text


@given(st.text())
def test_every_text_comes_back_as_it_went(text: str) -> None:
    encoding, octets = alphabets.encode(text)

    assert alphabets.decode(octets, encoding) == text
    assert alphabets.encoding_of(text) is encoding


def test_the_tables_are_those_of_another_implementation() -> None:
    codec = gsm0338.Codec()
    for code, char in enumerate(alphabets.BASIC):
        if code != alphabets.ESCAPE:
            assert codec.decode(bytes((code,)))[0] == char
            assert alphabets.encode(char)[1] == bytes((code,))
    for code, char in alphabets.EXTENSION.items():
        pair = bytes((alphabets.ESCAPE, code))
        assert codec.decode(pair)[0] == char
        assert alphabets.encode(char)[1] == pair


@given(st.binary())
def test_no_octets_are_too_strange_to_show(octets: bytes) -> None:
    for data_coding in range(256):
        assert isinstance(alphabets.decode(octets, data_coding), str)


@pytest.mark.parametrize(
    ("octets", "data_coding", "text"),
    [
        (b"\x1be", 0, "€"),
        (b"a\x1b", 0, "a "),  # a lone escape
        (b"\x1b\x1bb", 0, " b"),  # a doubled escape
        (b"\x1bA", 0, "A"),  # an escape pair nobody knows
        (b"\x00\xe9", 0, "@\ufffd"),  # an octet that is no septet
        (b"\xe9", 3, "é"),
        (b"plain", 1, "plain"),
        (b"\x04\x16", 8, "Ж"),
        (b"\x04\x16\x04", 8, "Ж\ufffd"),  # half a unit at the end
        (b"\x04\x16", 0x18, "Ж"),  # UCS-2 with a message class
        (b"\x00", 0xF1, "@"),
        (b"\xe9", 0xF5, "é"),
        (b"\xb6", 6, "Ж"),
    ],
)
def test_each_data_coding_is_read_in_its_alphabet(octets: bytes, data_coding: int, text: str) -> None:
    assert alphabets.decode(octets, data_coding) == text


def test_the_default_alphabet_of_a_centre_can_be_another() -> None:
    assert alphabets.decode(b"\xe9", 0, default="latin-1") == "é"


def test_half_a_surrogate_pair_is_refused_without_telling_the_text() -> None:
    with pytest.raises(Unencodable) as caught:
        alphabets.encode("secret \ud83d body")

    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__
