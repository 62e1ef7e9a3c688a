"""Who asks what is held of a person gets all of it as a file, while it is there and by whom it belongs to."""

import io
import zipfile
from collections.abc import Callable

import pytest

from sendigopro.privacy.hand_out import LEASE_SECONDS, Packages
from sendigopro.privacy.package.model import Sources
from tests.privacy.conftest import ANNA, BEN, NOBODY, Office, decoded


@pytest.fixture
def packages(office: Office) -> Callable[[], Packages]:
    """As many workers as a test wants."""
    house = office.house
    sources = Sources(house.runtime.main, house.runtime.vault, house.vault, house.directory)
    return lambda: Packages(office.desk, sources)


@pytest.mark.parametrize("type_", ["access", "export"])
async def test_a_package_is_asked_for_built_and_fetched(
    office: Office, packages: Callable[[], Packages], type_: str
) -> None:
    for number, body in ((ANNA, "For Anna"), (ANNA, "Again for Anna"), (BEN, "For Ben")):
        await office.house.send(to=number, body=body)
    made = await office.asked(type_)
    assert made["status"] == "processing"
    assert (await office.get(made["id"], "/package")).status == 409

    assert await packages().step()
    assert not await packages().step()

    done = decoded(await office.get(made["id"]))
    fetched = await office.get(made["id"], "/package")
    texts = zipfile.ZipFile(io.BytesIO(fetched.body)).read("messages.jsonl").decode()
    assert (done["status"], done["outcome"], done["progress"]) == ("completed", None, {"done": 2, "total": 2})
    assert fetched.headers["content-type"] == "application/zip"
    assert "For Anna" in texts
    assert "Again for Anna" in texts
    assert "For Ben" not in texts


async def test_of_whom_nothing_is_kept_there_is_no_package(office: Office, packages: Callable[[], Packages]) -> None:
    made = await office.asked("access", NOBODY)
    await packages().step()

    assert decoded(await office.get(made["id"]))["outcome"] == "nothing_kept"
    assert (await office.get(made["id"], "/package")).status == 409


async def test_an_erasure_takes_the_package_with_it(office: Office, packages: Callable[[], Packages]) -> None:
    await office.house.send(to=ANNA, body="For Anna")
    made = await office.asked("access")
    await packages().step()
    assert (await office.get(made["id"], "/package")).status == 200

    await office.asked("erase")
    assert (await office.get(made["id"], "/package")).status == 409  # its key died within the request
    await office.finish()

    assert [path for path in office.desk.exports.rglob("*") if path.is_file()] == []


async def test_a_package_whose_builder_died_is_built_by_the_next(
    office: Office, packages: Callable[[], Packages], monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.house.send(to=ANNA, body="For Anna")
    made = await office.asked("access")

    async def die(*_: object, **__: object) -> None:
        raise InterruptedError

    with monkeypatch.context() as patched:
        patched.setattr("sendigopro.privacy.hand_out.build", die)
        with pytest.raises(InterruptedError):
            await packages().step()
    assert not await packages().step()  # it is leased for a while
    async with office.house.owner() as owner:
        await owner.execute(
            "UPDATE main.privacy_requests SET lease_until = lease_until - make_interval(secs => $1)", LEASE_SECONDS
        )

    assert await packages().step()
    assert (await office.get(made["id"], "/package")).status == 200


async def test_no_other_account_and_mode_fetches_it(office: Office, packages: Callable[[], Packages]) -> None:
    await office.house.send(to=ANNA, body="For Anna")
    made = await office.asked("access")
    await packages().step()

    assert (await office.get(made["id"], "/package", key=office.site.live_key)).status == 404
