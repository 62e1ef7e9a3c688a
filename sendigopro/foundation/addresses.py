"""Where a webhook may go: which URLs we take, and which addresses we connect to."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

import msgspec

from sendigopro.foundation.problems import Invalid

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]  # name and port in, all addresses out

URL_LENGTH_MAX = 2048
LOOKUP_THREADS = 16
PORTS_BY_DEFAULT = frozenset({443, 8443})
PORT_OF = {"http": 80, "https": 443}

# Characters that need no percent sign: all that can be printed but space and "<>\^`{|}.
URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[!$-.0-;=@-\[\]_a-z~]*)"
    r"(?P<path>/[!$-;=@-\[\]_a-z~]*)?(?P<query>\?[!$-;=?-\[\]_a-z~]*)?"
)
ALLOWED = re.compile(r"[!#-;=?-\[\]_a-z~]*")
NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# What inet_aton and browsers read as a number: 127.1, 0x7f000001, 2130706433, 0177.0.0.1.
ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?")

# Names that mean "inside": RFC 6761, 6762, 8375, 9476, ICANN's .internal; clouds' metadata services live in .internal.
INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "home.arpa", "onion", "alt")

# IANA's IPv4 special-purpose registry (2025), multicast and the future class E.
FORBIDDEN_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        # Azure's metadata and platform service answers on this public-looking address inside every virtual network.
        "168.63.129.16/32",
    )
)
# For IPv6 the list is the other way round: only global unicast is taken, so mapped (::ffff:0:0/96), NAT64
# (64:ff9b::/96, 64:ff9b:1::/48), unique local, link-local, site-local and multicast addresses are outside already.
GLOBAL_V6 = IPv6Network("2000::/3")
FORBIDDEN_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, ORCHID, benchmarking, and all else of IETF protocol assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries an IPv4 address inside
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
# Never a peer, whatever the operator allows.
NOWHERE = (IPv4Network("0.0.0.0/8"), IPv4Network("224.0.0.0/4"), IPv4Network("255.255.255.255/32"))


class ForbiddenAddress(Exception):  # an outcome with a reason, not a failure of ours
    """The name leads to an address that webhooks may not go to."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: what connections can be shared for."""

    scheme: str
    host: str  # lower case; an IPv6 address stands without its brackets
    port: int

    @property
    def is_encrypted(self) -> bool:
        return self.scheme == "https"

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if PORT_OF[self.scheme] == self.port else f"{host}:{self.port}"


class Target(msgspec.Struct, frozen=True, gc=False):
    """A URL that may be posted to, as far as can be said before its name is looked up."""

    origin: Origin
    path: str  # with the query


def read_url(url: str, *, allow_private: bool, param: str = "url") -> Target:
    """Read a webhook's URL; whatever is odd about it is `Invalid`, said in words."""
    match = URL.fullmatch(url)
    if match is None or len(url) > URL_LENGTH_MAX:
        raise unreadable(url, param)
    scheme, authority, path, query = match.groups()
    return Target(read_origin(scheme, authority, allow_private, param), (path or "/") + (query or ""))


def unreadable(url: str, param: str) -> Invalid:
    if len(url) > URL_LENGTH_MAX:
        return invalid(f"The URL is longer than {URL_LENGTH_MAX} characters.", param)
    if not ALLOWED.fullmatch(url):
        return invalid(
            "The URL has characters that must be percent-encoded; write names in their ASCII form (xn--…).", param
        )
    return invalid("This is not an absolute URL such as https://example.com/webhooks, without a fragment.", param)


@lru_cache(maxsize=1024)
def read_origin(scheme: str, authority: str, allow_private: bool, param: str) -> Origin:  # noqa: FBT001  # a key of the cache
    """Read what stands before the path; messages' own URLs differ behind it, so this is mostly remembered."""
    scheme = scheme.lower()
    if scheme not in PORT_OF or (scheme == "http" and not allow_private):
        raise invalid("The URL must begin with https://.", param)
    host, port = read_authority(authority, PORT_OF[scheme], param)
    if not allow_private:
        refuse_inside(host, port, param)
    return Origin(scheme, host, port)


