"""Where the console begins: a first message with one's own key, and the day in numbers that add up."""

import re
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sendigopro.console.charts import HEIGHT, WIDTH, Column, bars, round_up, short
from sendigopro.console.home_store import Count
from sendigopro.console.home_view import day_of, latency_of
from sendigopro.console.samples import samples_of
from sendigopro.foundation import ids
from sendigopro.messages.model import Rank
from tests.console.test_sign_in_pages import rows, text
from tests.console.test_team import Crew
from tests.console.test_team import crew as crew  # noqa: PLC0414  # the fixture, by its own name

NOON = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)
START = "/console/start"


async def test_a_first_message_goes_with_the_key_of_the_sample_and_is_seen_on_the_home_page(crew: Crew) -> None:
    rosa = await crew.add("rosa", "owner")
    await crew.site.house.start_worker()
    assert "Send your first message" in text(await rosa.get("/console"))
    assert "sk_test_…" in text(await rosa.get(START))
    made = text(await rosa.post(START))
    (key,) = set(re.findall(r"sk_test_[A-Za-z0-9]{20,}", made))
    since = re.search(r"since=([0-9a-f]+)", made)
    assert since is not None
    sent = await crew.site.ask("POST", "/v1/messages", {"to": "+15005550006", "body": "Hello"}, key=key)
    assert sent.status == 202
    arrived = await rosa.get(f"{START}/stream?since={since[1]}", Accept="text/event-stream")
    assert b"event: arrived" in arrived.body
    page = text(await rosa.get("/console"))
    assert 'Send a first message<span class="quiet">: done' in page
    assert "SMS by hour" in page
    assert key not in text(await rosa.get(START))
    assert [one[0] for one in await rows(crew.site, "SELECT action FROM main.audit_log ORDER BY n DESC LIMIT 1")] == [
        "key.created"
    ]


async def test_a_first_key_opens_no_more_than_its_maker_may(crew: Crew) -> None:
    await (await crew.add("dev", "developer")).post(START)
    ((scopes,),) = await rows(crew.site, "SELECT scopes FROM main.api_keys ORDER BY created_at DESC LIMIT 1")
    assert "messages.write" in scopes  # type: ignore[operator]
    assert not {"subjects.read", "bodies.read"} & set(scopes)  # type: ignore[call-overload]
    refused = await (await crew.add("vera", "viewer")).post(START)
    assert refused.status == 403


async def test_money_is_shown_to_who_may_see_it(crew: Crew) -> None:
    rosa, otto = await crew.add("rosa", "owner"), await crew.add("otto", "viewer")
    await crew.site.ask("POST", "/v1/messages", {"to": "+15005550006", "body": "Hello"})
    assert "<dt>Spent</dt>" in text(await rosa.get("/console"))
    assert "<dt>Spent</dt>" not in text(await otto.get("/console"))


def test_the_numbers_of_a_day_add_up() -> None:
    hour = NOON.replace(minute=0)
    counts = [
        Count(hour, "DE", 0, 10, 700),
        Count(hour, "DE", Rank.SENT, 9, 630),
        Count(hour, "DE", Rank.DELIVERED, 6, 0),
        Count(hour, "DE", Rank.FAILED, 2, 0),
        Count(hour - timedelta(hours=3), "GB", 0, 4, 400),
        Count(hour - timedelta(hours=3), "GB", Rank.RECEIVED, 1, 0),
    ]
    day = day_of(counts, now=NOON)
    assert (day.accepted, day.delivered, day.failed, day.received, day.spent_micros) == (14, 6, 2, 1, 630)
    assert day.share_delivered == 75
    assert day.countries == [("DE", 10), ("GB", 4)]
    assert day_of([], now=NOON).share_delivered is None


def test_half_and_nearly_all_are_told_of_what_was_delivered() -> None:
    sent = ids.first_at(NOON)
    latency = latency_of([(sent, NOON + timedelta(seconds=n)) for n in range(101)])
    assert latency is not None
    assert (latency.p50, latency.p95, latency.of) == (50, 95, 101)
    alone = latency_of([(sent, NOON + timedelta(seconds=2))])
    assert alone is not None
    assert (alone.p50, alone.p95) == (2, 2)
    assert latency_of([]) is None


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=1, max_size=3), max_size=30))
def test_no_column_leaves_its_chart(amounts: list[list[int]]) -> None:
    chart = bars([Column("x", [("good", one) for one in column]) for column in amounts], told="")
    for box in chart.boxes:
        assert 0 <= box.x <= box.x + box.width <= WIDTH + 1
        assert -1 <= box.y <= box.y + box.height <= HEIGHT + 1


@given(st.integers(0, 10**9))
def test_an_axis_ends_above_the_highest_and_in_whole_ticks(most: int) -> None:
    top = round_up(most)
    assert top >= most
    assert top % 3 == 0
    assert len(short(top)) <= 7


def test_a_sample_is_text_in_every_language_whatever_it_holds() -> None:
    curl, python, typescript = samples_of("POST", "https://x.example/v1", "sk", {"body": 'it\'s "x" $(id) `id` \\ ü'})
    assert "'it'\\''s" not in curl.code
    assert "it'\\''s" in curl.code
    compile(python.code, "sample", "exec")
    assert 'JSON.stringify({"body": "it\'s \\"x\\" $(id) `id` \\\\ ü"})' in typescript.code
