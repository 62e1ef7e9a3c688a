"""How entries are spelt and chained: SHA-256 over the hash before and the entry. Pure; verifiers repeat it.

What is hashed is what is exported, letter for letter, so a verifier needs nothing but JSON and SHA-256
(`docs/verify_audit_log.py`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sendigopro.audit.model import PREFIX_OF, Actor, Entry
from sendigopro.foundation import ids
from sendigopro.foundation.spelling import canonical


def told(entry: Entry) -> dict[str, Any]:
    """An entry as customers see it."""
    return {
        "account_id": ids.typed("acc", entry.account_id),
        "action": str(entry.action),
        "actor": {"id": actor_id(entry.actor), "kind": str(entry.actor.kind)},
        "at": spelt_time(entry.at),
        "commitment": None if entry.commitment is None else entry.commitment.hex(),
        "facts": dict(entry.facts),
        "id": ids.typed("aud", entry.id),
        "n": entry.n,
        "request_id": entry.request_id,
        "target": entry.target,
    }  # fmt: skip


def actor_id(actor: Actor) -> str | None:
    if actor.id is None:
        return None
    return ids.typed(PREFIX_OF.get(actor.kind, "act"), actor.id)


def spelt_time(at: datetime) -> str:
    """Always with microseconds: a time has one spelling."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def hash_of(prev_hash: bytes, said: Mapping[str, Any]) -> bytes:
    """The link: everything before is in it."""
    return sha256(prev_hash + canonical(said)).digest()


def commitment_of(salt: bytes, values: Mapping[str, str]) -> bytes:
    """Stands in the chain for values that may be erased: with the salt gone, nobody can find them by trying."""
    return sha256(salt + canonical(values)).digest()