def read_authority(authority: str, default_port: int, param: str) -> tuple[str, int]:
    if "@" in authority:
        raise invalid("The URL must not carry a user name or password; deliveries are signed instead.", param)
    if authority.startswith("["):
        host, bracket, rest = authority[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise invalid("The URL's IPv6 address is not closed by a bracket.", param)
        return read_ipv6(host, param), read_port(rest[1:], bool(rest), default_port, param)
    host, colon, port = authority.partition(":")
    return read_host(host.lower(), param), read_port(port, bool(colon), default_port, param)


def read_ipv6(text: str, param: str) -> str:
    try:
        address = IPv6Address(text)
    except AddressValueError as error:
        raise invalid("The URL's IPv6 address cannot be read.", param) from error
    if address.scope_id is not None:
        raise invalid("The URL's IPv6 address has a zone, which means nothing elsewhere.", param)
    return str(address)


def read_host(host: str, param: str) -> str:
    if ENDS_IN_NUMBER.fullmatch(host):
        try:
            return str(IPv4Address(host))  # four decimal numbers without leading zeros, nothing else
        except AddressValueError as error:
            raise invalid("Write an IPv4 address as four decimal numbers, such as 192.0.2.1.", param) from error
    if not NAME.fullmatch(host):
        raise invalid("The URL's host is not a name such as example.com.", param)
    return host


def read_port(text: str, is_given: bool, default: int, param: str) -> int:  # noqa: FBT001  # "no port" and "empty port" differ
    if not is_given:
        return default
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > 65535:  # noqa: PLR2004  # the last port
        raise invalid("The URL's port is not a number from 1 to 65535.", param)
    return int(text)


def refuse_inside(host: str, port: int, param: str) -> None:
    """Refuse what can be refused by its looks; addresses behind names are checked at every connection."""
    if port not in PORTS_BY_DEFAULT:
        raise invalid("Webhooks go to port 443 or 8443.", param)
    address = as_address(host)
    if address is not None:
        if not is_public(address):
            raise forbidden(param)
    elif "." not in host or host.endswith(tuple(f".{name}" for name in INSIDE)):
        raise forbidden(param)


def as_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is somebody else's, out on the internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in FORBIDDEN_V4)
    return address in GLOBAL_V6 and not any(address in network for network in FORBIDDEN_V6)


def is_somewhere(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether one machine can stand behind an address at all; the only question when private ones are allowed."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOWHERE)
    mapped = address.ipv4_mapped
    if mapped is not None:
        return is_somewhere(mapped)
    return not address.is_multicast and not address.is_unspecified


async def addresses_of(origin: Origin, *, allow_private: bool, lookup: Lookup) -> tuple[str, ...]:
    """Look a host up once and give its addresses, all of them checked.

    One forbidden address condemns the name: whoever mixes public and private answers is not to be trusted with a
    second try. Raises `ForbiddenAddress`, or `OSError` where the name is not known.
    """
    literal = as_address(origin.host)
    found = [str(literal)] if literal is not None else await lookup(origin.host, origin.port)
    if not found:
        raise OSError(f"{origin.host} has no address")
    may_connect = is_somewhere if allow_private else is_public
    for text in found:
        address = as_address(text.partition("%")[0])
        if address is None or not may_connect(address):
            raise ForbiddenAddress("The host leads to an address that webhooks may not go to.")
    return tuple(found)


class SystemLookup:
    """The machine's resolver, on threads of its own: slow names of one customer must not hold up the event loop's."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="webhook-lookup")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._ask, host, port)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    @staticmethod
    def _ask(host: str, port: int) -> list[tuple[object, object, int, str, tuple[str | int, ...]]]:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))  # type: ignore[arg-type]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


async def look_up(host: str, port: int) -> Sequence[str]:
    """The machine's resolver, for a question now and then."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def invalid(detail: str, param: str) -> Invalid:
    return Invalid("invalid_url", detail, param=param)


def forbidden(param: str) -> Invalid:
    return Invalid("forbidden_url", "Webhooks go only to public addresses, not into private networks.", param=param)
