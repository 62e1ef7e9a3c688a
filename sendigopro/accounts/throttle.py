"""Guessing is slowed, and only guessing: who is right is never shut out because others were wrong.

Wrong attempts are counted apart for each address and network, and for each address and known browser (the "device
cookie" of OWASP's Slow Down Online Guessing Attacks). A browser in which somebody signed in before has a count of its
own, which nobody else can raise. Many networks guessing at one address are slowed together by a few seconds, never by
more; one network that tries many addresses is slowed by up to a minute. Nothing is counted in clear and everything is
forgotten after a day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from math import ceil
from typing import Final

from sendigopro.accounts import people_store
from sendigopro.foundation import clock
from sendigopro.foundation.postgres import Pool
from sendigopro.foundation.problems import TooMany
from sendigopro.vault.model import PLATFORM
from sendigopro.vault.vault import Vault

FREE: Final = 10
"""Wrong attempts before anything is slowed; then the wait doubles with each."""
FREE_OF_ADDRESS: Final = 50
"""Of one address from everywhere: its owner may be among them, so the wait stays short."""
FREE_OF_NETWORK: Final = 100
"""Of one network, at whatever addresses: each attempt costs a processor some 50 ms."""
FREE_MAILS_OF_NETWORK: Final = 20
"""Mails that somebody there has us send, to whatever addresses."""
FREE_MAILS_TO: Final = 5
"""To one address: beyond that none is sent for a while, and nobody is told."""
WAIT_MAX_OF_MAILS: Final = timedelta(hours=1)
WAIT_MAX: Final = timedelta(minutes=15)
WAIT_MAX_OF_ADDRESS: Final = timedelta(seconds=5)
WAIT_MAX_OF_NETWORK: Final = timedelta(minutes=1)
REMEMBERED: Final = timedelta(days=1)
V4_PREFIX, V6_PREFIX = 24, 56


@dataclass(frozen=True, slots=True)
class Counted:
    """By what an attempt is counted, and how much of it is free."""

    mac: bytes
    free: int
    wait_max: timedelta


class Throttle:
    """One per process; the counts are in the database, so all processes count together."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def counts_of(self, *, mail: str, peer: str, device: bytes | None) -> list[Counted]:
        """By what an attempt on this address from there is counted."""
        await self._vault.load_account(PLATFORM)
        mail = mail.casefold()
        if device is not None:
            return [Counted(await self._mac("device", mail, device.hex()), FREE, WAIT_MAX)]
        return [
            Counted(await self._mac("network", mail, network_of(peer)), FREE, WAIT_MAX),
            Counted(await self._mac("address", mail), FREE_OF_ADDRESS, WAIT_MAX_OF_ADDRESS),
            Counted(await self._mac("any address", network_of(peer)), FREE_OF_NETWORK, WAIT_MAX_OF_NETWORK),
        ]

    async def counts_of_mails(self, *, mail: str, peer: str) -> tuple[Counted, Counted]:
        """By what it is counted that somebody there has a mail sent to this address: their network, and the address."""
        await self._vault.load_account(PLATFORM)
        network = Counted(await self._mac("mails of", network_of(peer)), FREE_MAILS_OF_NETWORK, WAIT_MAX_OF_MAILS)
        return network, Counted(await self._mac("mails to", mail.casefold()), FREE_MAILS_TO, WAIT_MAX_OF_MAILS)

    async def refuse_hasty(self, counted: Sequence[Counted]) -> None:
        """`TooMany`, with how long to wait, before anything is looked at."""
        seconds = await self.wait_of(counted)
        if seconds > 0:
            raise TooMany(
                "too_many_attempts",
                f"Too many attempts. Wait {told(seconds)}, then try again.",
                retry_after_seconds=seconds,
            )

    async def wait_of(self, counted: Sequence[Counted]) -> int:
        """Seconds until the next attempt is looked at."""
        now = clock.now()
        async with self._pool.acquire() as conn:
            failures = await people_store.read_failures(conn, macs=[one.mac for one in counted], since=now - REMEMBERED)
        return max(
            (wait_after(*failures[one.mac], counted=one, now=now) for one in counted if one.mac in failures), default=0
        )

    async def note_failure(self, counted: Sequence[Counted]) -> None:
        now = clock.now()
        async with self._pool.acquire() as conn:
            await people_store.add_failures(conn, macs=[one.mac for one in counted], now=now, since=now - REMEMBERED)

    async def clear(self, counted: Sequence[Counted]) -> None:
        """Who was right begins anew; the counts of the address and of the network stay: they are not theirs alone."""
        macs = [one.mac for one in counted if one.free == FREE]
        async with self._pool.acquire() as conn:
            await people_store.clear_failures(conn, macs=macs)

    async def _mac(self, *parts: str) -> bytes:
        return await self._vault.idempotency_mac(PLATFORM, "sign-in|" + "|".join(parts))


def wait_after(count: int, last_at: datetime, *, counted: Counted, now: datetime) -> int:
    """Seconds until the next attempt is looked at."""
    beyond = count - counted.free
    if beyond < 0:
        return 0
    wait = min(timedelta(seconds=2.0 ** min(beyond, 20)), counted.wait_max)
    return max(0, ceil((last_at + wait - now).total_seconds()))


def network_of(peer: str) -> str:
    """Whom one subscriber can be anywhere in: /24 of IPv4, /56 of IPv6."""
    try:
        address = ip_address(peer)
    except ValueError:
        return "unknown"
    return str(ip_network((address, V4_PREFIX if address.version == 4 else V6_PREFIX), strict=False))  # noqa: PLR2004


def told(seconds: int) -> str:
    minutes = ceil(seconds / 60)
    return f"{seconds} seconds" if seconds < 100 else f"{minutes} minutes"  # noqa: PLR2004  # the shorter words
