"""What every test stands on: no outside network, and a real PostgreSQL (`tests/databases.py`)."""

import socket
import sys
from ipaddress import ip_address

pytest_plugins = ("tests.databases", "tests.vaults")

LOOPBACK_NAMES = {None, "", "localhost"}
GUARDED = {"socket.connect", "socket.sendto", "socket.bind"}


def is_loopback(host: object) -> bool:
    """Tell whether a host given to a socket call stays on this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in LOOPBACK_NAMES:
        return True
    try:
        return ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def refuse_outside_network(event: str, args: tuple[object, ...]) -> None:
    """Stop a socket call that would leave this machine; an audit hook, so no library can go around it."""
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event in GUARDED:
        sock, address = args
        if not isinstance(sock, socket.socket) or sock.family not in (socket.AF_INET, socket.AF_INET6):
            return
        # An empty host binds every interface, which is not loopback; it never means "this machine".
        host = address[0] or "0.0.0.0" if isinstance(address, tuple) else address  # noqa: S104
    else:
        return
    if not is_loopback(host):
        message = f"Tests reach no outside network, and {host!r} is not loopback: start a peer on loopback instead."
        raise ConnectionRefusedError(message)


sys.addaudithook(refuse_outside_network)
