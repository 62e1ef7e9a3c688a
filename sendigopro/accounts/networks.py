"""From which networks the console of an account may be opened: in CIDR, sealed, never locking out who sets them."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from uuid import UUID

import msgspec

from sendigopro.accounts import account_store
from sendigopro.audit.model import Action, By
from sendigopro.audit.record import record
from sendigopro.foundation.postgres import Conn
from sendigopro.foundation.problems import Invalid, NotAllowed
from sendigopro.vault.vault import Vault

NETWORKS_MAX: Final = 50
PLACE: Final = ("accounts", "console_networks")
Network = IPv4Network | IPv6Network


def read_networks(text: str) -> list[str]:
    """One a line, or with commas between; an address alone is a network of one."""
    words = text.replace(",", " ").split()
    if len(words) > NETWORKS_MAX:
        raise Invalid("too_many_networks", f"An account names at most {NETWORKS_MAX} networks.", param="networks")
    found = []
    for number, word in enumerate(words, 1):
        try:
            found.append(str(ip_network(word)))
        except ValueError:
            raise Invalid(
                "invalid_network",
                f"Entry {number} is no network. Write it like 203.0.113.0/24, 2001:db8::/56 or 203.0.113.7; the part "
                "behind the slash is all zeros.",
                param="networks",
            ) from None
    return list(dict.fromkeys(found))


def allows(networks: Sequence[str], peer: str) -> bool:
    """Whether somebody at this address may come in; without a list everybody may."""
    if not networks:
        return True
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)  # ::ffff:203.0.113.7 is the same visitor
    return any((mapped or address) in ip_network(one) for one in networks)


def refuse_outside(networks: Sequence[str], peer: str) -> None:
    if not allows(networks, peer):
        raise NotAllowed(
            "network_not_allowed",
            "This account is opened from its own networks only, and yours is none of them. Connect from there, or ask "
            "an owner. Whoever runs this installation can lift it: sendigopro accounts allow-any.",
        )


async def open_networks(vault: Vault, account_id: UUID, sealed: bytes | None) -> list[str]:
    if sealed is None:
        return []
    return msgspec.msgpack.decode(await vault.open_account(account_id, *PLACE, account_id, sealed), type=list[str])


async def set_networks(
    conn: Conn, vault: Vault, *, account_id: UUID, networks: Sequence[str], peer: str | None, by: By
) -> None:
    """From the next request on, of everybody. Nobody locks themselves out: their own address must be in it."""
    if peer is not None and not allows(networks, peer):
        raise Invalid(
            "would_lock_you_out", f"You come from {peer}, which is not in this list. Add it, or leave the list empty.",
            param="networks",
        )  # fmt: skip
    sealed = None
    if networks:
        sealed = await vault.seal_account(account_id, *PLACE, account_id, msgspec.msgpack.encode(list(networks)))
    await account_store.set_networks(conn, account_id=account_id, networks=sealed)
    await record(
        conn, account_id=account_id, actor=by.actor, request_id=by.request_id, action=Action.NETWORKS_SET,
        facts={"networks": len(networks)},
    )  # fmt: skip
