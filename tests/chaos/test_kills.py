"""The short form of chaos: forty kills on one instance, and not one promise broken."""

import pytest

from tests.chaos.episode import run_episode
from tests.chaos.kills import points, titles
from tests.instance import passing_folder

KILLS = 46


@pytest.mark.chaos
@pytest.mark.slow
async def test_forty_kills_break_no_promise() -> None:
    with passing_folder() as folder:
        episode = await run_episode(folder, kills=KILLS, seed=2, options=("--webs", "2", "--workers", "2"))

    assert episode.violations == [], episode.left
    assert len(episode.kills) == KILLS
    assert sum(killed.was_reached for killed in episode.kills) >= 40, titles(episode.kills)
    assert len(episode.history.accepted()) > 500, episode.errors[:5]


def test_the_product_has_named_places_to_die() -> None:
    assert {"accept.before_commit", "accept.committed", "deliver.intent_committed", "settle.committed"} <= set(points())
