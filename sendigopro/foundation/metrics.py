"""What is counted, for Prometheus: numbers of things, never of whom.

Several processes: with `PROMETHEUS_MULTIPROC_DIR` set before this is imported, each process writes its counters to a
small mapped file of its own, and `render` in any of them sums up all (prometheus-client's multiprocess mode).
"""

import os
from collections.abc import Iterable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

requests = Counter("sendigopro_http_requests", "HTTP requests answered.", ["door", "status"])
# Cumulative, with `le` like a histogram's: histogram_quantile(0.99, rate(…_within_total[5m])) works on it. The web
# adds to it once a second, which prometheus-client's own histogram does not allow.
requests_within = Counter(
    "sendigopro_http_requests_within", "Requests answered within so many seconds.", ["door", "le"]
)
webhooks = Counter("sendigopro_webhook_posts", "Webhooks posted.", ["answer"])

content_type = CONTENT_TYPE_LATEST.encode()


class Figures(Collector):
    """Gauges whose values were just asked for: name → (help, value)."""

    def __init__(self, figures: Mapping[str, tuple[str, float]]) -> None:
        self.figures = figures

    def collect(self) -> Iterable[Metric]:
        return [GaugeMetricFamily(name, told, value=value) for name, (told, value) in self.figures.items()]


def render(figures: Mapping[str, tuple[str, float]]) -> bytes:
    """The counters of all processes that share a folder, and these figures."""
    registry = CollectorRegistry()
    registry.register(Figures(figures))
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return generate_latest(REGISTRY) + generate_latest(registry)
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
