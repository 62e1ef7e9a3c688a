"""A session: batches, the window, time-outs, the end of the connection, and hostile peers."""

import asyncio
import random

import pytest

from sendigopro.smpp import codes, pdu
from sendigopro.smpp.pdu import MalformedPdu, ShortMessage
from sendigopro.smpp.session import Limits, SessionLost
from tests.smpp.wire import attached

pytestmark = pytest.mark.asyncio

MESSAGE = ShortMessage(source="1", destination="2", short_message=b"hello", tlvs=((codes.MESSAGE_STATE, b"\2"),))
DELIVER = pdu.encode_message(MESSAGE)


def answer(sequence: int, message_id: bytes = b"id", status: int = 0) -> bytes:
    return pdu.frame(codes.SUBMIT_SM_RESP, sequence, message_id + b"\0", status=status)


async def test_many_submits_are_one_write_and_many_answers_one_call() -> None:
    ear, wire = attached()
    ear.session.submit_many([b"one", b"two", b"three"], ["a", "b", "c"])
    written = wire.take()
    ear.session.data_received(answer(2, b"B") + answer(1, b"A", status=codes.THROTTLED) + answer(3, b"C"))

    assert [(command, sequence, body) for command, _, sequence, body in written] == [
        (codes.SUBMIT_SM, 1, b"one"),
        (codes.SUBMIT_SM, 2, b"two"),
        (codes.SUBMIT_SM, 3, b"three"),
    ]
    assert ear.responses == [("b", 0, "B"), ("a", codes.THROTTLED, "A"), ("c", 0, "C")]
    assert ear.calls == 1


async def test_room_is_the_window_less_what_is_outstanding() -> None:
    ear, _ = attached(Limits(window=3))
    ear.session.submit_many([b""] * 2, [1, 2])
    assert ear.session.room == 1

    ear.session.data_received(answer(1))
    assert ear.session.room == 2


async def test_deliveries_are_answered_only_when_acknowledged() -> None:
    ear, wire = attached()
    ear.session.data_received(pdu.frame(codes.DELIVER_SM, 7, DELIVER) + pdu.frame(codes.DELIVER_SM, 8, DELIVER))
    assert wire.take() == []
    assert ear.deliveries == [(7, MESSAGE), (8, MESSAGE)]

    ear.session.acknowledge([8, 7, 99, 8])
    assert wire.take() == [(codes.DELIVER_SM_RESP, 0, 8, b"\0"), (codes.DELIVER_SM_RESP, 0, 7, b"\0")]


async def test_a_peer_that_floods_is_read_no_further_until_its_deliveries_are_acknowledged() -> None:
    ear, wire = attached(Limits(unacknowledged_max=10))
    ear.session.data_received(b"".join(pdu.frame(codes.DELIVER_SM, n, DELIVER) for n in range(1, 12)))
    assert wire.is_paused

    ear.session.acknowledge(range(1, 7))
    assert not wire.is_paused


async def test_pdus_cut_at_every_octet_are_read_the_same() -> None:
    octets = answer(1, b"A") + pdu.frame(codes.DELIVER_SM, 5, DELIVER) + answer(2, b"B")
    for cut in range(len(octets) + 1):
        ear, _ = attached()
        ear.session.submit_many([b"", b""], ["a", "b"])
        ear.session.data_received(octets[:cut])
        ear.session.data_received(octets[cut:])

        assert ear.responses == [("a", 0, "A"), ("b", 0, "B")]
        assert ear.deliveries == [(5, MESSAGE)]


async def test_pdus_that_come_octet_by_octet_are_read_the_same() -> None:
    ear, _ = attached()
    ear.session.submit_many([b""], ["a"])
    for octet in pdu.frame(codes.DELIVER_SM, 5, DELIVER) + answer(1, b"A"):
        ear.session.data_received(bytes((octet,)))

    assert (ear.responses, ear.deliveries) == ([("a", 0, "A")], [(5, MESSAGE)])


