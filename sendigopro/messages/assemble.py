"""A group's messages sorted into chunks of one lane, into what waits, and into counts. Nothing is written here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sendigopro.foundation import clock, ids
from sendigopro.foundation.problems import Problem
from sendigopro.messages import store
from sendigopro.messages.model import Why
from sendigopro.messages.rows import Placed, Prepared

CHUNK_MAX = 500

Verdict = tuple[Problem | None, int]
"""Why a message is refused, or what is held for it."""


class Asked(Protocol):
    """The messages of one request."""

    @property
    def messages(self) -> Sequence[Prepared]: ...


@dataclass(slots=True)
class Assembled:
    """A group sorted into what goes to which table."""

    placed: list[Placed] = field(default_factory=list)
    chunks: list[store.ChunkRow] = field(default_factory=list)
    waiting: list[store.WaitingRow] = field(default_factory=list)
    tallies: list[store.Tally] = field(default_factory=list)


def assemble(asked: Sequence[Asked], verdicts: Sequence[Sequence[Verdict]]) -> Assembled:
    """Give each accepted message its place."""
    out = Assembled()
    open_chunks: dict[tuple[Any, ...], store.ChunkRow] = {}
    counts: dict[tuple[UUID, int, int, str], list[int]] = {}
    for request, verdict in zip(asked, verdicts, strict=True):
        for message, (problem, held_micros) in zip(request.messages, verdict, strict=True):
            if problem is not None:
                continue
            if message.send_at is None:
                out.placed.append(_place(out, open_chunks, message, held_micros))
            else:
                out.placed.append(Placed(message, held_micros))
                out.waiting.append(_waiting_row(message, message.send_at))
            terms = message.terms
            count = counts.setdefault((terms.account_id, terms.mode, terms.channel, message.country), [0, 0])
            count[0] += 1
            count[1] += message.price_micros
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    out.tallies = [
        (account_id, mode, hour, channel, country, 0, n, micros)
        for (account_id, mode, channel, country), (n, micros) in counts.items()
    ]
    return out


def _place(
    out: Assembled, open_chunks: dict[tuple[Any, ...], store.ChunkRow], message: Prepared, held_micros: int
) -> Placed:
    terms = message.terms
    key = (terms.account_id, terms.mode, terms.carrier_id, terms.priority, message.body_expires_on)
    chunk = open_chunks.get(key)
    if chunk is None or len(chunk.message_ids) >= CHUNK_MAX:
        chunk = store.ChunkRow(
            terms.account_id, ids.new(), terms.mode, terms.carrier_id, terms.priority, [], message.body_expires_on,
            message.expires_at,
        )  # fmt: skip
        open_chunks[key] = chunk
        out.chunks.append(chunk)
    position = len(chunk.message_ids)
    chunk.message_ids.append(ids.from_bytes(message.id))
    chunk.min_expires_at = min(chunk.min_expires_at, message.expires_at)
    return Placed(message, held_micros, chunk.id, position)


def _waiting_row(message: Prepared, send_at: datetime) -> store.WaitingRow:
    terms = message.terms
    return store.WaitingRow(
        terms.account_id, ids.from_bytes(message.id), terms.mode, send_at, terms.carrier_id, terms.priority,
        1, Why.SCHEDULED, message.expires_at, message.body_expires_on,
    )  # fmt: skip
