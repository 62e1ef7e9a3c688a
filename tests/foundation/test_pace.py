"""Groups are kept apart, and nobody waits for company that has no reason to come."""

import asyncio

from sendigopro.foundation.pace import Pace


async def test_the_first_after_a_rest_waits_for_nobody_and_the_next_one_waits() -> None:
    pace = Pace(3600)
    await pace.turn()
    second = asyncio.create_task(pace.turn())
    await asyncio.sleep(0)
    assert not second.done()
    second.cancel()


async def test_what_is_ready_at_the_same_moment_can_still_join() -> None:
    joined: list[str] = []
    asyncio.get_running_loop().call_soon(joined.append, "somebody")
    await Pace(3600).turn()
    assert joined == ["somebody"]
