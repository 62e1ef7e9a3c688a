"""The forgettable key tree: keys that can be made impossible to find by replacing one root of 32 bytes.

256 slots to a node, four levels of nodes. A node of the lowest level holds keys that seal what is kept of people; one
above holds the keys that open the nodes below it; the root opens the one at the top. Every byte of every node, old or
new, may leak or stand in a backup for ever. To forget a key its slot is emptied, every node on the way to it is sealed
anew under a fresh key, and the root is replaced by the fresh key of the topmost: nothing that exists opens the old
nodes any more (Boneh and Lipton, "A Revocable Backup System", 1996; Reardon et al., CCS 2013).

A node is born with random keys in all slots, for nodes below that do not exist yet as well: so the tree grows, and
numbers are handed out, without a new root.
"""

import fcntl
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from sendigopro.foundation import clock
from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.randomness import random_bytes
from sendigopro.foundation.recent import Recent
from sendigopro.vault.condemned import NAME as CONDEMNED
from sendigopro.vault.condemned import Condemned
from sendigopro.vault.copies import LOCK, Copies, make_folder
from sendigopro.vault.keys import BLOCK_SLOTS, ERASED, KEY_BYTES, KeyErasedError, KeyStoreError
from sendigopro.vault.nodes import FANOUT, NODE_BYTES, TOP, NodeMissingError, Nodes
from sendigopro.vault.root import NAME as ROOT
from sendigopro.vault.root import Keeper, Root, RootFile, first_root

LOOK_SECONDS = 0.3
NODES_IN_MEMORY = 1024  # of 8 kB each, on each level
BLOCK_LEAVES = BLOCK_SLOTS // FANOUT
AHEAD_SLOTS = 1_000_000
TAKEN = b"\x01"
BLOCKS = "blocks"


