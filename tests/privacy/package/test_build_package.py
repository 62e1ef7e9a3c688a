"""A package holds all that an account has of one person, and nothing of anybody else's."""

import json
import re
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from sendigopro.foundation import clock, ids, partitions
from sendigopro.messages.model import Status
from sendigopro.messages.redact import redact_body
from sendigopro.privacy.package import build as building
from sendigopro.privacy.package import gather, notices
from sendigopro.vault.sealing import seal
from tests.messages.house import House
from tests.privacy.package.letters import ANNA, BERT, CLEO, correspond
from tests.privacy.package.unpacked import fetched, packed, subject_of, unpack
from tests.webhooks.desk import Desk
from tests.webhooks.receivers import Receiver, receiver


async def test_a_package_holds_everything_of_one_person_and_nothing_of_another(
    desk: Desk, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recall 100 %, and not one foreign row, against what was sent and received; each list is read in many pages."""
    monkeypatch.setattr(gather, "PAGE_SIZE", 3)
    monkeypatch.setattr(notices, "BATCHES_IN_PAGE", 2)
    monkeypatch.setattr(notices, "DELIVERIES_IN_PAGE", 2)
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


async def test_a_long_list_continues_in_further_files_without_a_gap(
    house: House, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "PART_SIZE", 4)
    monkeypatch.setattr(gather, "PAGE_SIZE", 2)
    sent = [await house.send(to=ANNA, body=f"number {n}") for n in range(11)]
    subject_id, mode = await subject_of(house, sent[0].id)
    told: list[tuple[int, int]] = []

    built = await packed(house, exports, subject_id, mode=mode, on_progress=lambda *seen: told.append(seen))

    package = unpack(await fetched(house, exports, built))
    assert [one["id"] for one in package.messages] == [one.id for one in sent]
    assert [row["id"] for row in package.rows("messages")] == [one.id for one in sent]
    assert {"messages.jsonl", "messages-0002.jsonl", "messages-0003.csv", "statuses-0003.csv"} <= set(package.files)
    assert told[0] == (0, 11)
    assert told[-1] == (11, 11)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert all(status["status"] == "queued" for status in package.messages)


async def test_what_was_removed_or_is_over_is_not_in_the_package(house: House, exports: Path) -> None:
    """A text that was redacted, and one whose day is over though no job has been here yet."""
    await house.start_worker()
    first, second = [await house.send(to=ANNA, body=f"secret {n}", metadata={"n": str(n)}) for n in range(2)]
    for one in (first, second):
        await house.until(one.id, Status.DELIVERED)
    subject_id, mode = await subject_of(house, first.id)
    await redact_body(house.runtime.main, account_id=house.account_id, message_id=ids.parse("msg", first.id))
    await let_term_end(house, subject_id, ids.parse("msg", second.id))

    built = await packed(house, exports, subject_id, mode=mode)

    package = unpack(await fetched(house, exports, built))
    assert [(one["body"], one["metadata"]) for one in package.messages] == [(None, {"n": "0"}), (None, {})]
    assert b"secret" not in b"".join(package.files.values())
    assert b"The text is no longer kept." in package.files["index.html"]


async def let_term_end(house: House, subject_id: UUID, message_id: UUID) -> None:
    """Its text and details stand there as before, whole and readable; only their day is over."""
    yesterday, account_id, vault = clock.today() - timedelta(days=1), house.account_id, house.vault
    subject = (await vault.open_subjects(account_id, [subject_id]))[subject_id]
    day = await vault._load_bucket(account_id, yesterday)  # noqa: SLF001  # as it was made when that day was to come
    key = vault.message_key(subject.key, day.key)
    place = (account_id.bytes, b"message_bodies", b"body", message_id.bytes)
    async with house.owner() as owner, owner.transaction():  # else retention drops the day before it is used
        await partitions.ensure_days(owner, "main.message_bodies", [yesterday])
        await owner.execute("UPDATE main.messages SET body_expires_on = $2 WHERE id = $1", message_id, yesterday)
        await owner.execute(
            "UPDATE main.message_bodies SET expires_on = $2, body = $3, details = NULL WHERE message_id = $1",
            message_id,
            yesterday,
            seal(key, place, b"secret that is over"),
        )


async def test_the_page_asks_nobody_for_anything_and_shows_texts_as_texts(house: House, exports: Path) -> None:
    sent = await house.send(to=ANNA, body="<script>alert(1)</script><img src=http://example.org/x>")
    subject_id, mode = await subject_of(house, sent.id)

    built = await packed(house, exports, subject_id, mode=mode)

    page = unpack(await fetched(house, exports, built)).files["index.html"].decode()
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r"<(script|img|link|iframe|form)\b|url\(|@import", page)
    assert "default-src 'none'" in page
    assert "No decision about you was made by a machine alone" in page
