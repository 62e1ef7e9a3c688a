"""The root of the key tree: 32 bytes that alone must be truly destroyed for what hung on them to be forgotten.

The root itself is never written. What stands in the file is the root wrapped by a key that its keeper holds: a security
module, a cloud's key service, or a file. Replacing the root means a new wrapping key, a new file, and the death of the
wrapping key before: from then on no copy of the old file can be opened.
"""

import hmac
import json
from dataclasses import dataclass, field, replace
from typing import Protocol

from sendigopro.foundation.killpoints import reach
from sendigopro.foundation.randomness import random_bytes
from sendigopro.vault.condemned import BEGINNING
from sendigopro.vault.copies import Copies
from sendigopro.vault.keys import KEY_BYTES, KeyStoreError

NAME = "root"
FORMAT = 1
TREE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Level:
    """What the death of a wrapping key is worth with this keeper."""

    name: str
    is_for_production: bool
    days_until_destroyed: int
    """0: at once. Otherwise whoever runs the service could still bring it back for so long."""
    told: str


class Keeper(Protocol):
    """Holds wrapping keys. Every method may take long; whatever fails is a `KeyStoreError` that says what to do."""

    @property
    def level(self) -> Level: ...

    def make(self, label: str) -> str:
        """A new wrapping key that cannot be copied out; its name there."""

    def wrap(self, key_name: str, clear: bytes) -> bytes: ...

    def unwrap(self, key_name: str, wrapped: bytes) -> bytes: ...

    def destroy(self, key_name: str) -> None:
        """Destroy a wrapping key; one that is gone already is no error."""


@dataclass(frozen=True, slots=True)
class Root:
    """A root, and what is true under it."""

    tree: bytes
    generation: int
    epoch: int
    """So many of the condemned keys are destroyed under it."""
    chain: bytes
    """The hash over those, as the list of the condemned must have it."""
    key: bytes = field(repr=False)
    wrapped_by: str = ""
    dying: str = ""
    """The wrapping key of the root before, until it is surely destroyed."""


def first_root() -> Root:
    return Root(random_bytes(TREE_BYTES), 1, 0, BEGINNING, random_bytes(KEY_BYTES))


class RootFile:
    """The wrapped root in a key store's folders."""

    def __init__(self, copies: Copies, keeper: Keeper) -> None:
        self._copies = copies
        self._keeper = keeper
        self._path = copies.folders[0] / NAME

    def exists(self) -> bool:
        return self._path.exists()

    def version(self) -> tuple[int, int]:
        """Changes whenever the file is replaced."""
        try:
            found = self._path.stat()
        except FileNotFoundError as error:
            raise KeyStoreError(
                f"The root of the key store is missing: {self._path}. Nothing can be opened without it. Is this the "
                "data folder of these databases? Put the file back; it is never made anew beside existing keys."
            ) from error
        return found.st_ino, found.st_mtime_ns

    def read(self) -> Root:
        """Unwrap it, and check that all of it is what was written."""
        try:
            noted = json.loads(self._path.read_bytes())
            wrapped, tag = bytes.fromhex(noted["wrapped"]), bytes.fromhex(noted["tag"])
            root = Root(
                tree=bytes.fromhex(noted["tree"]), generation=noted["generation"], epoch=noted["epoch"],
                chain=bytes.fromhex(noted["chain"]), key=b"", wrapped_by=noted["wrapped_by"], dying=noted["dying"],
            )  # fmt: skip
        except FileNotFoundError as error:
            raise KeyStoreError(f"The root of the key store is missing: {self._path}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise KeyStoreError(f"{self._path} is damaged: put its newest copy back. Nothing is opened.") from error
        if noted["level"] != self._keeper.level.name:
            raise KeyStoreError(
                f"{self._path} was wrapped by {noted['level']}, but SENDIGOPRO_ROOT says {self._keeper.level.name}. "
                "Set it back; `sendigopro vault rewrap` changes it."
            )
        root = replace(root, key=self._keeper.unwrap(root.wrapped_by, wrapped))
        if not hmac.compare_digest(tag, _tag(root)):
            raise KeyStoreError(f"{self._path} was changed, or is not the root of this store. Nothing is opened.")
        return root

    def write_first(self, root: Root) -> None:
        """Of a store that is being made, or brought back."""
        self.write(replace(root, wrapped_by=self._keeper.make(_label(root))))

    def replace(self, before: Root, after: Root) -> None:
        """The act of forgetting. After a crash it has happened or not; `finish` does what is left of it."""
        if after.generation != before.generation + 1:
            raise KeyStoreError(f"A root of generation {before.generation} is followed by no {after.generation}.")
        fresh = replace(after, wrapped_by=self._keeper.make(_label(after)), dying=before.wrapped_by)
        reach("erase.root_wrapped")
        self.write(fresh)
        reach("erase.root_replaced")
        self.finish(fresh)

    def finish(self, root: Root) -> None:
        """Destroy what wrapped the root before, if that is not surely done."""
        if root.dying:
            self._keeper.destroy(root.dying)
            reach("erase.old_root_destroyed")
            self.write(replace(root, dying=""))

    def write(self, root: Root) -> None:
        """Wrap it with the key it names, and put the file in place."""
        noted = {
            "format": FORMAT, "level": self._keeper.level.name, "tree": root.tree.hex(), "generation": root.generation,
            "epoch": root.epoch, "chain": root.chain.hex(), "wrapped_by": root.wrapped_by, "dying": root.dying,
            "wrapped": self._keeper.wrap(root.wrapped_by, root.key).hex(), "tag": _tag(root).hex(),
        }  # fmt: skip
        self._copies.replace(NAME, json.dumps(noted, indent=1).encode())


def _tag(root: Root) -> bytes:
    """Over what must be read together with the key, under the key itself: whatever the keeper can or cannot check."""
    said = b"%d %s %d %d %s" % (
        FORMAT,
        root.tree.hex().encode(),
        root.generation,
        root.epoch,
        root.chain.hex().encode(),
    )
    return hmac.digest(root.key, b"sendigopro root " + said, "sha256")


def _label(root: Root) -> str:
    return f"sendigopro-root-{root.tree.hex()[:8]}-{root.generation}"
