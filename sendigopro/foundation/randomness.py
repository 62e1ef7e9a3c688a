"""The only source of randomness."""

import os
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


class Drawn:
    """Random bytes in pieces of one size, drawn from the system a few hundred at a time: a system call each is dear."""

    PIECES = 256

    def __init__(self, size: int) -> None:
        self._size = size
        self._pieces: list[bytes] = []
        os.register_at_fork(after_in_child=self._pieces.clear)  # two processes must never draw the same

    def take(self) -> bytes:
        """One piece that nobody else has."""
        if not self._pieces:
            drawn = random_bytes(self._size * self.PIECES)
            self._pieces += [drawn[at : at + self._size] for at in range(0, len(drawn), self._size)]
        return self._pieces.pop()
