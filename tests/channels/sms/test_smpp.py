"""The SMPP provider against a centre that does what each test needs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from sendigopro.channels.contract import Accepted, ReceiptStatus, Rejected, TryLater, Unclear
from sendigopro.channels.sms import smpp
from sendigopro.channels.sms.smpp import Credentials
from sendigopro.foundation import alphabets
from sendigopro.foundation.personal import Phone
from sendigopro.foundation.problems import Invalid
from sendigopro.smpp import codes
from sendigopro.smpp.pdu import ShortMessage
from tests.channels.centre import Centre, Ear, linked, message

pytestmark = pytest.mark.asyncio
VALID: dict[str, Any] = {"host": "h", "port": 2775, "system_id": "s", "password": "p"}
LONG = "All work and no play makes Jack a dull boy. " * 10
RECEIPT = ShortMessage(
    source="447700900123",
    destination="Acme",
    source_ton=1,
    esm_class=4,
    short_message=b"id:0042 sub:001 dlvrd:001 submit date:2611231830 stat:DELIVRD err:000 text:hello",
)


@pytest_asyncio.fixture
async def centre() -> AsyncIterator[Centre]:
    centre = Centre()
    await centre.listen()
    yield centre
    await centre.stop()


async def test_a_message_is_accepted_under_the_id_of_the_centre(centre: Centre) -> None:
    ear = Ear()
    link = await linked(centre.port, ear)
    link.send_many([message("a", "hello €")])
    await ear.until(lambda: ear.outcomes)
    await link.close(drain_seconds=1)

    assert ear.outcomes == {"a": Accepted(("1",))}
    sent = centre.submitted[0]
    assert (sent.source, sent.source_ton, sent.destination, sent.destination_ton) == ("Acme", 5, "447700900123", 1)
    assert (sent.short_message, sent.data_coding, sent.registered) == (b"hello \x1be", 0, 1)
    assert sent.tlv(codes.USER_MESSAGE_REFERENCE) == b"\x01\xf2"


@pytest.mark.parametrize("concatenation", ["udh", "sar", "payload"])
@pytest.mark.parametrize("body", [LONG, "Ж😀" * 60])
async def test_a_long_message_can_be_put_together_again(centre: Centre, concatenation: str, body: str) -> None:
    ear = Ear()
    link = await linked(centre.port, ear, concatenation=concatenation)
    link.send_many([message("a", body)])
    await ear.until(lambda: ear.outcomes)
    for sent in reversed(centre.submitted):
        centre.deliver(sent)
    await ear.until(lambda: ear.inbound)
    await link.close(drain_seconds=1)

    assert len(centre.submitted) == (1 if concatenation == "payload" else 3)
    outcome = ear.outcomes["a"]
    assert isinstance(outcome, Accepted)
    assert len(outcome.carrier_ids) == len(centre.submitted)
    assert [inbound.body.reveal() for inbound in ear.inbound] == [body]
    assert len(ear.inbound[0].handles) == len(centre.submitted)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (codes.QUEUE_FULL, TryLater("queue_full", carrier_code="00000014")),
        (codes.THROTTLED, TryLater("throttled", carrier_code="00000058")),
        (codes.SYSTEM_ERROR, TryLater("carrier_error", 5.0, "00000008")),
        (0x0B, Rejected("invalid_number", "0000000B")),
        (0x0A, Rejected("invalid_sender", "0000000A")),
        (0x45, Rejected("refused", "00000045")),
        (0x411, Rejected("refused", "00000411")),  # a carrier's own
        (0xFF, Unclear("carrier_unsure")),
    ],
)
async def test_each_status_has_its_outcome(centre: Centre, status: int, outcome: TryLater | Rejected | Unclear) -> None:
    ear = Ear()
    centre.answer = lambda _: (status, "")
    link = await linked(centre.port, ear)
    link.send_many([message("a")])
    await ear.until(lambda: ear.outcomes)
    await link.close(drain_seconds=1)

    told = ear.outcomes["a"]
    assert isinstance(told, TryLater | Rejected | Unclear)
    assert (type(told), told.reason) == (type(outcome), outcome.reason)
    assert getattr(told, "carrier_code", "") == getattr(outcome, "carrier_code", "")


async def test_a_full_centre_is_left_alone_for_a_while(centre: Centre) -> None:
    ear = Ear()
    centre.answer = lambda _: (codes.THROTTLED, "")
    link = await linked(centre.port, ear)
    link.send_many([message("a")])
    await ear.until(lambda: "a" in ear.outcomes)
    centre.answer = lambda _: (codes.OK, "7")
    link.send_many([message("b")])
    assert len(centre.submitted) == 1
    await ear.until(lambda: "b" in ear.outcomes)
    await link.close(drain_seconds=1)

    told = ear.outcomes["a"]
    assert isinstance(told, TryLater)
    assert told.after_seconds is not None
    assert ear.outcomes["b"] == Accepted(("7",))


async def test_a_throttled_part_is_tried_again_by_the_link_so_no_part_goes_twice(centre: Centre) -> None:
    ear = Ear()
    answers = iter([(codes.OK, "A"), (codes.THROTTLED, ""), (codes.OK, "C"), (codes.OK, "B")])
    centre.answer = lambda _: next(answers)
    link = await linked(centre.port, ear)
    link.send_many([message("a", LONG)])
    await ear.until(lambda: ear.outcomes)
    await link.close(drain_seconds=1)

    assert ear.outcomes == {"a": Accepted(("A", "B", "C"))}
    numbers = [sent.short_message[5] for sent in centre.submitted]
    assert numbers == [1, 2, 3, 2]


async def test_a_message_of_which_a_part_is_refused_is_in_doubt(centre: Centre) -> None:
    ear = Ear()
    answers = iter([(codes.OK, "A"), (0x0B, ""), (codes.OK, "C")])
    centre.answer = lambda _: next(answers)
    link = await linked(centre.port, ear)
    link.send_many([message("a", LONG)])
    await ear.until(lambda: ear.outcomes)
    await link.close(drain_seconds=1)

    assert ear.outcomes == {"a": Unclear("incomplete", ("A", "C"))}


async def test_when_the_line_is_cut_what_was_written_is_in_doubt_and_what_was_not_is_free(centre: Centre) -> None:
    ear = Ear()
    centre.answer = lambda _: None
    link = await linked(centre.port, ear, window=2)
    link.send_many([message(number) for number in range(4)])
    await centre.until(lambda: len(centre.submitted) == 2)
    centre.drop()
    await ear.until(lambda: len(ear.outcomes) == 4)
    await link.close(drain_seconds=1)

    assert [ear.outcomes[number] for number in range(4)] == [Unclear("no_answer")] * 2 + [TryLater("unreachable")] * 2


async def test_a_submit_without_an_answer_in_time_is_in_doubt(centre: Centre) -> None:
    ear = Ear()
    centre.answer = lambda _: None
    link = await linked(centre.port, ear, response_seconds=0.1)
    link.send_many([message("a")])
    await ear.until(lambda: ear.outcomes)
    await link.close(drain_seconds=1)

    assert ear.outcomes == {"a": Unclear("no_answer")}


async def test_a_link_that_lost_its_line_finds_it_again(centre: Centre) -> None:
    ear = Ear()
    link = await linked(centre.port, ear)
    centre.drop()
    await ear.until(lambda: ear.rooms == 1 and link.is_ready)
    rooms = ear.rooms
    await centre.until(lambda: len(centre.binds) == 2)
    await ear.until(lambda: ear.rooms > rooms)
    link.send_many([message("a")])
    await ear.until(lambda: ear.outcomes)
    await link.close(drain_seconds=1)

    assert ear.outcomes == {"a": Accepted(("1",))}


async def test_a_name_that_cannot_be_found_is_shown_and_tried_again() -> None:
    ear = Ear()
    link = await smpp.provider.open(Credentials(**(VALID | {"host": "x" * 80 + ".invalid"})), ear.events, name="test")
    link.set_binds(1)
    async with asyncio.timeout(10):
        while "cannot be reached" not in str(link.state()):  # nothing announces the state
            await asyncio.sleep(0.01)
    await link.close(drain_seconds=0)

    assert not link.is_ready


@pytest.mark.parametrize(
    "garbage",
    [
        bytes(16),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes.fromhex("00000008000000150000000000000001"),
        bytes.fromhex("ffffffff000000050000000000000001"),
    ],
)
async def test_a_centre_that_talks_nonsense_is_left_and_bound_anew(centre: Centre, garbage: bytes) -> None:
    ear = Ear()
    centre.answer = lambda _: None
    link = await linked(centre.port, ear)
    link.send_many([message("a")])
    await centre.until(lambda: centre.submitted)
    centre.answer = lambda _: (codes.OK, "1")
    centre.writers.pop()[1].write(garbage)
    await ear.until(lambda: "a" in ear.outcomes)
    await ear.until(lambda: link.is_ready)
    link.send_many([message("b")])
    await ear.until(lambda: "b" in ear.outcomes)
    await link.close(drain_seconds=1)

    assert ear.outcomes == {"a": Unclear("no_answer"), "b": Accepted(("1",))}


async def test_a_worker_that_loses_its_binds_gives_back_what_is_not_written(centre: Centre) -> None:
    ear = Ear()
    centre.answer = lambda _: None
    link = await linked(centre.port, ear, window=1)
    link.send_many([message("a"), message("b")])
    await centre.until(lambda: centre.submitted)
    link.set_binds(0)
    await ear.until(lambda: "b" in ear.outcomes)
    await link.close(drain_seconds=0.1)

    assert ear.outcomes == {"a": Unclear("no_answer"), "b": TryLater("unreachable")}


async def test_without_a_bind_there_is_no_room_and_messages_come_back(centre: Centre) -> None:
    ear = Ear()
    centre.bind_status = 0x0E
    credentials = Credentials(host="127.0.0.1", port=centre.port, system_id="acme", password="wrong")  # noqa: S106
    link = await smpp.provider.open(credentials, ear.events, name="test")
    link.set_binds(1)
    await centre.until(lambda: centre.binds)
    assert (link.is_ready, link.room) == (False, 0)
    link.send_many([message("a")])
    await ear.until(lambda: ear.outcomes)
    state = link.state()
    await link.close(drain_seconds=1)

    assert ear.outcomes == {"a": TryLater("unreachable")}
    assert "wrong" not in repr(state) + repr(credentials)


async def test_the_most_urgent_is_written_first(centre: Centre) -> None:
    ear = Ear()
    centre.answer = lambda _: None
    link = await linked(centre.port, ear, window=1)
    link.send_many([message("marketing", "m", priority=4), message("plain"), message("otp", "o", priority=1)])
    await centre.until(lambda: centre.submitted)
    centre.answer = lambda _: (codes.OK, "1")
    writer = centre.writers[0][1]
    writer.write(bytes.fromhex("00000011800000040000000000000002") + b"\0")
    await ear.until(lambda: len(ear.outcomes) == 3)
    await link.close(drain_seconds=1)

    assert [sent.short_message for sent in centre.submitted] == [b"o", b"hello", b"m"]


async def test_the_rate_of_a_bind_is_kept(centre: Centre) -> None:
    ear = Ear()
    link = await linked(centre.port, ear, rate_per_second=100)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    link.send_many([message(number) for number in range(40)])
    await ear.until(lambda: len(ear.outcomes) == 40)
    took = loop.time() - begun
    await link.close(drain_seconds=1)

    assert 0.28 <= took < 2


async def test_a_receipt_is_told_and_answered_only_when_acknowledged(centre: Centre) -> None:
    ear = Ear()
    link = await linked(centre.port, ear, message_id_type="decimal")
    sequence = centre.deliver(RECEIPT)
    await ear.until(lambda: ear.receipts)
    assert centre.acknowledged == []
    link.acknowledge([ear.receipts[0].handle])
    await centre.until(lambda: centre.acknowledged)
    await link.close(drain_seconds=1)

    receipt = ear.receipts[0]
    assert centre.acknowledged == [sequence]
    assert (receipt.carrier_id, receipt.status, receipt.carrier_code) == ("42", ReceiptStatus.DELIVERED, "000")
    assert (receipt.recipient, receipt.sender) == (Phone("+447700900123"), "Acme")
    assert "hello" not in repr(receipt)


async def test_a_receipt_that_names_no_message_is_answered_and_counted_and_never_taken_for_a_message(
    centre: Centre,
) -> None:
    ear = Ear()
    link = await linked(centre.port, ear)
    centre.deliver(ShortMessage(source="1", destination="2", esm_class=4, short_message=b"stat:DELIVRD text:secret"))
    await centre.until(lambda: centre.acknowledged)
    await link.close(drain_seconds=1)

    assert (ear.receipts, ear.inbound) == ([], [])


async def test_parts_are_answered_while_others_are_missing_so_that_a_narrow_window_does_not_stall(
    centre: Centre,
) -> None:
    ear = Ear()
    link = await linked(centre.port, ear)
    first = b"\5\0\3\7\2\1one"
    centre.deliver(ShortMessage(source="1", destination="2", esm_class=0x40, short_message=first))
    await centre.until(lambda: centre.acknowledged == [1])
    centre.deliver(ShortMessage(source="1", destination="2", esm_class=0x40, short_message=b"\5\0\3\7\2\2two"))
    await ear.until(lambda: ear.inbound)
    link.acknowledge(ear.inbound[0].handles)
    await centre.until(lambda: centre.acknowledged == [1, 2])
    await link.close(drain_seconds=1)

    assert [inbound.body.reveal() for inbound in ear.inbound] == ["onetwo"]


async def test_an_incomplete_message_whose_parts_were_answered_is_given_at_the_end(centre: Centre) -> None:
    ear = Ear()
    link = await linked(centre.port, ear)
    centre.deliver(ShortMessage(source="1", destination="2", esm_class=0x40, short_message=b"\5\0\3\7\2\2two"))
    await centre.until(lambda: centre.acknowledged)
    await link.close(drain_seconds=1)

    assert [inbound.body.reveal() for inbound in ear.inbound] == ["two"]


async def test_closing_waits_for_answers_and_unbinds(centre: Centre) -> None:
    ear = Ear()
    centre.answer = lambda _: None
    link = await linked(centre.port, ear)
    link.send_many([message("a")])
    await centre.until(lambda: centre.submitted)
    closing = asyncio.create_task(link.close(drain_seconds=10))
    centre.writers[0][1].write(bytes.fromhex("00000012800000040000000000000002") + b"9\0")
    await closing

    assert ear.outcomes == {"a": Accepted(("9",))}


async def test_closing_does_not_wait_for_ever(centre: Centre) -> None:
    ear = Ear()
    centre.answer = lambda _: None
    link = await linked(centre.port, ear)
    link.send_many([message("a")])
    await centre.until(lambda: centre.submitted)
    await link.close(drain_seconds=0.1)

    assert ear.outcomes == {"a": Unclear("no_answer")}


async def test_binds_come_and_go_as_told_and_share_the_work(centre: Centre) -> None:
    ear = Ear()
    link = await linked(centre.port, ear, binds=3, window=1)
    centre.answer = lambda _: None
    assert link.room == 6
    link.send_many([message(number) for number in range(3)])
    await centre.until(lambda: len(centre.submitted) == 3)
    link.set_binds(1)
    assert link.state()["binds"] == 1
    centre.drop()
    await ear.until(lambda: len(ear.outcomes) == 3)
    await link.close(drain_seconds=1)

    assert set(ear.outcomes.values()) == {Unclear("no_answer")}


async def test_a_pair_sends_on_one_bind_and_receives_on_the_other(centre: Centre) -> None:
    ear = Ear()
    link = await linked(centre.port, ear, bind_mode="pair")
    link.send_many([message("a")])
    centre.deliver(RECEIPT)
    await ear.until(lambda: ear.outcomes and ear.receipts)
    await link.close(drain_seconds=1)

    assert sorted(command for command, _ in centre.binds) == [codes.BIND_RECEIVER, codes.BIND_TRANSMITTER]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"recipient": Phone("+44 7700")}, "invalid_number"),
        ({"recipient": Phone("+" + "1" * 21)}, "invalid_number"),
        ({"sender": "x" * 21}, "invalid_sender"),
        ({"sender": "Жук"}, "invalid_sender"),
        ({"sender": "a\0b"}, "invalid_sender"),
        ({"body": "a" * 153 * 256}, "too_long"),
        ({"body": "\ud83d"}, "unencodable"),
    ],
)
async def test_what_cannot_be_said_in_smpp_is_rejected_before_the_wire(
    centre: Centre, more: dict[str, Any], reason: str
) -> None:
    ear = Ear()
    link = await linked(centre.port, ear)
    link.send_many([message("a", **more)])
    await ear.until(lambda: ear.outcomes)
    await link.close(drain_seconds=1)

    assert ear.outcomes == {"a": Rejected(reason)}
    assert centre.submitted == []


async def test_a_centre_of_another_alphabet_gets_its_own_octets(centre: Centre) -> None:
    ear = Ear()
    link = await linked(centre.port, ear, default_alphabet="latin-1")
    link.send_many([message("a", "café @"), message("b", "10 €")])
    await ear.until(lambda: len(ear.outcomes) == 2)
    await link.close(drain_seconds=1)

    assert [(sent.data_coding, sent.short_message) for sent in centre.submitted] == [
        (0, "café @".encode("latin-1")),
        (8, alphabets.encode_ucs2("10 €")),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"bind_mode": "both"},
        {"message_id_type": "octal"},
        {"concatenation": "glue"},
        {"window": 0},
        {"binds": 0},
        {"system_id": "x" * 16},
        {"response_seconds": 0.0},
        {"port": 70_000},
        {"tls": True, "tls_ca": "no certificate"},
    ],
)
async def test_credentials_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        Credentials(**(VALID | wrong))
