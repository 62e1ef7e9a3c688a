"""What webhooks tell about an erased person: that they were erased, and nothing else any more."""

from pathlib import Path

import msgspec

from sendigopro.messages.model import Status
from sendigopro.privacy.desk import desk_of as privacy_desk_of
from sendigopro.privacy.erase import erase
from sendigopro.privacy.journal import Journal
from sendigopro.privacy.model import Asked
from tests.databases import Databases
from tests.privacy.conftest import ANNA, phone_of
from tests.webhooks.desk import desk_of
from tests.webhooks.receivers import OK, receiver, status


async def test_a_repeated_webhook_no_longer_names_the_erased_and_the_account_is_told(
    databases: Databases, tmp_path: Path
) -> None:
    """The first attempt failed before the erasure; the second comes after it."""
    async with desk_of(databases, tmp_path) as desk, receiver(status(500)) as peer:
        house = desk.house
        await desk.tell(peer)
        await house.start_worker()
        await house.until((await house.send(to=ANNA)).id, Status.DELIVERED)
        await desk.until("SELECT 1 FROM main.webhook_retries HAVING count(*) = 2")
        before = len(peer.requests)
        journal = Journal(house.runtime.settings.journal_folder)
        office = privacy_desk_of(house.runtime, house.vault, journal)
        caller = house.test

        await erase(
            office,
            Asked(
                account_id=caller.account_id, mode=0, key_id=caller.key_id, type="erase", person=phone_of(ANNA)
            ),
        )  # fmt: skip
        await desk.until("SELECT 1 FROM main.privacy_requests WHERE status = 'completed'")
        peer.answer = lambda *_: OK
        await desk.hurry()
        await desk.gone("SELECT 1 FROM main.webhook_retries")
        await desk.outbox_is_empty()

        told = [msgspec.json.decode(request.body) for request in peer.requests]
        late = [one for one in told[before:] if one["type"].startswith("message.")]
        erased = [one for one in told if one["type"] == "subject.erased"]
        assert {one["data"]["to"] for one in told[:before]} == {ANNA}
        assert len(late) == 2
        assert {one["data"]["to"] for one in late} == {None}
        assert erased
        assert erased[-1]["data"]["object"] == "privacy_request"
        assert not [request for request in peer.requests[before:] if ANNA.encode() in request.body]
