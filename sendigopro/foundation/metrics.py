"""What is counted, for Prometheus: numbers of things, never of whom.

Several processes: `keep_in(folder)` before this is imported makes each process write its numbers to a small
mapped file of its own, and `render` in any of them sums up all (prometheus-client's multiprocess mode).
"""

import os
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

requests = Counter("sendigopro_http_requests", "HTTP requests answered.", ["door", "status"])
# Cumulative, with `le` like a histogram's: histogram_quantile(0.99, rate(…_within_total[5m])) works on it. The web
# adds to it once a second, which prometheus-client's own histogram does not allow.
requests_within = Counter(
    "sendigopro_http_requests_within", "Requests answered within so many seconds.", ["door", "le"]
)
accepted = Counter("sendigopro_messages_accepted", "Messages accepted.", ["mode"])
outcomes = Counter("sendigopro_message_outcomes", "Outcomes recorded.", ["mode", "status"])
webhooks = Counter("sendigopro_webhook_posts", "Webhooks posted.", ["answer"])
queued = Gauge("sendigopro_chunk_seconds", "Age of the oldest chunk that is due.", multiprocess_mode="livemax")

__all__ = [
    "accepted",
    "content_type",
    "forget_process",
    "outcomes",
    "queued",
    "render",
    "requests",
    "requests_within",
    "webhooks",
]

content_type = CONTENT_TYPE_LATEST.encode()


def render() -> bytes:
    """All numbers, of all processes where they share a folder."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget_process(pid: int) -> None:
    """Leave a dead process out of the gauges; its counts stay, for they happened."""
    if folder := os.environ.get(FOLDER_VARIABLE):
        mark_process_dead(pid, path=folder)  # type: ignore[no-untyped-call]


def clear(folder: Path) -> None:
    """Begin anew: files of processes of an earlier start would count twice."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink()
