"""`sendigopro doctor` looks after the privacy notice: in the database, true of all columns, with an address."""

from pathlib import Path

from sendigopro.commands import doctor
from sendigopro.commands.connected import Connected
from sendigopro.privacy import versions
from sendigopro.vault.key_store import open_key_store
from tests.databases import Databases
from tests.messages.house import House, house_of


async def states(house: House) -> dict[str, str]:
    runtime = house.runtime
    keys = open_key_store(runtime.settings)
    findings = await doctor.check_notice(Connected(runtime.settings, runtime.main, runtime.vault, house.vault, keys))
    keys.close()
    return {finding.what: finding.state for finding in findings}


async def test_a_notice_that_is_in_order_is_said_to_be(databases: Databases, tmp_path: Path) -> None:
    await versions.enter_missing(await databases.main("owner"))
    async with house_of(databases, tmp_path, privacy_contact="privacy@example.org") as house:
        assert await states(house) == {
            "last review of the privacy notice": doctor.GOOD,
            "privacy notice names all that is kept": doctor.GOOD,
            "privacy notice in the database": doctor.GOOD,
            "privacy contact: privacy@example.org": doctor.GOOD,
        }


async def test_what_is_missing_is_a_fault(databases: Databases, tmp_path: Path) -> None:
    owner = await databases.vault("owner")
    comment = (
        '{"category": "user.device", "role": "controller", "purposes": ["marketing"], "basis": "consent", '
        '"retention": "account_life", "source": "website", "recipients": ["nobody"]}'
    )
    await owner.execute("CREATE TABLE vault.visitors (device bytea)")
    await owner.execute(f"COMMENT ON COLUMN vault.visitors.device IS '{comment}'")
    async with house_of(databases, tmp_path) as house:
        found = await states(house)

    assert found["privacy notice names all that is kept"] == doctor.FAULT
    assert found["privacy notice in the database"] == doctor.FAULT
    assert found["privacy contact: nobody"] == doctor.WARNING
