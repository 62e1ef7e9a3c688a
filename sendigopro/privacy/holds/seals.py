"""What a hold keeps is sealed under the hold's own key: it lives as long as the hold, whatever dies meanwhile."""

from uuid import UUID

import msgspec

from sendigopro.privacy.holds.model import Item, StoredHold, StoredItem, Words
from sendigopro.vault.sealing import derive, open_, seal
from sendigopro.vault.tree import KeyTree

_USE = b"sendigopro/seal/1 hold"
_ITEMS: msgspec.msgpack.Decoder[Item] = msgspec.msgpack.Decoder(Item)
_WORDS = msgspec.msgpack.Decoder(Words)
_encode = msgspec.msgpack.encode


def key_of(keys: KeyTree, slot: int) -> bytes:
    """`KeyErasedError` once the hold is released."""
    return derive(keys.key(slot), _USE)


def seal_words(key: bytes, words: Words, *, account_id: UUID, hold_id: UUID) -> bytes:
    return seal(key, (account_id.bytes, b"holds", b"words", hold_id.bytes), _encode(words))


def open_words(key: bytes, hold: StoredHold) -> Words:
    return _WORDS.decode(open_(key, (hold.account_id.bytes, b"holds", b"words", hold.id.bytes), hold.words))


def seal_item(key: bytes, hold: StoredHold, item: Item, *, item_id: UUID) -> bytes:
    return seal(key, (hold.account_id.bytes, b"held_items", b"content", hold.id.bytes + item_id.bytes), _encode(item))


def open_item(key: bytes, hold: StoredHold, stored: StoredItem) -> Item:
    place = (hold.account_id.bytes, b"held_items", b"content", hold.id.bytes + stored.id.bytes)
    return _ITEMS.decode(open_(key, place, stored.content))
