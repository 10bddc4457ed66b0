"""What GET /metrics tells: `Meters` for Prometheus, in a registry of its own.

Only numbers, and labels from fixed sets: no person, no upload, no path, no address.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from time import perf_counter
from typing import Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot import __version__
from bot.model import errors
from bot.model.meters import CUT_OFF, LOGIN_HOST, OK, RECEIVED, Timing, received, received_now
from bot.model.reminders import Kind
from bot.slack.kinds import EVENTS, METHODS, REQUESTS

PREFIX = "vault_uploads"
OTHER = "other"
MOST_SERIES = 1000
"""Of one metric. Its labels come from fixed sets, so there are fewer; should one of them not, memory stays bounded."""
BURST_SECONDS = 300.0
"""Vault counts calls in windows of five minutes ("Burst Limit"); what it said of an earlier one is not told."""

ROOMS = ("answers", "refusals", "events", "departures", "payloads", "connections", "bodies")
NOT_DELIVERED, UNEXPECTED = "NotDelivered", "Unexpected"
_RENAMED = {"not delivered": NOT_DELIVERED, "TimeoutError": errors.OutOfTime.__name__}

_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)
_CALL = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0)
_ANSWER = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 60.0)

C = TypeVar("C", Counter, Histogram)


class Metrics:
    """`Meters` that keeps numbers. `vaults` are the names of the Vaults."""

    def __init__(self, *, vaults: Iterable[str], version: str = __version__) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        Info(f"{PREFIX}_build", "The release that runs.", registry=self.registry).info({"version": version})
        self._vaults = frozenset(vaults)
        self._called = self._vaults | {LOGIN_HOST}
        self._outcomes = {
            name: name
            for name in (OK, CUT_OFF, NOT_DELIVERED, UNEXPECTED, *(one.__name__ for one in _errors()))
        } | _RENAMED
        self._ack_seconds = self._histogram(
            "ack_seconds", "From a payload's receipt to its ack.", _QUICK, "way"
        )
        self._requests = self._counter("requests", "Commands, clicks, forms and mentions.", "kind", "outcome")
        self._answer_seconds = self._histogram(
            "answer_seconds", "From the receipt to the answer's arrival.", _ANSWER, "kind"
        )
        self._events = self._counter("events", "Events of Slack's that were dealt with.", "kind", "outcome")
        self._event_seconds = self._histogram(
            "event_seconds", "From an event's receipt until it was dealt with.", _ANSWER, "kind"
        )
        self._jobs = self._counter("jobs", "Runs of due work.", "kind", "outcome")
        self._job_seconds = self._histogram(
            "job_seconds", "How long a run of due work took.", _ANSWER, "kind"
        )
        self._claims_lost = self._counter(
            "claims_lost", "Due work changed or taken over while it ran.", "kind"
        )
        self._vault_calls = self._counter("vault_calls", "Calls to Vault.", "vault", "endpoint", "outcome")
        self._vault_seconds = self._histogram(
            "vault_call_seconds", "How long a call to Vault took.", _CALL, "vault", "endpoint"
        )
        self._slack_calls = self._counter(
            "slack_calls", "Calls to Slack by their HTTP status.", "method", "outcome"
        )
        self._slack_seconds = self._histogram(
            "slack_call_seconds", "Until the head of Slack's answer.", _CALL, "method"
        )
        self._slack_refusals = self._counter("slack_refusals", "Answers of Slack's that say no.", "method")
        self._rate_limited = self._counter(
            "slack_rate_limited", "Answers of Slack's that ask us to wait (429)."
        )
        self._reminders = self._counter("reminders", "Reminders that were due.", "kind", "outcome")
        self._late = self._counter("reminders_late", "Reminders sent late, and saying so.", "kind")
        self._audit_failures = self._counter("audit_failures", "Rows the audit log did not take.")
        self._turned_away = self._counter("turned_away", "What found no room and was refused.", "what")
        self._bursts: dict[str, tuple[float, int, int]] = {}
        self.collect(self._burst_families)
        # An alert sees a counter's growth only from its first value on: so what alerts look at begins with 0.
        for kind in Kind:
            self._late.of(kind.value)
        self._begin(self._requests, (*REQUESTS, OTHER), (NOT_DELIVERED, *apologies()))
        self._begin(self._events, (*EVENTS, OTHER), apologies())
        for method in (*METHODS, OTHER):
            self._slack_refusals.of(method)
        for what in ROOMS:
            self._turned_away.of(what)

    def count_under_way(self, *, requests: Callable[[], int], jobs: Callable[[], int]) -> None:
        """Tell these numbers too, asked for at each scrape."""
        for name, about, count in (
            ("requests_under_way", "Answers and events under way.", requests),
            ("jobs_under_way", "Due work under way.", jobs),
        ):
            gauge = Gauge(f"{PREFIX}_{name}", about, registry=self.registry)
            gauge.set_function(count)

    def expect_jobs(self, kinds: Iterable[str]) -> None:
        """Begin with 0, for these kinds of due work, the counts of lost claims and of our own mistakes."""
        for kind in kinds:
            self._claims_lost.of(kind)
            self._begin(self._jobs, [kind], apologies())

    def collect(self, families: Callable[[], Iterable[Metric]]) -> None:
        """Tell these too, made at each scrape."""
        self.registry.register(_Collected(families))

    # Meters

    def payload(self, way: str) -> Timing:
        """See `Meters`."""
        return _Ack(self._ack_seconds.of(way), received_now())

    def request(self, kind: str, reference: str) -> Timing:  # noqa: ARG002
        """See `Meters`."""
        return _Running(self, self._requests, self._answer_seconds, (kind,), received())

    def busy(self, kind: str) -> None:
        """See `Meters`."""
        self._requests.of(kind, errors.Busy.__name__).inc()

    def event(self, kind: str, reference: str) -> Timing:  # noqa: ARG002
        """See `Meters`."""
        return _Running(self, self._events, self._event_seconds, (kind,), received())

    def job(self, kind: str, reference: str) -> Timing:  # noqa: ARG002
        """See `Meters`."""
        RECEIVED.set(None)  # whatever scheduled it, nobody waits for it
        return _Running(self, self._jobs, self._job_seconds, (kind,), perf_counter())

    def vault_call(self, vault: str, endpoint: str) -> Timing:
        """See `Meters`."""
        labels = (vault if vault in self._called else OTHER, endpoint)
        return _Running(self, self._vault_calls, self._vault_seconds, labels, perf_counter())

    def slack_call(self, method: str) -> Timing:
        """See `Meters`."""
        return _SlackCall(self._slack_calls, self._slack_seconds, method)

    def slack_refused(self, method: str) -> None:
        """See `Meters`."""
        self._slack_refusals.of(method).inc()

    def slack_rate_limited(self) -> None:
        """See `Meters`."""
        self._rate_limited.of().inc()

    def burst(self, vault: str, limit: int, remaining: int) -> None:
        """See `Meters`."""
        if vault in self._vaults:
            self._bursts[vault] = (perf_counter(), limit, remaining)

    def reminder(self, kind: str, outcome: str, *, late: bool) -> None:
        """See `Meters`."""
        self._reminders.of(kind, outcome).inc()
        if late:
            self._late.of(kind).inc()

    def claim_lost(self, kind: str) -> None:
        """See `Meters`."""
        self._claims_lost.of(kind).inc()

    def audit_failed(self) -> None:
        """See `Meters`."""
        self._audit_failures.of().inc()

    def turned_away(self, what: str) -> None:
        """See `Meters`."""
        self._turned_away.of(what).inc()

    def outcome(self, name: str) -> str:
        """Return a name from the fixed set: what is not among our errors is `Unexpected`."""
        return self._outcomes.get(name, UNEXPECTED)

    @staticmethod
    def _begin(series: "_Series[Counter]", kinds: Iterable[str], outcomes: Iterable[str]) -> None:
        for labels in product(kinds, outcomes):
            series.of(*labels)

    def _counter(self, name: str, about: str, *labels: str) -> "_Series[Counter]":
        return _Series(Counter(f"{PREFIX}_{name}", about, labels, registry=self.registry), len(labels))

    def _histogram(
        self, name: str, about: str, buckets: tuple[float, ...], *labels: str
    ) -> "_Series[Histogram]":
        made = Histogram(f"{PREFIX}_{name}", about, labels, buckets=buckets, registry=self.registry)
        return _Series(made, len(labels))

    def _burst_families(self) -> Iterator[Metric]:
        oldest = perf_counter() - BURST_SECONDS
        limit = GaugeMetricFamily(f"{PREFIX}_vault_burst_limit", "Calls in five minutes.", labels=["vault"])
        left = GaugeMetricFamily(f"{PREFIX}_vault_burst_remaining", "Calls that are left.", labels=["vault"])
        for vault, (told_at, most, remaining) in self._bursts.items():
            if told_at >= oldest:
                limit.add_metric([vault], most)
                left.add_metric([vault], remaining)
        yield from (limit, left)


class _Series(Generic[C]):
    """The children of one metric, found without the library's lock once they are there."""

    __slots__ = ("_children", "_count", "_metric")

    def __init__(self, metric: C, count: int) -> None:
        self._metric: C = metric
        self._count = count
        self._children: dict[tuple[str, ...], C] = {} if count else {(): metric}

    def of(self, *labels: str) -> C:
        """The child with these label values."""
        child = self._children.get(labels)
        if child is None:
            if len(self._children) >= MOST_SERIES:
                labels = (OTHER,) * self._count
            child = self._children[labels] = self._metric.labels(*labels)
        return child


