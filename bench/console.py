"""How long the server takes for each page about messages, with very many of them.

    PYTHONPATH=. nice -n 5 python bench/console.py [MESSAGES]

Filled by COPY as `package.py` does it: sealed bodies, two outcomes for each, events about them; then a few messages are
made rare: failed, of test mode, come in. Each page is asked 20 times, one after the other.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode
from uuid import UUID

import asyncpg

from bench.package import fill, settle
from sendigopro.accounts import people_store
from sendigopro.accounts.people import put_person
from sendigopro.console.frame import PLACES, Place
from sendigopro.foundation import clock, ids, migrations, roles
from sendigopro.foundation.embedded import EmbeddedServer, Tuning
from tests.console.test_sign_in_pages import MAIL, PASSWORD, Browser
from tests.databases import Databases
from tests.messages.house import House, house_of
from tests.web.conftest import Site, site_of

TIMES = 20
LIMIT_MS = 150
RARE = 10_000
HOME = "/console/messages"


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(prefix="sendigopro-bench-") as data:
        server = EmbeddedServer(Path(data), Tuning(is_durable=False))
        await server.start()
        try:
            await measure(server, Path(folder), count)
        finally:
            await server.stop()


async def measure(server: EmbeddedServer, folder: Path, count: int) -> None:
    async with databases_of(server) as databases, house_of(databases, folder) as house:
        began = clock.monotonic()
        await fill(house.runtime.main, house.vault, house.directory, house.account_id, count)
        await make_rare(databases)
        await settle(server)
        print(f"filled with {count:,} messages in {clock.monotonic() - began:.0f} s", flush=True)
        async with site_of(house, databases) as site:
            browser = await signed_in(site)
            print(f"{'page':<64} {'p50':>8} {'p95':>8}   ms")
            for path in await paths(house):
                await ask(browser, path)


@asynccontextmanager
async def databases_of(server: EmbeddedServer) -> AsyncIterator[Databases]:
    admin = await asyncpg.connect(server.url("postgres"), user="postgres")
    await roles.ensure_roles(admin)
    await roles.ensure_databases(admin)
    await admin.close()
    for database in ("main", "vault"):
        conn = await asyncpg.connect(server.url(database), user="owner")
        await migrations.migrate(conn, database)
        await conn.close()
    databases = Databases(server.url("main"), server.url("vault"))
    yield databases
    await databases.close()


async def make_rare(databases: Databases) -> None:
    """One in 10,000 each: failed, come in, of test mode."""
    owner = await databases.main("owner")
    found = await owner.fetch("SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM main.messages) m"
                              " WHERE n % $1 = 1 ORDER BY id", RARE, timeout=600)  # fmt: skip
    rare = [row["id"] for row in found]
    await owner.execute("UPDATE main.outcomes SET rank = 53 WHERE rank = 60 AND message_id = ANY($1)", rare[::3])
    await owner.execute("UPDATE main.messages SET direction = 1 WHERE id = ANY($1)", rare[1::3])
    await owner.execute("UPDATE main.messages SET mode = 0 WHERE id = ANY($1)", rare[2::3])


async def signed_in(site: Site) -> Browser:
    owner = await site.databases.main("owner")
    async with owner.transaction():
        person_id = await put_person(owner, site.house.vault, mail=MAIL, name="Rosa", password=PASSWORD)
        await people_store.upsert_member(owner, account_id=site.house.account_id, person_id=person_id, role="owner")
    browser = Browser(site)
    await browser.sign_in()
    browser.cookies["sendigopro_mode"] = "live"
    return browser


async def paths(house: House) -> list[tuple[str, str, dict[str, str] | None]]:
    """Page, mode, and a form where it is a POST."""
    rows = await house.fetch("SELECT id FROM main.messages WHERE mode = 1 ORDER BY id DESC OFFSET 500000 LIMIT 1")
    rows = rows or await house.fetch("SELECT id FROM main.messages WHERE mode = 1 ORDER BY id LIMIT 1")
    middle: UUID = rows[0]["id"]
    one = ids.typed("msg", middle)
    queries = [
        {}, {"after": one}, {"before": one}, {"status": "delivered"}, {"status": "failed"}, {"status": "expired"},
        {"status": "queued"}, {"direction": "inbound"}, {"recipient": "+4915112345678"},
        {"recipient": "+4915112345678", "status": "failed"}, {"recipient": "+4915112345679"}, {"tag": "nobody"},
        {"tag": "nobody", "status": "failed", "direction": "inbound"}, {"from": str(clock.today())},
        {"until": "2020-01-01"}, {"from": "2020-01-01", "status": "failed"},
    ]  # fmt: skip
    lists = [(f"{HOME}?{urlencode(one)}", "live", None) for one in queries]
    return [
        ("/console", "live", None), *lists, (HOME, "test", None), (f"{HOME}?status=failed", "test", None),
        (HOME, "live", {}), (f"{HOME}/{one}", "live", None), (f"{HOME}/{one}", "live", {}),
        ("/console/compose", "live", None), ("/console/compose/count", "live", {"body": "x" * 1600}),
        ("/console/exports", "live", None), (f"/console/find?q={one}", "live", None),
        *((place.path, "live", None) for places in PLACES.values() for place in places if is_left(place)),
    ]  # fmt: skip


def is_left(place: Place) -> bool:
    """The pages that are asked as they stand; what is for the staff alone is not the owner's."""
    asked = ("/console", HOME, "/console/compose", "/console/exports")
    return place.path.startswith("/console") and place.path not in asked and not place.is_staffs


async def ask(browser: Browser, asked: tuple[str, str, dict[str, str] | None]) -> None:
    path, mode, form = asked
    browser.cookies["sendigopro_mode"] = mode
    took = []
    for _ in range(TIMES + 2):
        began = clock.monotonic()
        answered = await (browser.get(path) if form is None else browser.post(path, **form))
        took.append((clock.monotonic() - began) * 1000)
        assert answered.status in (200, 303), (path, answered.status, answered.body[:300])
    took = took[2:]
    slow = quantiles(took, n=20)[18]
    what = f"{'GET' if form is None else 'POST'} {path} ({mode})"
    print(f"{what[:64]:<64} {median(took):>8.1f} {slow:>8.1f} {'' if slow <= LIMIT_MS else '  too slow'}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
