"""What may become of a message, whatever the order in which it is told."""

from hypothesis import given
from hypothesis import strategies as st

from sendigopro.messages.model import FINAL_RANKS, STATUS_OF, Rank, Status, may_become, worst

RECEIPTS = st.lists(st.sampled_from([*STATUS_OF]), max_size=8)


def told(ranks: list[Rank]) -> list[Rank]:
    """The outcomes that are written, and the status after each."""
    current: Rank | None = None
    after = []
    for rank in ranks:
        if may_become(current, rank):
            current = rank
        if current is not None:
            after.append(current)
    return after


@given(RECEIPTS)
def test_a_status_only_ever_rises(ranks: list[Rank]) -> None:
    after = told(ranks)

    assert after == sorted(after)


@given(RECEIPTS, RECEIPTS)
def test_nothing_follows_the_end(before: list[Rank], later: list[Rank]) -> None:
    ended = told(before)
    if ended and ended[-1] in FINAL_RANKS:
        assert told([*before, *later])[-1] == ended[-1]


@given(st.lists(st.sampled_from([Rank.SENT, Rank.UNKNOWN, Rank.NO_RECEIPT, Rank.DELIVERED]), min_size=1))
def test_whatever_the_order_a_delivery_is_never_undone(ranks: list[Rank]) -> None:
    if Rank.DELIVERED in ranks:
        assert told(ranks)[-1] is Rank.DELIVERED


def test_only_unknown_and_a_missing_receipt_may_still_be_raised_once_sent() -> None:
    raisable = [rank for rank in STATUS_OF if may_become(rank, Rank.DELIVERED)]

    assert raisable == [Rank.SENT, Rank.UNKNOWN, Rank.NO_RECEIPT]


def test_every_outcome_has_a_status_and_sent_outranks_nothing() -> None:
    assert {STATUS_OF[rank] for rank in STATUS_OF} >= {Status.SENT, Status.DELIVERED, Status.UNKNOWN}
    assert min(STATUS_OF) is Rank.SENT


def test_a_long_message_is_its_worst_part() -> None:
    assert worst([Rank.DELIVERED, Rank.UNDELIVERED, Rank.DELIVERED]) is Rank.UNDELIVERED
