"""Addresses of databases, and as which of the three roles they are used."""

from typing import Literal
from urllib.parse import urlsplit

Role = Literal["owner", "pipeline", "door"]


def as_role(url: str, role: Role) -> str:
    """The same database in one role.

    Our own server's address names no user: the role logs in by itself. A real server's address names the user who has
    the password; that one becomes the role for the whole session.
    """
    parts = urlsplit(url)
    if is_embedded(url):
        return parts._replace(netloc=f"{role}@").geturl()
    return parts._replace(query=f"{parts.query}&role={role}".lstrip("&")).geturl()


def is_embedded(url: str) -> bool:
    """Tell our own server's address, `postgresql:///main?host=/a/folder`, from all others."""
    parts = urlsplit(url)
    return not parts.netloc and parts.query.startswith("host=")
