"""Ids: UUIDv7 inside, TypeIDs (prefix and 26 letters of base32) outside."""

from datetime import UTC, date, datetime
from functools import lru_cache
from uuid import UUID

import uuid_utils
from asyncpg.pgproto import pgproto

from sendigopro.foundation.problems import Invalid

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base32, as the TypeID specification 0.3 has it
PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
THREES = [pair + low for pair in PAIRS for low in ALPHABET]
VALUE_OF = {letter: value for value, letter in enumerate(ALPHABET)}
SUFFIX_LENGTH = 26


def new() -> UUID:
    """A fresh UUIDv7: its first 48 bits are milliseconds, so ids sort by time."""
    return pgproto.UUID(uuid_utils.uuid7().bytes)


def new_bytes() -> bytes:
    """The 16 bytes of a fresh UUIDv7; five times cheaper than `new`."""
    return uuid_utils.uuid7().bytes


def from_bytes(raw: bytes) -> UUID:
    """The id of 16 bytes, as the database driver would give it: a UUID in every way, made at a tenth of the cost."""
    return pgproto.UUID(raw)


def typed(prefix: str, value: UUID | bytes) -> str:
    """Write an id as customers see it: `msg_01h455vb4pex5vsknk084sn02q`."""
    n = value.int if isinstance(value, UUID) else int.from_bytes(value)
    return (
        f"{prefix}_{PAIRS[n >> 120]}{THREES[n >> 105 & 32767]}{THREES[n >> 90 & 32767]}{THREES[n >> 75 & 32767]}"
        f"{THREES[n >> 60 & 32767]}{THREES[n >> 45 & 32767]}{THREES[n >> 30 & 32767]}{THREES[n >> 15 & 32767]}"
        f"{THREES[n & 32767]}"
    )


def parse(prefix: str, text: str, *, param: str | None = None) -> UUID:
    """Read an id back; anything else than this prefix and 26 proper letters is `Invalid`."""
    head, _, suffix = text.rpartition("_")
    if head != prefix or len(suffix) != SUFFIX_LENGTH or suffix[0] > "7":
        raise Invalid("invalid_id", f"This is not an id of the form {prefix}_….", param=param)
    number = 0
    for letter in suffix:
        value = VALUE_OF.get(letter)
        if value is None:
            raise Invalid("invalid_id", f"This is not an id of the form {prefix}_….", param=param)
        number = number << 5 | value
    return UUID(int=number)


def milliseconds_of(value: UUID | bytes) -> int:
    """Milliseconds since 1970 of a UUIDv7."""
    return int.from_bytes((value.bytes if isinstance(value, UUID) else value)[:6])


def time_of(value: UUID | bytes) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return _moment(milliseconds_of(value))


@lru_cache(maxsize=1024)
def _moment(milliseconds: int) -> datetime:
    """What comes together was made in few different milliseconds."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def first_at(moment: datetime) -> UUID:
    """The lowest id that can have been made at `moment` or later."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def first_of_day(day: date) -> UUID:
    """The lowest id of a day: the bound of its partition."""
    return first_at(datetime(day.year, day.month, day.day, tzinfo=UTC))
