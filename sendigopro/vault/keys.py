"""What the vault asks of a key store. It stands outside every database: what is erased there comes back from none."""

from collections.abc import Sequence
from typing import Protocol

KEY_BYTES = 32
BLOCK_SLOTS = 4096
"""So many slots are handed out to a process at a time."""
ERASED = bytes(KEY_BYTES)


class KeyErasedError(LookupError):
    """The key is gone for good, and what it sealed with it."""


class KeyStoreError(Exception):
    """The key store cannot be trusted or reached; the text names the file and says what to do. Nothing is served."""


class KeyStore(Protocol):
    """Keys by their slot. Any number of processes read, one at a time writes."""

    @property
    def epoch(self) -> int:
        """How many erasures this process knows of; it grows when `look` hears of more."""

    def look(self) -> None:
        """Hear of erasures by other processes, and drop what they name."""

    def erased_since(self, epoch: int) -> Sequence[int]:
        """The slots erased after `epoch`: what caches must drop."""

    def take_block(self, block: int) -> bool:
        """Make the block's keys durable before anything is sealed with them; False when it was taken before."""

    def key(self, slot: int) -> bytes:
        """The 32 bytes of a slot; `KeyErasedError` when there are none."""

    def condemn(self, slots: Sequence[int]) -> None:
        """Write down, durably, that these keys must die: from now on no process hands them out.

        At once in this process, in others as soon as they look, which is every 0.3 s.
        """

    def destroy(self) -> None:
        """Make the condemned keys impossible to find, in every copy and every old version of the store too."""

    def erase(self, slots: Sequence[int]) -> None:
        """Forget keys; when this comes back nobody can read them."""
