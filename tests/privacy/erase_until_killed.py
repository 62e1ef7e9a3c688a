"""A process that erases one person from the request to the receipt, and that a test kills on the way."""

import asyncio
import sys
from pathlib import Path

from sendigopro.channels.directory import Directory
from sendigopro.events.bus import Bus
from sendigopro.foundation import ids
from sendigopro.foundation.phones import parse_phone
from sendigopro.foundation.postgres import connect_pool
from sendigopro.messages.load import Loader
from sendigopro.privacy.desk import desk_of
from sendigopro.privacy.erase import erase
from sendigopro.privacy.job import Erasures
from sendigopro.privacy.journal import Journal
from sendigopro.privacy.model import Asked
from sendigopro.runtime import Runtime
from sendigopro.settings import Settings
from sendigopro.vault.key_store import open_key_store
from sendigopro.vault.vault import Vault


async def main(folder: str, main_url: str, vault_url: str, account: str, number: str) -> None:
    """Ask and finish, once; with one and the same Idempotency-Key however often it is started."""
    chosen = Settings(data_dir=Path(folder), database_url=main_url, vault_url=vault_url)
    urls = (chosen.main("pipeline"), chosen.vault("pipeline"), chosen.main("door"))
    runtime = Runtime("killed", chosen, *[await connect_pool(url, size=4, name="killed") for url in urls])
    vault = Vault(runtime.vault, open_key_store(chosen))
    directory = Directory(runtime.main)
    await directory.refresh()
    desk = desk_of(runtime, vault, Journal(chosen.journal_folder))
    asked = Asked(
        account_id=ids.parse("acc", account), mode=0, key_id=ids.new(), type="erase", person=parse_phone(number),
        key_mac=b"k" * 16, body_mac=b"b" * 16,
    )  # fmt: skip
    await erase(desk, asked)
    erasures = Erasures(
        desk,
        loader=Loader(pool=runtime.main, vault=vault, directory=directory),
        bus=Bus(),
        owner="killed",
        late_seconds=0.0,
    )
    while await erasures.step():
        pass
    await vault.close()
    for pool in (runtime.main, runtime.vault, runtime.door):
        await pool.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
