"""What is sealed opens only where it belongs, under its own key, unchanged."""

import os

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from sendigopro.vault import macs, sealing
from sendigopro.vault.sealing import UnreadableError, open_, seal

KEY = bytes(range(32))
PLACE = (b"A" * 16, b"message_bodies", b"body", b"M" * 16)
ELSEWHERE = [
    (b"B" * 16, b"message_bodies", b"body", b"M" * 16),
    (b"A" * 16, b"messages", b"body", b"M" * 16),
    (b"A" * 16, b"message_bodies", b"details", b"M" * 16),
    (b"A" * 16, b"message_bodies", b"body", b"N" * 16),
    (b"A" * 16, b"message_bodiesb", b"ody", b"M" * 16),  # the same letters, cut elsewhere
]


@given(st.binary(max_size=2000))
def test_what_was_sealed_opens_again(clear: bytes) -> None:
    assert open_(KEY, PLACE, seal(KEY, PLACE, clear)) == clear


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_a_value_moved_to_another_account_table_column_or_row_does_not_open(elsewhere: sealing.Place) -> None:
    with pytest.raises(UnreadableError):
        open_(KEY, elsewhere, seal(KEY, PLACE, b"hello"))


def test_one_changed_bit_anywhere_is_noticed() -> None:
    sealed = seal(KEY, PLACE, b"hello")

    for place in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(UnreadableError):
            open_(KEY, PLACE, bytes(changed))


def test_another_key_and_every_cut_end_in_the_same_error() -> None:
    sealed = seal(KEY, PLACE, b"hello")

    with pytest.raises(UnreadableError):
        open_(bytes(32), PLACE, sealed)
    for length in range(len(sealed)):
        with pytest.raises(UnreadableError):
            open_(KEY, PLACE, sealed[:length])


def test_the_format_is_version_epoch_nonce_ciphertext_tag() -> None:
    sealed = seal(KEY, PLACE, b"hello")

    assert sealed[0] == 1
    assert int.from_bytes(sealed[1:5]) == sealing.KEY_EPOCH
    assert len(sealed) == 1 + 4 + 12 + len(b"hello") + 16


def test_nothing_is_ever_sealed_twice_alike() -> None:
    assert len({seal(KEY, PLACE, b"hello") for _ in range(1000)}) == 1000


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=20))
def test_keys_are_made_as_rfc_5869_says(secret: bytes, use: bytes) -> None:
    expected = HKDFExpand(algorithm=SHA256(), length=32, info=use).derive(secret)

    assert sealing.derive(secret, use) == expected


def test_either_death_is_enough() -> None:
    person, day = os.urandom(32), os.urandom(32)
    sealed = seal(sealing.message_key(person, day), PLACE, b"hello")

    for key in (sealing.message_key(person, bytes(32)), sealing.message_key(bytes(32), day)):
        with pytest.raises(UnreadableError):
            open_(key, PLACE, sealed)


def test_the_same_word_for_two_uses_kinds_or_accounts_gives_unlike_macs() -> None:
    other = os.urandom(32)
    found = [
        macs.lookup_mac(KEY, macs.PHONE, "x"),
        macs.lookup_mac(KEY, macs.EMAIL, "x"),
        macs.lookup_mac(other, macs.PHONE, "x"),
        macs.suppression_mac(KEY, macs.PHONE, "x"),
        macs.tag_mac(KEY, "x"),
        macs.idempotency_mac(KEY, "x"),
        macs.body_mac(KEY, b"x"),
    ]

    assert len(set(found)) == len(found)
    assert {len(mac) for mac in found} == {16}
