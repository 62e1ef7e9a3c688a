"""The request log of /v1: gathered in memory where an answer leaves, written by COPY each second, off the path.

Bodies, queries, addresses and headers are never in it. All problems are kept, and successes up to a number a second
for each account and process; of those beyond it every so many.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from sendigopro.accounts import request_store
from sendigopro.accounts.model import Caller
from sendigopro.foundation import ids, logs
from sendigopro.foundation.asgi import Scope, header
from sendigopro.foundation.postgres import Pool
from sendigopro.foundation.problems import Invalid

KEPT_DAYS: Final = 7
WRITE_SECONDS: Final = 1.0
FREE: Final = 100
"""Successes of an account that one process keeps in a second, without choosing."""
EVERY: Final = 50
"""Of those beyond, one in so many."""
ROWS_MAX: Final = 10_000
"""In memory at once: what is more, while the database is away or a client asks in vain like mad, is counted as lost."""
PROBLEM_FROM: Final = 400
OUR_ID: Final = re.compile(r"[a-z]{2,4}_[0-9a-z]{26}")
ELSEWHERE: Final = "/v1/…"

log = logs.get(__name__)


class Line(NamedTuple):
    """A request as it stands in memory, cheap to make."""

    account_id: UUID
    id: bytes
    given: str | None
    mode: int
    key_id: UUID
    method: str
    path: str
    status: int
    problem: str | None
    duration_us: int
    request_bytes: int
    response_bytes: int


class RequestLog:
    """What this process answered since the last second."""

    def __init__(self, pool: Pool, *, paths: Iterable[str]) -> None:
        self._pool = pool
        self._paths = known_paths(paths)
        self._lines: list[Line] = []
        self._taken: dict[UUID, int] = {}
        self._lost = 0

    def note(
        self, scope: Scope, given: bytes | None, *, status: int, problem: str | None, seconds: float, size: int
    ) -> None:
        """Gather one answer; whoever could not be told apart by a key has no log. The hot path."""
        caller: Caller | None = scope.get("caller")
        if caller is None:
            return
        if status < PROBLEM_FROM:
            taken = self._taken[caller.account_id] = self._taken.get(caller.account_id, 0) + 1
            if taken > FREE and taken % EVERY:
                return
        if len(self._lines) >= ROWS_MAX:
            self._lost += 1
            return
        self._lines.append(
            Line(
                caller.account_id, scope["request_raw"], given.decode() if given else None, caller.mode, caller.key_id,
                scope["method"], scope["path"], status, problem, int(seconds * 1_000_000), length_of(scope), size,
            )
        )  # fmt: skip

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write what was gathered. What cannot be written is lost: it is a log, and memory has an end."""
        lines, self._lines, lost, self._lost = self._lines, [], self._lost, 0
        self._taken.clear()
        try:
            if lines:
                records = [self._record(line) for line in lines]
                async with self._pool.acquire() as conn:
                    await request_store.append(conn, records=records)
        except BaseException:
            lost += len(lines)
            raise
        finally:
            if lost:
                log.warning("requests_not_logged", lost=lost)

    def _record(self, line: Line) -> tuple[object, ...]:
        return (
            line.account_id, ids.from_bytes(line.id), read_request_id(line.given), line.mode, line.key_id, line.method,
            shown_path(line.path, self._paths), *line[7:],
        )  # fmt: skip


def length_of(scope: Scope) -> int:
    """What the client said; 0 for a body in chunks."""
    length = header(scope, b"content-length")
    return int(length) if length is not None and length.isdigit() and len(length) < 16 else 0  # noqa: PLR2004  # beyond any body


def read_request_id(text: str | None) -> UUID | None:
    """A Request-Id in any form we keep: ours, or a caller's own that is a UUID. Other words could name somebody."""
    if text is None:
        return None
    try:
        return ids.parse("req", text) if text.startswith("req_") else UUID(text)
    except (Invalid, ValueError):
        return None


def known_paths(paths: Iterable[str]) -> dict[int, list[Sequence[str]]]:
    """The paths of the document by their number of parts, those without parameters first."""
    found: dict[int, list[Sequence[str]]] = defaultdict(list)
    for path in sorted(set(paths), key=lambda one: one.count("{")):
        parts = path.split("/")
        found[len(parts)].append(parts)
    return found


def shown_path(path: str, known: dict[int, list[Sequence[str]]]) -> str:
    """A path with the ids in it that are ours; whatever else was put there may be anything, and is left out."""
    parts = path.split("/")
    for one in known.get(len(parts), ()):
        if all(word == part or (word.startswith("{") and part) for word, part in zip(one, parts, strict=True)):
            return "/".join(
                part if word == part or OUR_ID.fullmatch(part) else word for word, part in zip(one, parts, strict=True)
            )
    return ELSEWHERE
