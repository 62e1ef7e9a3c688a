"""Parts of long messages: found by header or SAR, put together in any order, within bounds."""

from hypothesis import given
from hypothesis import strategies as st

from sendigopro.foundation import segments
from sendigopro.smpp import codes
from sendigopro.smpp.concatenation import Part, Reassembly, read_part
from sendigopro.smpp.pdu import ShortMessage


def with_header(octets: bytes) -> ShortMessage:
    return ShortMessage(source="1", destination="2", esm_class=0x40, short_message=octets)


def test_both_headers_and_sar_are_read() -> None:
    sar = ((codes.SAR_REFERENCE, b"\1\2"), (codes.SAR_TOTAL, b"\3"), (codes.SAR_NUMBER, b"\2"))

    assert read_part(with_header(b"\5\0\3\7\2\1text")) == Part(b"text", 7, 2, 1)
    assert read_part(with_header(b"\6\x08\4\1\2\3\2text")) == Part(b"text", 0x102, 3, 2)
    assert read_part(with_header(b"\x09\x24\2ab\0\3\7\2\1text")) == Part(b"text", 7, 2, 1)  # behind another element
    assert read_part(ShortMessage(short_message=b"text", tlvs=sar)) == Part(b"text", 0x102, 3, 2)


def test_a_header_that_lies_leaves_a_whole_message() -> None:
    assert read_part(with_header(b"\xffshort")) == Part(b"\xffshort")
    assert read_part(with_header(b"\5\0\3\7\2\3text")) == Part(b"text")  # part 3 of 2
    assert read_part(with_header(b"\5\0\3\7\0\0text")) == Part(b"text")
    assert read_part(with_header(b"\5\0\x63\7\2\1text")) == Part(b"text", 7, 2, 1)
    assert read_part(with_header(b"")) == Part(b"")


@given(st.binary(max_size=200), st.integers(0, 255))
def test_no_message_is_too_strange_to_look_for_a_part(octets: bytes, esm_class: int) -> None:
    part = read_part(ShortMessage(esm_class=esm_class, short_message=octets))

    assert 1 <= part.number <= part.total


@given(st.text(min_size=161, max_size=900), st.randoms())
def test_parts_come_together_in_any_order_and_twice(text: str, dice: object) -> None:
    cut = segments.split(text)
    messages = [with_header(octets) for octets in segments.with_headers(cut.parts, reference=9)]
    shuffled = messages[:-1] * 2
    getattr(dice, "shuffle")(shuffled)  # noqa: B009
    reassembly: Reassembly[int] = Reassembly()
    given = []
    for handle, message in enumerate([*shuffled, messages[-1]]):
        given += reassembly.add(message, read_part(message), handle, 0.0)

    assert [assembly.octets for assembly in given] == [b"".join(cut.parts)]
    assert sorted(given[0].handles) == list(range(len(shuffled) + 1))
    assert len(reassembly) == 0


def test_what_stays_incomplete_is_given_as_it_is_after_a_while() -> None:
    reassembly: Reassembly[str] = Reassembly()
    message = with_header(b"\5\0\3\7\3\2two")
    reassembly.add(message, read_part(message), "a", 10.0)

    assert reassembly.expire(10.0) == []
    assert [(one.octets, one.handles) for one in reassembly.expire(10.1)] == [(b"two", ["a"])]


def test_memory_is_bounded_and_the_oldest_gives_way() -> None:
    reassembly: Reassembly[int] = Reassembly(messages_max=10, octets_max=1_000)
    given = []
    for number in range(100):
        message = ShortMessage(source=str(number), esm_class=0x40, short_message=b"\5\0\3\7\3\1" + b"x" * 200)
        given += reassembly.add(message, read_part(message), number, 0.0)

    assert len(reassembly) == 5
    assert [one.handles for one in given] == [[number] for number in range(95)]
