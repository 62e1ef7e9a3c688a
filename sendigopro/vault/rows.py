"""Rows of subjects packed by hand for binary COPY."""

import struct
from datetime import date

from sendigopro.foundation.postgres import pack_bytes, pg_day

SUBJECT_COLUMNS = (
    "account_id", "mode", "lookup", "id", "kind", "key_slot", "first_seen", "last_seen", "country", "identifier",
)  # fmt: skip
_FIXED = struct.Struct("!h i16s ih i16s i16s ih iq ii ii".replace(" ", ""))


def pack_subject(
    *,
    account_id: bytes,
    mode: int,
    lookup: bytes,
    subject_id: bytes,
    kind: int,
    key_slot: int,
    country: str,
    identifier: bytes,
    today: date,
) -> bytes:
    """A row of `subjects`; it begins as `meet_subjects` orders them, so that sorted rows have the same order."""
    day = pg_day(today)
    head = _FIXED.pack(
        10, 16, account_id, 2, mode, 16, lookup, 16, subject_id, 2, kind, 8, key_slot, 4, day, 4, day
    )  # fmt: skip
    return head + pack_bytes(country.encode()) + pack_bytes(identifier)
