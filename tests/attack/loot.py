"""What an attacker takes out of a copy of the databases: sealed values, and the slots their keys were in."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg

from sendigopro.foundation.embedded import EmbeddedServer, Tuning
from sendigopro.vault.sealing import UnreadableError, identifier_key, message_key, open_
from tests.attack.tree import History


@dataclass(frozen=True, slots=True)
class Sealed:
    """One person of one account, as the databases had them."""

    account_id: UUID
    subject_id: UUID
    identifier: bytes
    slot: int
    account_slot: int
    bodies: tuple[tuple[UUID, bytes, int], ...]
    """Message, sealed body, slot of its day."""


async def take(data_dir: Path) -> list[Sealed]:
    """Start the stolen copy as a server of one's own, and read all as its administrator."""
    server = EmbeddedServer(data_dir, Tuning(max_connections=20))
    await server.start()
    try:
        vault = await asyncpg.connect(server.url("vault"), user="postgres")
        main = await asyncpg.connect(server.url("main"), user="postgres")
        subjects = await vault.fetch("SELECT account_id, id, identifier, key_slot FROM vault.subjects")
        owners = await vault.fetch("SELECT account_id, seal_slot FROM vault.account_keys")
        buckets = await vault.fetch("SELECT account_id, bucket, slot FROM vault.buckets")
        letters = await main.fetch(
            """
            SELECT m.account_id, m.subject_id, m.id, b.expires_on, b.body
              FROM main.messages m JOIN main.message_bodies b ON b.account_id = m.account_id AND b.message_id = m.id
             WHERE b.body IS NOT NULL AND m.subject_id IS NOT NULL
            """
        )
        await main.close()
        await vault.close()
    finally:
        await server.stop()
    accounts = {row[0]: row[1] for row in owners}
    days = {(row[0], row[1]): row[2] for row in buckets}
    bodies: dict[UUID, list[tuple[UUID, bytes, int]]] = {}
    for account_id, subject_id, message_id, day, body in letters:
        bodies.setdefault(subject_id, []).append((message_id, body, days[account_id, day]))
    return [Sealed(row[0], row[1], row[2], row[3], accounts[row[0]], tuple(bodies.get(row[1], ()))) for row in subjects]


def opened(one: Sealed, history: History, roots: list[bytes]) -> set[str]:
    """Every clear value that these roots lead to: the identifier, the bodies."""
    found = set()
    for key in history.keys_of(one.slot, roots):
        for account_key in history.keys_of(one.account_slot, roots):
            place = (one.account_id.bytes, b"subjects", b"identifier", one.subject_id.bytes)
            found |= clear(identifier_key(key, account_key), place, one.identifier)
        for message_id, body, slot in one.bodies:
            for day_key in history.keys_of(slot, roots):
                place = (one.account_id.bytes, b"message_bodies", b"body", message_id.bytes)
                found |= clear(message_key(key, day_key), place, body)
    return found


def clear(key: bytes, place: tuple[bytes, bytes, bytes, bytes], sealed: bytes) -> set[str]:
    try:
        return {open_(key, place, sealed).decode()}
    except UnreadableError:
        return set()
