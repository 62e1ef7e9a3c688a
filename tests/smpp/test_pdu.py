"""PDUs as values and as bytes, read by us and by another implementation; and what hostile bytes do."""

import random

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from sendigopro.smpp import codes, pdu
from sendigopro.smpp.pdu import MalformedPdu, ShortMessage

OCTET = st.integers(0, 255)


def c_text(size: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=size)


MESSAGES = st.builds(
    ShortMessage,
    source=c_text(20),
    destination=c_text(20),
    short_message=st.binary(max_size=254),
    esm_class=OCTET,
    data_coding=OCTET,
    tlvs=st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=300)), max_size=4).map(tuple),
    source_ton=OCTET,
    source_npi=OCTET,
    destination_ton=OCTET,
    destination_npi=OCTET,
    service_type=c_text(5),
    protocol_id=OCTET,
    priority=OCTET,
    schedule=c_text(16),
    validity=c_text(16),
    registered=OCTET,
    replace=OCTET,
    default_id=OCTET,
)


@given(MESSAGES)
def test_every_message_comes_back_as_it_went(message: ShortMessage) -> None:
    body = pdu.encode_message(message)

    assert pdu.read_message(body, 0, len(body)) == message


def test_another_implementation_reads_what_we_write() -> None:
    message = ShortMessage(
        source="Acme",
        source_ton=5,
        destination="447700900123",
        destination_ton=1,
        destination_npi=1,
        short_message=b"hello",
        esm_class=0x40,
        data_coding=8,
        registered=1,
        validity="000001000000000R",
        tlvs=((codes.USER_MESSAGE_REFERENCE, b"\1\2"),),
    )

    read = smpp34.decode(pdu.frame(codes.SUBMIT_SM, 77, pdu.encode_message(message)))

    assert isinstance(read, smpp34.SubmitSm)
    assert (read.sequence_number, read.source_addr, read.source_addr_ton) == (77, "Acme", 5)
    assert (read.destination_addr, read.dest_addr_ton, read.dest_addr_npi) == ("447700900123", 1, 1)
    assert (read.short_message, read.esm_class, read.data_coding) == (b"hello", 0x40, 8)
    assert (read.registered_delivery, read.validity_period) == (1, "000001000000000R")
    assert [(item.tag, item.value) for item in read.tlvs] == [(codes.USER_MESSAGE_REFERENCE, b"\1\2")]


def test_a_bind_comes_back_as_it_went() -> None:
    bind = pdu.Bind("gateway", "longer than eight", "SMPP", 0x34, 1, 1, "4477")

    assert pdu.read_bind(pdu.encode_bind(bind)) == bind
    assert "longer" not in repr(bind)


def test_a_query_comes_back_as_it_went() -> None:
    query = pdu.Query("abc", "Acme", 5, 0)

    assert pdu.read_query(pdu.encode_query(query)) == query
    assert pdu.read_query_answer(b"abc\x002611231830\x00\x02\x00") == pdu.QueryAnswer("abc", "2611231830", 2, 0)


def test_a_message_shows_nothing_personal() -> None:
    shown = repr(ShortMessage(source="447700900123", destination="447700900124", short_message=b"secret"))

    assert "4477" not in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("value", "size"),
    [("x" * 21, 21), ("nul\0", 21), ("Ж", 21)],
)
def test_a_field_that_cannot_be_sent_is_refused_without_telling_it(value: str, size: int) -> None:
    with pytest.raises(ValueError, match="an SMPP field") as caught:
        pdu.c_octets(value, size)

    assert value not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@given(MESSAGES, st.data())
def test_a_message_cut_anywhere_is_malformed_or_whole(message: ShortMessage, data: st.DataObject) -> None:
    body = pdu.encode_message(message)
    end = data.draw(st.integers(0, len(body) - 1))
    try:
        read = pdu.read_message(body, 0, end)
    except MalformedPdu:
        return

    # Cut right behind an optional parameter: the rest is a message, less that one.
    assert read.tlvs == message.tlvs[: len(read.tlvs)]


READERS = (
    lambda octets: pdu.read_message(octets, 0, len(octets)),
    lambda octets: pdu.read_data(octets, 0, len(octets)),
    lambda octets: pdu.read_tlvs(octets, 0, len(octets)),
    lambda octets: pdu.read_message_id(octets, 0, len(octets)),
    pdu.read_bind,
    pdu.read_bind_answer,
    pdu.read_query,
    pdu.read_query_answer,
)


@given(st.binary(max_size=400))
def test_no_octets_raise_anything_but_malformed(octets: bytes) -> None:
    for read in READERS:
        try:
            read(octets)
        except MalformedPdu as error:
            assert error.__cause__ is None  # noqa: PT017  # nothing that could carry content


def test_twenty_thousand_mutated_messages_raise_nothing_but_malformed() -> None:
    dice = random.Random(2)  # noqa: S311  # the same dice in every run
    whole = pdu.encode_message(
        ShortMessage(
            source="447700900123", destination="Acme", short_message=b"id:1 stat:DELIVRD", tlvs=((0x1E, b"1\0"),)
        )
    )
    refused = 0
    for _ in range(20_000):
        octets = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            position = dice.randrange(len(octets))
            match dice.randrange(3):
                case 0:
                    octets[position] = dice.choice((0, 1, 0x7F, 0xFF, dice.randrange(256)))
                case 1:
                    del octets[position]
                case _:
                    octets.insert(position, dice.randrange(256))
        try:
            pdu.read_message(bytes(octets), 0, len(octets))
        except MalformedPdu:
            refused += 1

    assert refused > 1_000
