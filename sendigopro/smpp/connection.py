"""One bind that is kept open: connects again after a pause, keeps to its rate, and rests when the centre says so."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sendigopro.foundation.randomness import jitter
from sendigopro.smpp.client import Address, BindMode, BindRefused, ConnectFailed, connect
from sendigopro.smpp.pdu import Bind
from sendigopro.smpp.session import Counters, Delivery, Limits, Response, Session

RECONNECT_FIRST_SECONDS: Final = 0.25
RECONNECT_MOST_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 5.0
"""A bind that lasted so long did not fail; a shorter one makes the next pause longer."""
REST_FIRST_SECONDS: Final = 0.1
REST_MOST_SECONDS: Final = 10.0
BURST_SECONDS: Final = 0.1
PARTING_SECONDS: Final = 2.0


class ConnectionOwner(Protocol):
    """Who a connection talks back to."""

    def on_up(self, connection: "Connection") -> None:
        """It is bound."""

    def on_down(self, connection: "Connection") -> None:
        """It is not bound any more; its unanswered submits have been told."""

    def on_responses(self, connection: "Connection", responses: Sequence[Response]) -> None:
        """Submits were answered."""

    def on_unanswered(self, connection: "Connection", tokens: Sequence[Any]) -> None:
        """Submits were written and not answered."""

    def on_deliver(self, session: Session, deliveries: Sequence[Delivery]) -> None:
        """Receipts and messages came; the session answers them when it is told to."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to connect, and what is allowed then."""

    address: Address
    bind: Bind = field(repr=False)
    mode: BindMode
    limits: Limits
    rate_per_second: float = 0.0
    """0: as fast as the window turns."""


class Connection:
    """A bind and its next ones. Submits go out by `submit_many`, as many as `budget` says."""

    def __init__(self, plan: Plan, owner: ConnectionOwner) -> None:
        self.plan = plan
        self.is_up = False
        self.is_ending = False
        self.error = ""
        self.times_bound = 0
        self.times_rested = 0
        self.counters = Counters()
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._session = Session(self, plan.limits)
        self._failures = 0
        self._rest_seconds = 0.0
        self._rest_until = 0.0
        self._burst = max(1.0, plan.rate_per_second * BURST_SECONDS)
        self._allowance = self._burst
        self._counted_at = self._loop.time()
        self._drained = asyncio.Event()
        self._task = self._loop.create_task(self._keep_open())

    # Sending.

    @property
    def can_submit(self) -> bool:
        """It is bound for sending, and not on its way out."""
        return self.is_up and not self.is_ending and self.plan.mode is not BindMode.RECEIVER

    @property
    def outstanding(self) -> int:
        return self._session.outstanding

    def budget(self) -> int:
        """How many submits may be written now, by window, rate and rest."""
        if not self.can_submit or self.rest_remaining() > 0:
            return 0
        room = self._session.room
        if not self.plan.rate_per_second:
            return room
        now = self._loop.time()
        self._allowance += (now - self._counted_at) * self.plan.rate_per_second
        self._allowance = min(self._allowance, self._burst)
        self._counted_at = now
        return min(room, int(self._allowance))

    def wait_seconds(self) -> float | None:
        """When to ask for `budget` again; None when an answer must come first, which says so itself."""
        if not self.can_submit or not self._session.room:
            return None
        rest = self.rest_remaining()
        if rest > 0:
            return rest
        if not self.plan.rate_per_second:
            return None
        return max(0.001, (1 - self._allowance) / self.plan.rate_per_second)

    def submit_many(self, bodies: Sequence[bytes], tokens: Sequence[Any]) -> None:
        """Write submits, no more than `budget` said."""
        if self.plan.rate_per_second:
            self._allowance -= len(bodies)
        self._session.submit_many(bodies, tokens)

    def rest(self) -> float:
        """Stop for a while: the centre is full. Many answers of one moment are one reason; gives the seconds left."""
        remaining = self.rest_remaining()
        if remaining > 0:
            return remaining
        self.times_rested += 1
        self._rest_seconds = min(max(REST_FIRST_SECONDS, self._rest_seconds * 2), REST_MOST_SECONDS)
        pause = self._rest_seconds * jitter(0.8, 1.2)
        self._rest_until = self._loop.time() + pause
        return pause

    def rest_remaining(self) -> float:
        """Seconds until it may submit again."""
        return self._rest_until - self._loop.time()

    async def end(self, *, drain_seconds: float) -> None:
        """Take nothing more, wait for answers, unbind; what is unanswered when this returns has been told."""
        self.is_ending = True
        if self.is_up and self.outstanding:
            self.hurry(drain_seconds)
            await self._drained.wait()
        if self.is_up:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PARTING_SECONDS):
                    await self._session.unbind()
            await self._session.wait_closed()
        self._task.cancel()
        await asyncio.wait([self._task])

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for answers."""
        self._loop.call_later(seconds, self._drained.set)

    # What the session calls.

    def on_responses(self, responses: Sequence[Response]) -> None:
        if self._rest_seconds and self.rest_remaining() < -self._rest_seconds:
            self._rest_seconds = 0.0
        self._owner.on_responses(self, responses)
        if self.is_ending and not self.outstanding:
            self._drained.set()

    def on_deliver(self, deliveries: Sequence[Delivery]) -> None:
        self._owner.on_deliver(self._session, deliveries)

    def on_unanswered(self, tokens: Sequence[Any]) -> None:
        self._owner.on_unanswered(self, tokens)
        if self.is_ending and not self.outstanding:
            self._drained.set()

    def on_closed(self, error: Exception | None) -> None:
        if not self.is_up:
            return
        self.is_up = False
        if error is not None:
            self.error = str(error) or type(error).__name__
        self._owner.on_down(self)

    # Staying connected.

    async def _keep_open(self) -> None:
        while not self.is_ending:
            begun = self._loop.time()
            await self._stay_bound()
            lasted = self._loop.time() - begun
            self._failures = 0 if lasted > STEADY_SECONDS and self.times_bound else self._failures + 1
            pause = min(RECONNECT_FIRST_SECONDS * 2 ** min(self._failures, 10), RECONNECT_MOST_SECONDS)
            await asyncio.sleep(pause * jitter(0.5, 1.0))

    async def _stay_bound(self) -> None:
        """Connect, bind, and return when that is over, one way or the other."""
        session = self._session = Session(self, self.plan.limits)
        session.counters = self.counters
        try:
            await connect(session, self.plan.address, self.plan.bind, self.plan.mode)
        except (ConnectFailed, BindRefused) as error:
            self.error = str(error)
            return
        if not session.is_open:
            return
        self.is_up = True
        self.times_bound += 1
        self.error = ""
        self._owner.on_up(self)
        await session.wait_closed()
