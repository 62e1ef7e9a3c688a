"""To put a mail into the outbox, in the transaction of what it tells of."""

from datetime import timedelta
from typing import Final

import msgspec

from sendigopro.foundation import clock, ids
from sendigopro.foundation.postgres import Conn
from sendigopro.mail import store
from sendigopro.mail.model import Mail
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.vault import Vault

SEALED: Final = ("mails", "sealed")
TRIED_FOR: Final = timedelta(hours=23)
"""Less than a day, with the hour that the retention job takes: nothing of who never answers stays for longer."""


async def put_mail(conn: Conn, vault: Vault, mail: Mail) -> None:
    mail_id = ids.new()
    sealed = await vault.seal_account(PLATFORM, *SEALED, mail_id, msgspec.msgpack.encode(mail))
    await store.insert(conn, mail_id=mail_id, sealed=sealed, given_up_at=clock.now() + TRIED_FOR)
