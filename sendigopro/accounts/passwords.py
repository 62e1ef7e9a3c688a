"""Passwords: how good one must be, and how it is kept (Argon2id, RFC 9106; OWASP ASVS 6.2)."""

import asyncio
from collections.abc import Sequence
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from sendigopro.foundation.problems import Invalid

LENGTH_MIN: Final = 10
LENGTH_MAX: Final = 128
SCORE_MIN: Final = 3
"""Of zxcvbn's 0 to 4: "safely unguessable", more than 10^8 guesses."""
LOOKED_AT_MAX: Final = 72
"""zxcvbn's time grows with the square of the length; what is longer than this is good or hopeless by then."""
AT_ONCE: Final = 4
"""Each takes 64 MiB and a processor for some 50 ms: more at once would be a way to stop the house."""

_HASHER = PasswordHasher()
_NOBODYS = _HASHER.hash("a password that nobody has")
_turns = asyncio.Semaphore(AT_ONCE)


def check_password(password: str, *, about: Sequence[str], param: str = "password") -> None:
    """Raise `Invalid` that says what to do better; `about` is what others know of the person: name, mail, company."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise Invalid("weak_password", f"A password has {LENGTH_MIN} to {LENGTH_MAX} characters.", param=param)
    words = [word for text in about for word in text.lower().replace("@", " ").replace(".", " ").split()]
    found = zxcvbn(password[:LOOKED_AT_MAX], user_inputs=[*about, *words])
    if found["score"] < SCORE_MIN:
        advice = [found["feedback"]["warning"], *found["feedback"]["suggestions"]]
        told = " ".join(f"{one.rstrip('.')}." for one in advice if one)
        raise Invalid("weak_password", f"This password is easily guessed. {told}".strip(), param=param)


async def hash_password(password: str) -> str:
    async with _turns:
        return await asyncio.to_thread(_HASHER.hash, password)


async def is_right(password: str, stored: str | None) -> bool:
    """Whether it is; who has none, or is nobody, takes as long as who is wrong."""
    if len(password) > LENGTH_MAX:
        password, stored = "", None
    async with _turns:
        is_verified = await asyncio.to_thread(_verify, stored or _NOBODYS, password)
    return is_verified and stored is not None


def is_outdated(stored: str) -> bool:
    """Whether it was hashed with parameters of the past."""
    return _HASHER.check_needs_rehash(stored)


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
