"""What proves a person beside the password: codes of an authenticator (RFC 6238), and codes on paper for its loss."""

import base64
import re
from datetime import datetime
from hashlib import sha256
from typing import Final

import pyotp
import segno

from sendigopro.foundation.randomness import random_bytes

ISSUER: Final = "SendiGoPro"
SECRET_BYTES: Final = 20
STEP_SECONDS: Final = 30
STEPS_APART: Final = 1
"""How many steps clocks may differ, either way."""
CODE = re.compile(r"\d{6}")
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10
_NOT_LETTERS = re.compile(r"[^A-Z2-7]")


def new_secret() -> bytes:
    return random_bytes(SECRET_BYTES)


def address(secret: bytes, *, mail: str) -> str:
    """The otpauth: address that an authenticator reads from a picture."""
    return pyotp.TOTP(_base32(secret)).provisioning_uri(name=mail, issuer_name=ISSUER)


def picture(text: str) -> str:
    """A QR code as SVG, black: cameras want it on white."""
    return str(segno.make(text, error="m").svg_inline(scale=5, border=0))


def spelt(secret: bytes) -> str:
    """The secret for who types it in, in groups of four."""
    text = _base32(secret)
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def step_of(secret: bytes, code: str, *, now: datetime, last_step: int) -> int | None:
    """The step whose code this is, within one of now; None for a wrong one and for one that was used before."""
    code = code.replace(" ", "")
    if CODE.fullmatch(code) is None:
        return None
    totp = pyotp.TOTP(_base32(secret))
    current = int(now.timestamp()) // STEP_SECONDS
    for step in range(current - STEPS_APART, current + STEPS_APART + 1):
        if step > last_step and pyotp.utils.strings_equal(totp.generate_otp(step), code):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Each good for one sign-in; shown once."""
    codes = (base64.b32encode(random_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES))
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes]


def recovery_hash(code: str) -> bytes:
    """As it is kept: 80 random bits need no slow hash. How it is grouped and cased does not matter."""
    return sha256(_NOT_LETTERS.sub("", code.upper()).encode()).digest()


def _base32(secret: bytes) -> str:
    return base64.b32encode(secret).decode()
