"""A worker's part: what is in the outbox leaves, is tried again with growing pauses, or is given up after a day."""

import asyncio
from datetime import timedelta
from email.errors import MessageError
from email.headerregistry import Address
from typing import Final

import aiosmtplib
import msgspec

from sendigopro.foundation import clock, logs
from sendigopro.foundation.postgres import Pool
from sendigopro.foundation.randomness import jitter
from sendigopro.mail import store
from sendigopro.mail.model import Due, Mail, written
from sendigopro.mail.outbox import SEALED
from sendigopro.mail.smtp import RefusedForGoodError, Server, hand_over
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.vault import Vault

AT_ONCE: Final = 5
LEASE: Final = timedelta(minutes=2)
"""Longer than an attempt may take: a mail is in one hand at a time."""
POLL_SECONDS: Final = 5.0
PAUSE_FIRST, PAUSE_MAX = timedelta(seconds=10), timedelta(hours=1)
NEVER: Final = (MessageError, ValueError, IndexError, aiosmtplib.SMTPNotSupported)
"""What an address does that cannot be written into a header, or not for this server."""
MAYBE_LATER: Final = (aiosmtplib.SMTPException, OSError)  # TimeoutError is one

log = logs.get(__name__)


class Outgoing:
    """Any number of workers may run it."""

    def __init__(self, pool: Pool, vault: Vault, *, server: Server, sender: Address) -> None:
        self._pool = pool
        self._vault = vault
        self._server = server
        self._sender = sender
        self._hint = asyncio.Event()

    def hint(self) -> None:
        """Somebody put a mail into the outbox."""
        self._hint.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._hint.clear()
            if not await self.step():
                await self._rest()

    async def step(self) -> int:
        """Try what is due; how many there were."""
        now = clock.now()
        async with self._pool.acquire() as conn:
            given_up = await store.delete_given_up(conn, now=now)
            due = await store.lease_of_everyone(conn, now=now, until=now + LEASE, limit=AT_ONCE)
        if given_up:
            log.warning("mails_given_up", mails=given_up)
        await asyncio.gather(*(self._attempt(one) for one in due))
        return len(due)

    async def _attempt(self, due: Due) -> None:
        packed = await self._vault.open_account(PLATFORM, *SEALED, due.id, due.sealed)
        mail = msgspec.msgpack.decode(packed, type=Mail)
        try:
            message = written(mail, sender=self._sender, mail_id=due.id)
            await hand_over(self._server, message, recipient=mail.recipient)
        except (*NEVER, RefusedForGoodError):
            log.warning("mail_refused", attempts=due.attempts)
        except MAYBE_LATER as error:
            # The server's words may repeat the address: only its number is told.
            log.warning(
                "mail_put_off", attempts=due.attempts, error=type(error).__name__, code=getattr(error, "code", 0)
            )
            async with self._pool.acquire() as conn:
                await store.put_off(conn, mail_id=due.id, due_at=clock.now() + pause_after(due.attempts))
            return
        async with self._pool.acquire() as conn:
            await store.delete(conn, ids=[due.id])

    async def _rest(self) -> None:
        """Until somebody hints, or it may be time to look again."""
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._hint.wait()
        except TimeoutError:
            return


def pause_after(attempts: int) -> timedelta:
    """Twice as long after each, up to an hour, and not in step with others."""
    return min(PAUSE_FIRST * 2.0 ** min(attempts - 1, 20), PAUSE_MAX) * jitter(0.8, 1.2)
