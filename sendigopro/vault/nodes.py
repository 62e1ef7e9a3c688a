"""The nodes of the key tree in files: two versions of each, the one in force and the one before or after it."""

import struct
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sendigopro.foundation.randomness import Drawn
from sendigopro.vault.copies import Copies
from sendigopro.vault.keys import KEY_BYTES, KeyStoreError

FANOUT = 256
LEVELS = 4  # 256^4 slots: 4.3 billion
TOP = LEVELS - 1
NODE_BYTES = FANOUT * KEY_BYTES
NONCE_BYTES, TAG_BYTES = 12, 16
PLACE = struct.Struct("!23s 16s B Q Q")
FORMAT = b"sendigopro key tree/1\0\0"
GENERATION = struct.Struct("!Q")
RECORD_BYTES = GENERATION.size + NONCE_BYTES + NODE_BYTES + TAG_BYTES
FILE_NODES = 256
SIDES = (0, 1)
nonces = Drawn(NONCE_BYTES)


class NodeMissingError(Exception):
    """The node was never written."""


class Nodes:
    """Reads and writes sealed nodes. Every version has a key of its own, so the right key opens the right version.

    A file holds 256 neighbours of a level: all their first sides, then all their second sides. A new version goes to
    the side that is not in force: a crash while it is written harms nothing.
    """

    def __init__(self, copies: Copies, tree: bytes) -> None:
        self.copies = copies
        self._tree = tree

    def exists(self, level: int, index: int) -> bool:
        return any(self._generation(level, index, side) for side in SIDES)

    def open(self, level: int, index: int, key: bytes) -> bytes:
        """The plaintext of 256 slots; `NodeMissingError`, or `KeyStoreError` for whatever this key does not open."""
        return self.find(level, index, key)[1]

    def write(self, level: int, index: int, *, key: bytes, plain: bytes, generation: int, side: int) -> None:
        """Seal a version under its key; durable after `copies.sync`."""
        nonce = nonces.take()
        sealed = AESGCM(key).encrypt(nonce, plain, self._place(level, index, generation))
        name, at = _where(level, index, side)
        self.copies.write(name, GENERATION.pack(generation) + nonce + sealed, at=at)

    def find(self, level: int, index: int, key: bytes) -> tuple[int, bytes]:
        """The side in force, and its plaintext."""
        # The newer side first: it is in force unless a crash left it half written.
        found = sorted(((self._generation(level, index, side), side) for side in SIDES), reverse=True)
        for generation, side in found:
            if not generation:
                continue
            name, at = _where(level, index, side)
            record = self.copies.read(name, at=at, size=RECORD_BYTES)
            nonce, sealed = record[8:20], record[20:]
            try:
                return side, AESGCM(key).decrypt(nonce, sealed, self._place(level, index, generation))
            except (InvalidTag, ValueError):  # ValueError: cut short
                continue
        if not found[0][0]:
            raise NodeMissingError
        raise KeyStoreError(
            f"Node {index} of level {level} in {self.copies.folders[0] / name} is damaged, or older than the root. "
            "Nothing is opened from it: put the key store's newest files back, all of one moment."
        )

    def _generation(self, level: int, index: int, side: int) -> int:
        name, at = _where(level, index, side)
        raw = self.copies.read(name, at=at, size=GENERATION.size)
        return GENERATION.unpack(raw)[0] if len(raw) == GENERATION.size else 0

    def _place(self, level: int, index: int, generation: int) -> bytes:
        """What a node is sealed together with, so that none can be put in another's place."""
        return PLACE.pack(FORMAT, self._tree, level, index, generation)


@lru_cache(maxsize=4096)
def _where(level: int, index: int, side: int) -> tuple[str, int]:
    """In which file, and where in it."""
    number, place = divmod(index, FILE_NODES)
    return f"level-{level}/{number:08x}", (side * FILE_NODES + place) * RECORD_BYTES