class _Ack:
    __slots__ = ("_seconds", "_started")

    def __init__(self, seconds: Histogram, started: float) -> None:
        self._seconds, self._started = seconds, started

    def end(self, outcome: str = OK) -> None:  # noqa: ARG002
        self._seconds.observe(perf_counter() - self._started)


class _Running:
    __slots__ = ("_counts", "_labels", "_metrics", "_seconds", "_started")

    def __init__(
        self,
        metrics: Metrics,
        counts: _Series[Counter],
        seconds: _Series[Histogram],
        labels: tuple[str, ...],
        started: float,
    ) -> None:
        self._metrics, self._counts, self._seconds = metrics, counts, seconds
        self._labels, self._started = labels, started

    def end(self, outcome: str = OK) -> None:
        self._seconds.of(*self._labels).observe(perf_counter() - self._started)
        self._counts.of(*self._labels, self._metrics.outcome(outcome)).inc()


class _SlackCall:
    __slots__ = ("_counts", "_method", "_seconds", "_started")

    def __init__(self, counts: _Series[Counter], seconds: _Series[Histogram], method: str) -> None:
        self._counts, self._seconds, self._method, self._started = counts, seconds, method, perf_counter()

    def end(self, outcome: str = OK) -> None:
        self._seconds.of(self._method).observe(perf_counter() - self._started)
        self._counts.of(self._method, outcome).inc()


class _Collected(Collector):
    """Families that are made at each scrape."""

    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families()


def apologies() -> list[str]:
    """Return the outcomes of which a person reads an apology and a reference: what only the operator can mend."""
    return [UNEXPECTED, *(one.__name__ for one in _errors() if one.for_the_operator)]


def _errors(root: type[errors.BotError] = errors.BotError) -> Iterator[type[errors.BotError]]:
    for one in root.__subclasses__():
        yield one
        yield from _errors(one)