async def test_unknown_sequence_numbers_are_dropped_and_counted() -> None:
    ear, wire = attached()
    ear.session.submit_many([b""], ["a"])
    ear.session.data_received(answer(99) + pdu.frame(codes.ENQUIRE_LINK_RESP, 5) + answer(1) + answer(1))

    assert ear.responses == [("a", 0, "id")]
    assert ear.session.counters.unknown_sequences == 3
    assert len(wire.take()) == 1


async def test_a_nack_of_a_submit_is_its_answer_and_never_a_success() -> None:
    ear, _ = attached()
    ear.session.submit_many([b"", b""], ["a", "b"])
    ear.session.data_received(pdu.frame(codes.GENERIC_NACK, 1, status=codes.INVALID_COMMAND))
    ear.session.data_received(pdu.frame(codes.GENERIC_NACK, 2))

    assert ear.responses == [("a", codes.INVALID_COMMAND, ""), ("b", codes.SYSTEM_ERROR, "")]


async def test_an_answer_without_id_or_end_is_read_as_it_is() -> None:
    ear, _ = attached()
    ear.session.submit_many([b"", b"", b""], ["a", "b", "c"])
    ear.session.data_received(
        pdu.frame(codes.SUBMIT_SM_RESP, 1, status=codes.QUEUE_FULL)
        + pdu.frame(codes.SUBMIT_SM_RESP, 2, b"no end")
        + pdu.frame(codes.SUBMIT_SM_RESP, 3, b"x" * 60_000)
    )

    assert ear.responses[:2] == [("a", codes.QUEUE_FULL, ""), ("b", 0, "no end")]
    assert len(ear.responses[2][2]) == pdu.MESSAGE_ID_MAX


@pytest.mark.parametrize("length", [0, 1, 15, pdu.PDU_OCTETS_MAX + 1, 0xFFFFFFFF])
async def test_an_impossible_length_ends_the_connection_after_what_came_before_it(length: int) -> None:
    ear, wire = attached()
    ear.session.submit_many([b"", b""], ["a", "b"])
    wire.take()
    ear.session.data_received(answer(1) + pdu.HEADER.pack(length, codes.DELIVER_SM, 0, 1) + b"junk")
    await ear.session.wait_closed()

    assert wire.take() == [(codes.GENERIC_NACK, codes.INVALID_LENGTH, 0, b"")]
    assert ear.responses == [("a", 0, "id")]
    assert ear.unanswered == ["b"]
    assert isinstance(ear.closed[0], MalformedPdu)


async def test_a_malformed_delivery_is_refused_alone() -> None:
    ear, wire = attached()
    ear.session.data_received(
        pdu.frame(codes.DELIVER_SM, 1, DELIVER[:5])
        + pdu.frame(codes.DELIVER_SM, 2, DELIVER)
        + pdu.frame(codes.DATA_SM, 3, b"\0")
    )

    assert [sequence for sequence, _ in ear.deliveries] == [2]
    assert wire.take() == [
        (codes.DELIVER_SM_RESP, codes.INVALID_LENGTH, 1, b"\0"),
        (codes.DATA_SM_RESP, codes.INVALID_LENGTH, 3, b"\0"),
    ]


async def test_an_unknown_command_is_nacked_and_enquire_link_is_answered() -> None:
    ear, wire = attached()
    ear.session.data_received(
        pdu.frame(0x0ABC, 4, b"junk") + pdu.frame(codes.ENQUIRE_LINK, 5) + pdu.frame(codes.ALERT_NOTIFICATION, 6)
    )

    assert wire.take() == [
        (codes.GENERIC_NACK, codes.INVALID_COMMAND, 4, b""),
        (codes.ENQUIRE_LINK_RESP, 0, 5, b""),
    ]


