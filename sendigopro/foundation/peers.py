"""Where a request comes from: the peer of the connection, or what a trusted proxy says of its own."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from sendigopro.foundation.asgi import Scope

Network: TypeAlias = IPv4Network | IPv6Network
FORWARDED_FOR = b"x-forwarded-for"


def read_networks(text: str) -> tuple[Network, ...]:
    """Networks separated by commas, spaces or lines; raises ValueError for what is none."""
    return tuple(ip_network(part) for part in text.replace(",", " ").split())


def is_within(peer: str, networks: Sequence[Network]) -> bool:
    """Whether an address lies in one of them; an IPv4 address may be dressed as IPv6."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


class Networks:
    """From where something may be used; without any: from everywhere."""

    __slots__ = ("_networks",)

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = networks

    def __bool__(self) -> bool:
        return bool(self._networks)

    def hold(self, scope: Scope) -> bool:
        """Whether the peer of a request lies in one of them."""
        client = scope.get("client")
        return is_within(client[0] if client else "", self._networks)


EVERYWHERE = Networks()


def true_peer(scope: Scope, proxies: Sequence[Network]) -> str:
    """The nearest address that no proxy of ours has. Each proxy adds at the end, so what is before it is hearsay."""
    client = scope.get("client")
    peer: str = client[0] if client else ""
    if not is_within(peer, proxies):
        return peer
    told = ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == FORWARDED_FOR)
    for hop in reversed([part.strip() for part in told.split(",") if part.strip()]):
        peer = hop
        if not is_within(hop, proxies):
            break
    return peer
