"""How an API key is written: what it is for, 26 random letters and digits, and six that catch a slip of the pen."""

import hashlib
import re
import zlib

from sendigopro.accounts.model import LIVE, TEST
from sendigopro.foundation.randomness import BASE62, token

PREFIX = {TEST: "sk_test_", LIVE: "sk_live_"}
RANDOM_LENGTH, CHECK_LENGTH = 26, 6  # 155 bits; six letters hold any CRC-32
FORM = re.compile(r"sk_(?:test|live)_[0-9A-Za-z]{32}")


def new_token(mode: int) -> str:
    """A key nobody can guess."""
    secret = PREFIX[mode] + token(RANDOM_LENGTH)
    return secret + check_of(secret)


def looks_right(text: str) -> bool:
    """Tell, without asking the database, a key that may exist from one cut short, mistyped or made up."""
    return FORM.fullmatch(text) is not None and check_of(text[:-CHECK_LENGTH]) == text[-CHECK_LENGTH:]


def check_of(secret: str) -> str:
    rest, letters = zlib.crc32(secret.encode()), []
    for _ in range(CHECK_LENGTH):
        rest, digit = divmod(rest, len(BASE62))
        letters.append(BASE62[digit])
    return "".join(reversed(letters))


def hash_of(text: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(text.encode()).digest()