async def test_submits_that_get_no_answer_in_time_come_back_once_and_free_the_window() -> None:
    ear, _ = attached(Limits(window=2, response_seconds=0.05))
    ear.session.submit_many([b"", b""], ["a", "b"])
    ear.session.data_received(answer(1))
    await ear.until(lambda: ear.unanswered)
    ear.session.data_received(answer(2))

    assert ear.unanswered == ["b"]
    assert ear.responses == [("a", 0, "id")]
    assert ear.session.room == 2


async def test_a_silent_peer_is_asked_and_then_given_up() -> None:
    ear, wire = attached(Limits(enquire_seconds=0.05, response_seconds=0.05))
    ear.session.submit_many([b""], ["a"])
    wire.take()
    await ear.until(lambda: ear.closed)

    assert [command for command, *_ in wire.take()] == [codes.ENQUIRE_LINK]
    assert isinstance(ear.closed[0], SessionLost)
    assert ear.unanswered == ["a"]


async def test_a_peer_that_unbinds_is_answered_and_what_is_open_comes_back() -> None:
    ear, wire = attached()
    ear.session.submit_many([b""], ["a"])
    wire.take()
    ear.session.data_received(pdu.frame(codes.UNBIND, 9))
    await ear.session.wait_closed()

    assert wire.take() == [(codes.UNBIND_RESP, 0, 9, b"")]
    assert ear.unanswered == ["a"]
    with pytest.raises(SessionLost):
        ear.session.submit_many([b""], ["b"])


async def test_unbinding_waits_for_its_answer_and_ends_without_an_error() -> None:
    ear, wire = attached()
    parting = asyncio.create_task(ear.session.unbind())
    await asyncio.sleep(0)
    ((command, _, sequence, _),) = wire.take()
    ear.session.data_received(pdu.frame(codes.UNBIND_RESP, sequence))
    await parting

    assert command == codes.UNBIND
    assert ear.closed == [None]


async def test_a_request_is_answered_by_its_number_and_lost_with_the_connection() -> None:
    ear, wire = attached()
    asked = asyncio.create_task(ear.session.request(codes.QUERY_SM, pdu.encode_query(pdu.Query("abc"))))
    lost = asyncio.create_task(ear.session.request(codes.QUERY_SM))
    await asyncio.sleep(0)
    first = wire.take()[0]
    ear.session.data_received(pdu.frame(codes.QUERY_SM_RESP, first[2], b"abc\0\0\2\0"))
    ear.session.abort()

    assert pdu.read_query_answer((await asked).body).state == 2
    with pytest.raises(SessionLost):
        await lost


async def test_sequence_numbers_wrap_together() -> None:
    ear, wire = attached()
    ear.session._sequence = pdu.SEQUENCE_MAX - 2  # noqa: SLF001  # two thousand million submits would take a while
    ear.session.submit_many([b""] * 3, "abc")

    assert [sequence for _, _, sequence, _ in wire.take()] == [1, 2, 3]


async def test_twenty_thousand_mutated_streams_never_crash_a_session_or_lose_a_token() -> None:
    dice = random.Random(3)  # noqa: S311  # the same dice in every run
    whole = b"".join(
        (
            answer(1),
            pdu.frame(codes.DELIVER_SM, 5, DELIVER),
            pdu.frame(codes.ENQUIRE_LINK, 6),
            answer(2),
            pdu.frame(codes.GENERIC_NACK, 3, status=3),
        )
    )
    for _ in range(20_000):
        octets = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            position = dice.randrange(len(octets))
            if dice.random() < 0.5:
                octets[position] = dice.choice((0, 1, 4, 0x80, 0xFF))
            else:
                del octets[position : position + dice.randint(1, 5)]
        ear, wire = attached()
        ear.session.submit_many([b""] * 3, [1, 2, 3])
        cut = dice.randrange(len(octets))
        ear.session.data_received(bytes(octets[:cut]))
        if ear.session.is_open:
            ear.session.data_received(bytes(octets[cut:]))
        wire.close()
        await ear.session.wait_closed()

        tokens = [token for token, _, _ in ear.responses] + ear.unanswered
        assert sorted(tokens) == [1, 2, 3]
