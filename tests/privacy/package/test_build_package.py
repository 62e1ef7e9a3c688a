"""A package holds all that an account has of one person, and nothing of anybody else's."""

import json
from pathlib import Path

from sendigopro.messages.model import Status
from tests.privacy.package.letters import ANNA, BERT, CLEO, correspond
from tests.privacy.package.unpacked import fetched, packed, subject_of, unpack
from tests.webhooks.desk import Desk
from tests.webhooks.receivers import Receiver, receiver


async def test_a_package_holds_everything_of_one_person_and_nothing_of_another(desk: Desk, exports: Path) -> None:
    """Recall 100 %, and not one foreign row, against what was sent and received."""
    house = desk.house
    async with receiver() as peer:
        await desk.tell(peer)
        await house.start_worker()
        truth = await correspond(house, ANNA, times=4, callback=peer.url("/cb"))
        foreign = [
            one for number in (BERT, CLEO) for one in await correspond(house, number, times=3, callback=peer.url("/cb"))
        ]
        for one in [*truth, *foreign]:
            await house.until(one.id, Status.DELIVERED, Status.RECEIVED)
        await desk.outbox_is_empty()
        subject_id, mode = await subject_of(house, truth[0].id)

        built = await packed(house, exports, subject_id, mode=mode)

    archive = await fetched(house, exports, built)
    package = unpack(archive)
    seen = {one.id: one for one in [await house.see(one.id) for one in truth]}
    assert {line["id"] for line in package.messages} == set(seen)
    for line in package.messages:
        known = seen[line["id"]]
        assert line["body"] == known.body
        assert (line["from"], line["to"], line["status"]) == (known.sender, known.to, str(known.status))
        assert (line["metadata"], line["tags"]) == (known.metadata, known.tags)
        assert line["history"][-1]["status"] == line["status"]
        assert known.direction == "inbound" or {step["carrier"] for step in line["history"]} == {"sandbox"}
    assert package.data["person"]["identifier"] == ANNA
    assert package.fingerprints_are_right()
    assert package.manifest["counts"]["messages"] == len(truth)
    everything = b"".join(package.files.values()).decode()
    for one in foreign:
        assert one.id not in everything
        assert str((await house.see(one.id)).body) not in everything
    assert BERT not in everything
    assert CLEO not in everything
    told = {(row["message_id"], row["event"]) for row in package.rows("webhooks")}
    assert told == {(about, type_) for about, type_ in heard(peer) if about in seen}
    assert {about for about, _ in told} == set(seen)


def heard(peer: Receiver) -> set[tuple[str, str]]:
    """Message and event of everything that was told."""
    told = [json.loads(request.body) for request in peer.requests]
    return {(one["data"]["id"], one["type"]) for one in told}
