"""What a server counts for Prometheus: its requests, and what stands in the ledger when it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from arena.jobs import counts
from arena.ledger import Ledger
from arena.ledger_schema import tournaments
from arena.question_schema import questions

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10)


class Counts:
    """The counts of one server process, beside a look into its ledger."""

    def __init__(self, ledger: Ledger):
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "arena_requests", "Requests that were answered", ["method", "route", "status"], registry=self._registry
        )
        self._latency = Histogram(
            "arena_request_seconds",
            "How long answers took, a stream to its end",
            ["route"],
            buckets=LATENCY_S,
            registry=self._registry,
        )
        self._streams = Gauge("arena_streams_open", "Open event streams and WebSockets", registry=self._registry)
        self._registry.register(_LedgerCounts(ledger))

    def stream(self) -> AbstractContextManager[object]:
        """Counts a stream or a WebSocket while it is open."""
        return self._streams.track_inprogress()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts an answer. Labels are few, whatever clients invent: a method that is none, and paths without a route, are one each."""
        self._requests.labels(method if method in METHODS else "other", route, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def text(self) -> bytes:
        """All counts in Prometheus' text format."""
        return generate_latest(self._registry)


class _LedgerCounts(Collector):
    """What every server over this ledger would say, read when it is asked for."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger

    def describe(self) -> list[Metric]:
        return []  # else the registry would read the ledger to learn the names

    def collect(self) -> Iterator[Metric]:
        with self._ledger.reading() as connection:
            matches = connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(tournaments.c.matches), 0)))
            waiting = connection.scalar(sa.select(sa.func.count()).where(questions.c.state == "open"))
        yield GaugeMetricFamily("arena_matches", "Matches in the ledger", value=float(matches or 0))
        by_state = GaugeMetricFamily("arena_jobs", "Jobs in the ledger", labels=["state"])
        for state, count in counts(self._ledger).items():
            by_state.add_metric([state], float(count))
        yield by_state
        yield GaugeMetricFamily("arena_questions_waiting", "Questions to agents elsewhere", value=float(waiting or 0))
