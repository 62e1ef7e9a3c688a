"""One receiver: its connections, how much it can take, and when it is left alone for a while."""

from collections.abc import Sequence
from uuid import UUID

from sendigopro.foundation.addresses import Target
from sendigopro.webhooks.client import Client, Pool
from sendigopro.webhooks.connection import Answer

CONNECTIONS_FIRST = 4
CONNECTIONS_MAX = 128
WAITING_MAX = 2_000  # in memory; what comes on top goes to the retries, which cost a row each
TROUBLE_MAX = CONNECTIONS_FIRST  # failures in a row before it is left alone
PROBES_MAX = 20
REST_SECONDS = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
STATUS_MIN = 100
SERVER_TROUBLE = 500
TOO_EARLY = frozenset({408, 425, 429})


class Lane:
    """An endpoint, or all callback URLs of one account at one origin.

    It begins with few connections and gets one more with every success; a failure halves them. After some failures in
    a row it rests: nothing is posted, what waits goes to the retries. Then one post probes whether it is back.
    """

    __slots__ = (
        "_backoff",
        "_client",
        "_trouble",
        "account_id",
        "endpoint_id",
        "id",
        "is_callback",
        "is_off",
        "keys",
        "mode",
        "path",
        "pool",
        "rests_until",
        "tail",
        "types",
        "used_at",
    )

    def __init__(
        self,
        client: Client,
        *,
        account_id: UUID,
        mode: int,
        lane_id: UUID,
        endpoint_id: UUID,
        target: Target,
        is_callback: bool,
    ) -> None:
        self._client = client
        self.account_id = account_id
        self.mode = mode
        self.id = lane_id
        self.endpoint_id = endpoint_id
        self.is_callback = is_callback
        self.is_off = False
        self.types: frozenset[str] | None = None
        self.keys: Sequence[bytes] = ()
        self.pool: Pool = client.pool(target.origin, limit=CONNECTIONS_FIRST)
        self.rests_until = 0.0
        self.used_at = 0.0
        self._trouble = 0
        self._backoff = 0
        self.aim(target)

    def aim(self, target: Target) -> None:
        """Go to this URL from now on. A new origin gets new connections, and what waits goes along."""
        self.path = target.path.encode()
        self.tail = (
            f" HTTP/1.1\r\nHost: {target.origin.host_header}\r\nUser-Agent: SendiGoPro/1\r\n"
            "Content-Type: application/json\r\n"
        ).encode() + b"webhook-id: %b\r\nwebhook-timestamp: %b\r\nwebhook-signature: %b\r\nContent-Length: %d\r\n\r\n%b"
        if target.origin != self.pool.origin:
            old, self.pool = self.pool, self._client.pool(target.origin, limit=CONNECTIONS_FIRST)
            for post in old.take_waiting():
                self.pool.post(post)
            old.retire()
            self._trouble = self._backoff = 0
            self.rests_until = 0.0

    def wants(self, event_type: str) -> bool:
        return self.types is None or event_type in self.types

    def has_room(self, now: float) -> bool:
        """Whether one more post may wait here now."""
        if now < self.rests_until or self.is_off:
            return False
        return len(self.pool.waiting) < (PROBES_MAX if self._trouble >= TROUBLE_MAX else WAITING_MAX)

    def is_resting(self, now: float) -> bool:
        return now < self.rests_until

    def pause_seconds(self, now: float) -> float:
        """When to come back with what found no room."""
        return max(self.rests_until - now, 1.0)

    def succeeded(self) -> None:
        self._trouble = self._backoff = 0
        if self.pool.limit < CONNECTIONS_MAX:
            self.pool.limit += 1

    def failed(self, answer: Answer, now: float, retry_after: float | None) -> bool:
        """Note a failure; True when the lane rests from now on."""
        if not is_trouble(answer.code):
            return False
        self._trouble += 1
        self.pool.limit = max(1, self.pool.limit // 2)
        if self._trouble < TROUBLE_MAX and retry_after is None:
            return False
        if now < self.rests_until:
            return True  # one of those that were under way when the rest began
        self.pool.limit = 1
        self._trouble = max(self._trouble, TROUBLE_MAX)
        self.rests_until = now + max(REST_SECONDS[self._backoff], retry_after or 0.0)
        self._backoff = min(self._backoff + 1, len(REST_SECONDS) - 1)
        return True


def is_trouble(code: int) -> bool:
    """Whether a failure is the receiver's state and not about the one event: others would fail as well."""
    return code < STATUS_MIN or code >= SERVER_TROUBLE or code in TOO_EARLY
