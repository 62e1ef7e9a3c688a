"""The only source of randomness."""

import random
import secrets

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

random_bytes = secrets.token_bytes


def token(length: int) -> str:
    """A secret of `length` letters and digits, 5.95 bits each."""
    return "".join(secrets.choice(BASE62) for _ in range(length))


def jitter(low: float, high: float) -> float:
    """A number between the two, for pauses that must not fall together; never for secrets."""
    return random.uniform(low, high)  # noqa: S311  # spreads load, guards nothing