class KeyTree:
    """One per process; every process of the installation may have one on the same folders."""

    def __init__(self, folders: Sequence[Path], keeper: Keeper) -> None:
        self.folders = tuple(folders)
        self.keeper = keeper
        for folder in folders:
            make_folder(folder)
        self._reading = Copies(folders[:1])
        self._writing = Copies(folders)
        self._root_file = RootFile(self._writing, keeper)
        self._log = Condemned(self._reading)
        self._memory: tuple[Recent[int, bytes], ...] = tuple(Recent(NODES_IN_MEMORY) for _ in range(TOP + 1))
        self._condemned: set[int] = set()
        self._look_at = 0.0
        self._guard = threading.RLock()  # erasures and new blocks come from threads, reads from the event loop
        self._version = (0, 0)
        with self._locked():
            self._make_first()
            self._writing.make_equal()
        self._root = self._read_root()

    @property
    def epoch(self) -> int:
        return self._epoch

    @property
    def root(self) -> Root:
        """The root in force, as far as this process knows."""
        return self._root

    def look(self) -> None:
        with self._guard:
            self._look_at = clock.monotonic() + LOOK_SECONDS
            if self._root_file.version() != self._version:
                self._root = self._read_root()
            elif self._log.count() != self._epoch:
                self._hear()

    def erased_since(self, epoch: int) -> Sequence[int]:
        return self._log.read(since=epoch, until=self._epoch, chain=self._log.chain_at(epoch))[0]

    def key(self, slot: int) -> bytes:
        if clock.monotonic() >= self._look_at:
            self.look()
        if slot in self._condemned:
            raise KeyErasedError(f"the key of slot {slot} was erased")
        leaf = self._memory[0].get(slot // FANOUT) or self._leaf(slot // FANOUT)
        place = slot % FANOUT * KEY_BYTES
        found = leaf[place : place + KEY_BYTES]
        if found == ERASED:
            raise KeyErasedError(f"the key of slot {slot} was erased")
        return found

    def take_block(self, block: int) -> bool:
        """The mark is kept beside the keys: a database restored to yesterday hands out yesterday's numbers again."""
        with self._writer() as nodes:
            if self._writing.read(BLOCKS, at=block, size=1) == TAKEN:
                return False
            self._grow(nodes, range(block * BLOCK_LEAVES, (block + 1) * BLOCK_LEAVES))
            self._writing.write(BLOCKS, TAKEN, at=block)
            self._writing.sync()
        return True

    def grow_ahead(self) -> int:
        """Have a million slots ready beyond the last block that was taken; returns how many were made.

        In steps, so that whoever takes a block or erases waits for milliseconds only.
        """
        first = self._writing.folders[0] / BLOCKS
        taken = first.stat().st_size if first.exists() else 0
        made = 0
        for start in range(taken * BLOCK_LEAVES, taken * BLOCK_LEAVES + AHEAD_SLOTS // FANOUT, FANOUT):
            with self._writer() as nodes:
                made += self._grow(nodes, range(start, start + FANOUT)) * FANOUT
        return made

    def condemn(self, slots: Sequence[int]) -> None:
        if not slots:
            return
        with self._writer():
            log = Condemned(self._writing)
            log.append(slots, count=self._epoch, chain=log.chain_at(self._epoch))
        self.look()
        reach("erase.condemned")

    def destroy(self) -> None:
        """One new root for all that was condemned since the last. Done twice, or anew after a crash, it is the same."""
        with self._writer() as nodes:
            before = self._root
            self._root_file.finish(before)
            slots, chain = Condemned(self._writing).read(since=before.epoch, until=self._epoch, chain=before.chain)
            if not slots:
                return
            fresh = self._reseal(nodes, TOP, 0, before.key, slots=sorted(set(slots)))
            self._writing.sync()
            reach("erase.nodes_written")
            after = Root(before.tree, before.generation + 1, self._epoch, chain, fresh)
            self._root_file.replace(before, after)
        self.look()

    def erase(self, slots: Sequence[int]) -> None:
        self.condemn(slots)
        self.destroy()

    @contextmanager
    def writing(self) -> Iterator[Copies]:
        """Nobody else writes meanwhile, in no process; what they wrote is known."""
        with self._writer():
            yield self._writing

    def close(self) -> None:
        self._reading.close()
        self._writing.close()

    # Reading

    def _read_root(self) -> Root:
        """Take up a root: what is in memory of nodes under the one before is dropped."""
        version = self._root_file.version()
        root = self._root_file.read()
        for level in self._memory:
            level.clear()
        self._nodes = Nodes(self._reading, root.tree)
        self._version = version
        if self._log.count() < root.epoch or self._log.chain_at(root.epoch) != root.chain:
            raise KeyStoreError(
                f"The list of erased keys in {self.folders[0]} is damaged, or older than the root. Nothing is opened: "
                "erased keys could come back. Put its newest copy back."
            )
        self._epoch, self._chain = root.epoch, root.chain
        self._condemned.clear()
        self._hear()
        return root

    def _hear(self) -> None:
        """Of what was condemned and is not destroyed: those keys can be found still, but are not handed out."""
        count = self._log.count()
        slots, self._chain = self._log.read(since=self._epoch, until=count, chain=self._chain)
        self._epoch = count
        self._condemned.update(slots)
        for slot in slots:
            self._memory[0].drop(slot // FANOUT)

    def _leaf(self, index: int) -> bytes:
        try:
            return self._node(0, index)
        except NodeMissingError:
            raise KeyStoreError(
                f"There is no key {index * FANOUT} in {self.folders[0]}: is this the data folder of these databases?"
            ) from None
        except KeyStoreError:
            if self._root_file.version() == self._version:
                raise
        self.look()  # a root was replaced since the last look, and what the old one opens is written over
        return self._node(0, index)

    def _node(self, level: int, index: int) -> bytes:
        with self._guard:  # else what one root opened could be remembered under the next
            found = self._memory[level].get(index)
            if found is None:
                found = self._nodes.open(level, index, self._node_key(level, index))
                self._memory[level].put(index, found)
            return found

    def _node_key(self, level: int, index: int) -> bytes:
        if level == TOP:
            return self._root.key
        return _slot(self._node(level + 1, index // FANOUT), index % FANOUT)

    # Writing

    @contextmanager
    def _writer(self) -> Iterator[Nodes]:
        """One process at a time; a lock of a dead one falls by itself. What others wrote is known inside."""
        with self._locked():
            self.look()
            self._writing.check(ROOT)
            yield Nodes(self._writing, self._root.tree)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Opened anew for each call, because flock belongs to the open file: threads of one process wait too.
        own = os.open(self.folders[0] / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(own, fcntl.LOCK_EX)
            yield
        finally:
            os.close(own)

    def _grow(self, nodes: Nodes, leaves: range) -> int:
        """Make the leaves that do not exist, and the nodes above them; on disk on return."""
        missing = [index for index in leaves if not nodes.exists(0, index)]
        for level in range(TOP - 1, 0, -1):
            for index in sorted({leaf // FANOUT**level for leaf in missing}):
                if not nodes.exists(level, index):
                    self._make_node(nodes, level, index)
        self._writing.sync()  # before anything is found through them
        for index in missing:
            self._make_node(nodes, 0, index)
        self._writing.sync()
        return len(missing)

    def _make_node(self, nodes: Nodes, level: int, index: int) -> None:
        key = self._node_key(level, index)
        nodes.write(level, index, key=key, plain=random_bytes(NODE_BYTES), generation=self._root.generation, side=0)

    def _reseal(self, nodes: Nodes, level: int, index: int, key: bytes, *, slots: Sequence[int]) -> bytes:
        """Seal a node, and those below it on the way to `slots`, under fresh keys; returns its own."""
        try:
            side, opened = nodes.find(level, index, key)
        except NodeMissingError:
            return key  # restored to a moment before it was made: what it held is gone anyway
        plain = bytearray(opened)
        for child, below in groupby(slots, lambda slot: slot // FANOUT**level):
            place = child % FANOUT
            fresh = (
                ERASED if level == 0 else self._reseal(nodes, level - 1, child, _slot(plain, place), slots=list(below))
            )
            plain[place * KEY_BYTES : (place + 1) * KEY_BYTES] = fresh
        fresh = random_bytes(KEY_BYTES)
        nodes.write(level, index, key=fresh, plain=bytes(plain), generation=self._root.generation + 1, side=1 - side)
        return fresh

    def _make_first(self) -> None:
        """Begin a store where there is nothing at all; beside existing keys a missing root is never made anew."""
        is_begun = any((self.folders[0] / name).exists() for name in (BLOCKS, CONDEMNED, "level-0"))
        if self._root_file.exists() or is_begun:
            return
        root = first_root()
        Nodes(self._writing, root.tree).write(
            TOP, 0, key=root.key, plain=random_bytes(NODE_BYTES), generation=root.generation, side=0
        )
        self._writing.sync()
        self._root_file.write_first(root)


def _slot(plain: bytes | bytearray, place: int) -> bytes:
    return bytes(plain[place * KEY_BYTES : (place + 1) * KEY_BYTES])
