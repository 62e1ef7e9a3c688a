"""Many people forgotten at the same time, by several processes: none is lost, and the count of an hour is exact."""

import asyncio
from dataclasses import replace

from sendigopro.foundation import ids
from sendigopro.privacy.erase import erase
from sendigopro.privacy.journal import Journal
from sendigopro.privacy.model import HOURLY_MAX, Asked
from tests.privacy.conftest import Office, erasures_of, phone_of


def asked_for(office: Office, number: str) -> Asked:
    caller = office.house.test
    return Asked(
        account_id=caller.account_id, mode=caller.mode, key_id=caller.key_id, type="erase", person=phone_of(number)
    )


async def test_of_many_at_once_exactly_a_hundred_begin_and_each_has_its_line_in_the_journal(office: Office) -> None:
    """Three processes with a journal of their own each, and five workers that finish what they began."""
    numbers = [f"+491511234{n:04d}" for n in range(HOURLY_MAX + 5)]
    await office.house.send_many([{"to": number} for number in numbers])
    folder = office.house.runtime.settings.journal_folder
    desks = [replace(office.desk, journal=Journal(folder)) for _ in range(3)]

    made = await asyncio.gather(*(erase(desks[n % 3], asked_for(office, number)) for n, number in enumerate(numbers)))
    workers = [erasures_of(office.house, desk) for desk in desks]
    while any(await asyncio.gather(*(worker.step() for worker in workers))):
        pass

    statuses = [request.status for request, _ in made]
    assert (statuses.count("erasing"), statuses.count("awaiting_approval")) == (HOURLY_MAX, 5)
    entries = [entry.intent for entry in Journal(folder).entries_after(0)]
    begun = {request.id for request, _ in made if request.status == "erasing"}
    assert {one.request_id for one in entries if one.kind == "erase"} == begun
    assert sorted(ids.typed("prq", one.request_id) for one in entries if one.kind == "erased" and one.request_id) == (
        sorted(ids.typed("prq", one) for one in begun)
    )
    assert len(await office.rows("SELECT 1 FROM main.messages WHERE subject_id IS NOT NULL")) == 5
    assert await office.rows("SELECT 1 FROM main.journal_intents") == []
