"""The nouns of a package: what stands in its files. Every struct here is part of the format; `VERSION` says which."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from sendigopro.channels.directory import Directory
from sendigopro.foundation.postgres import Pool
from sendigopro.vault.vault import Vault

FORMAT: Final = "sendigopro-person"
VERSION = 1
KEPT = timedelta(days=7)
"""How long a package may be fetched."""

MANIFEST, DATA, PAGE, SCHEMA = "manifest.json", "data.json", "index.html", "schema.json"
MESSAGES, MESSAGE_SHEET, STATUS_SHEET, NOTICE_SHEET = "messages.jsonl", "messages.csv", "statuses.csv", "webhooks.csv"

Moment = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
"""RFC 3339, UTC, to the microsecond, always as long: it sorts as it is, and the database writes it."""
Words = Annotated[str, msgspec.Meta(max_length=1000, pattern=r"^[^\x00]*$")]
Small = Annotated[int, msgspec.Meta(ge=0, le=32_767)]
Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$")]

OnProgress = Callable[[int, int], None]
"""Told how many messages are done, of how many."""


class StatusRecord(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One thing that became of a message, and which carrier said so."""

    status: str
    at: Moment
    rank: Small
    reason: Words | None
    carrier: Words | None
    carrier_code: Words | None
    attempt: Small


class PartRecord(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What was reported of one part of a long message."""

    part: Small
    status: str
    rank: Small
    reason: Words | None


class MessageRecord(msgspec.Struct, forbid_unknown_fields=True, gc=False, rename={"sender": "from"}):
    """One line of messages.jsonl. `body` is null once its term is over or it was removed."""

    id: str
    direction: Literal["outbound", "inbound"]
    channel: Literal["sms"]
    created_at: Moment
    sender: Words | None
    to: Words | None
    status: str
    purpose: str
    body: str | None
    body_kept_until: Day
    segments: Small
    encoding: Literal["gsm7", "ucs2"]
    country: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Z]{2,3}$")]
    send_at: Moment | None
    expires_at: Moment
    carrier: str | None
    """The first choice of its route; which carriers had it stands in `history`."""
    callback_host: str | None
    metadata: dict[str, str]
    tags: list[str]
    history: list[StatusRecord]
    parts: list[PartRecord]


class Person(msgspec.Struct, forbid_unknown_fields=True):
    """Who it is, as this account knows them."""

    kind: Literal["phone"]
    identifier: str
    country: str
    first_seen: date
    last_seen: date
    mode: Literal["live", "test"]


class StandingRecord(msgspec.Struct, forbid_unknown_fields=True):
    """An opt-out, a restriction: what the account may not do."""

    scope: Small
    state: Literal["opted_out", "restricted", "erased"]
    at: Moment


class Handling(msgspec.Struct, forbid_unknown_fields=True):
    """What some of the data is, and why, on which basis, from whom, for whom and how long it is held."""

    data: list[str]
    columns: list[str]
    category: str
    purposes: list[str]
    basis: str
    retention: str
    source: str
    recipients: list[str]


class CarrierRecord(msgspec.Struct, forbid_unknown_fields=True):
    """A carrier that transported messages of this person."""

    name: str
    messages: int
    first_at: Moment
    last_at: Moment


class TermRecord(msgspec.Struct, forbid_unknown_fields=True):
    """How long the account keeps what: the clock of a product, in days."""

    product: str
    clock: Literal["body", "record", "identifier"]
    days: int


class Data(msgspec.Struct, forbid_unknown_fields=True):
    """The content of data.json: everything about the person but their messages."""

    format: Literal["sendigopro-person"]
    version: int
    person: Person
    standing: list[StandingRecord]
    handling: list[Handling]
    carriers: list[CarrierRecord]
    countries: dict[str, int]
    transfers: str
    automated_decisions: str
    left_out: dict[str, str]
    terms: list[TermRecord]


class FileEntry(msgspec.Struct, forbid_unknown_fields=True):
    """A file of the package, as the manifest names it."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z]+(-\d{4,6})?\.(json|jsonl|csv|html)$")]
    bytes: Annotated[int, msgspec.Meta(ge=0)]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class Counts(msgspec.Struct, forbid_unknown_fields=True):
    """How much there is."""

    messages: int = 0
    statuses: int = 0
    parts: int = 0
    webhooks: int = 0


class Manifest(msgspec.Struct, forbid_unknown_fields=True):
    """The content of manifest.json: what must be there, and its fingerprints.

    `content_sha256` covers what a second instance must give back equal: `check.Fingerprint` says exactly what.
    """

    format: Literal["sendigopro-person"]
    version: int
    request_id: str
    account: str
    subject: str
    mode: Literal["live", "test"]
    made_at: datetime
    fetch_until: datetime
    counts: Counts
    content_sha256: str
    files: list[FileEntry]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a package is read from: the pools of role `pipeline`, and what opens and names what they hold."""

    main: Pool
    vault_pool: Pool
    vault: Vault
    directory: Directory


@dataclass(frozen=True, slots=True)
class Built:
    """A package that is ready."""

    path: Path
    request_id: UUID
    manifest: Manifest
    expires_at: datetime


class SubjectGoneError(LookupError):
    """The account does not know this person, or no longer: there is nothing to make a package of."""
