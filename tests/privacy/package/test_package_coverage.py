"""Every column that leads to a person is in the package or has a reason why not: asked of the live catalogue."""

import json
from pathlib import Path

from sendigopro.messages.model import Status
from sendigopro.privacy.package import store
from sendigopro.privacy.package.coverage import HELD, LEFT_OUT, is_of_people
from sendigopro.privacy.package.handling import handling_of
from tests.databases import Databases
from tests.messages.house import House
from tests.privacy.package.letters import ANNA, correspond
from tests.privacy.package.unpacked import fetched, packed, subject_of, unpack


async def test_each_column_about_people_is_in_the_package_or_has_a_reason_why_not(databases: Databases) -> None:
    annotations = {
        **await store.read_annotations(await databases.main()),
        **await store.read_annotations(await databases.vault()),
    }
    of_people = {name for name, one in annotations.items() if is_of_people(one.category, one.role)}

    unspoken = of_people - HELD.keys() - LEFT_OUT.keys()
    stale = (HELD.keys() | LEFT_OUT.keys()) - of_people

    assert len(of_people) > 80  # the catalogue was read
    assert not unspoken, f"say in privacy/package/coverage.py where these are, or why not: {sorted(unspoken)}"
    assert not stale, f"take these out of privacy/package/coverage.py: {sorted(stale)}"
    assert not HELD.keys() & LEFT_OUT.keys()
    told = {column for one in handling_of(annotations) for column in one.columns}
    assert told == set(HELD)


async def test_the_package_says_of_each_column_what_the_database_says(house: House, exports: Path) -> None:
    """Purposes, bases and terms are read when the package is made: a comment that changes is a text that changes."""
    await house.start_worker()
    (first, *_) = await correspond(house, ANNA, times=1)
    await house.until(first.id, Status.DELIVERED)
    subject_id, mode = await subject_of(house, first.id)
    before = unpack(await fetched(house, exports, await packed(house, exports, subject_id, mode=mode)))
    async with house.owner() as owner:
        comment = await owner.fetchval(
            "SELECT col_description('main.message_bodies'::regclass, attnum) FROM pg_attribute"
            " WHERE attrelid = 'main.message_bodies'::regclass AND attname = 'body'"
        )
        changed = json.dumps({**json.loads(comment), "purposes": ["deliver", "fraud"], "basis": "consent"})
        await owner.execute(f"COMMENT ON COLUMN main.message_bodies.body IS '{changed}'")

    after = unpack(await fetched(house, exports, await packed(house, exports, subject_id, mode=mode)))

    (was,) = [one for one in before.data["handling"] if "main.message_bodies.body" in one["columns"]]
    (now,) = [one for one in after.data["handling"] if "main.message_bodies.body" in one["columns"]]
    assert "prevent and find abuse" not in was["purposes"]
    assert "prevent and find abuse" in now["purposes"]
    assert now["basis"] == "GDPR 6(1)(a)"
    assert b"prevent and find abuse" in after.files["index.html"]
