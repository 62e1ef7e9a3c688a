"""An attacker on the key tree: every version of every node that ever was, and whatever roots he was given."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sendigopro.vault.nodes import FANOUT, FILE_NODES, FORMAT, PLACE, RECORD_BYTES, TOP

KEY = 32
Node = tuple[int, int]  # level, index
Version = tuple[int, bytes]  # generation, nonce and ciphertext


class History:
    """Node versions out of any number of copies of a key store."""

    def __init__(self, tree: bytes) -> None:
        self._tree = tree
        self._versions: dict[Node, set[Version]] = defaultdict(set)
        self._opened: dict[tuple[Node, bytes], tuple[bytes, ...]] = {}

    def add(self, folder: Path) -> None:
        """Everything that stands in the files of one copy, in force or not."""
        for path in folder.glob("level-*/*"):
            level, first = int(path.parent.name.removeprefix("level-")), int(path.name, 16) * FILE_NODES
            raw = path.read_bytes()
            for number in range(len(raw) // RECORD_BYTES):
                record = raw[number * RECORD_BYTES : (number + 1) * RECORD_BYTES]
                if generation := int.from_bytes(record[:8], "big"):
                    self._versions[level, first + number % FILE_NODES].add((generation, record[8:]))

    @property
    def count(self) -> int:
        return sum(len(versions) for versions in self._versions.values())

    def keys_of(self, slot: int, roots: Iterable[bytes]) -> set[bytes]:
        """Whatever can have been in this slot: each key that is reached is tried on each version of the node below."""
        reached = set(roots)
        for level in range(TOP, -1, -1):
            node, place = (level, slot // FANOUT ** (level + 1)), slot // FANOUT**level % FANOUT
            reached = {plain[place * KEY : (place + 1) * KEY] for key in reached for plain in self._open(node, key)}
        return {key for key in reached if any(key)}

    def _open(self, node: Node, key: bytes) -> tuple[bytes, ...]:
        known = self._opened.get((node, key))
        if known is None:
            known = self._opened[node, key] = tuple(self._try(node, key))
        return known

    def _try(self, node: Node, key: bytes) -> Iterator[bytes]:
        for generation, sealed in self._versions[node]:
            try:
                yield AESGCM(key).decrypt(sealed[:12], sealed[12:], PLACE.pack(FORMAT, self._tree, *node, generation))
            except InvalidTag:
                continue
