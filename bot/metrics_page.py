"""GET /metrics: what `Metrics` has counted, and what stands in the database at that moment.

The database is asked at most every 15 seconds, and for two seconds at most: a scrape must not cost what a command
costs, nor fail together with the database.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from time import monotonic

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from bot.metrics import OTHER, PREFIX, Metrics
from bot.model.accounts import LinkMethod
from bot.model.watches import Target
from bot.slack.work import Work
from bot.storage import Storage
from bot.store.census import ACTIVE, ENDED, Census, census
from bot.store.due_work import DueCounts
from bot.web.routes import Check, Page
from bot.worker import Worker

log = structlog.get_logger()

LOOK_EVERY = 15.0
LOOK_SECONDS = 2.0
DRAW_EVERY = 1.0
"""Drawing the page takes some milliseconds, in which nothing else is done; and anyone may ask for it."""

_METHODS = frozenset(LinkMethod)
_TARGETS = frozenset(Target)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """What stands in the database."""

    census: Census
    due: DueCounts


class MetricsPage:
    """Answers Prometheus. `look` reads the database, `checks` are those of /readyz, `kinds` the kinds of due work."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        look: Callable[[], Awaitable[Stock]],
        checks: Mapping[str, Check],
        kinds: Iterable[str],
    ) -> None:
        self._registry = metrics.registry
        self._look = look
        self._checks = checks
        self._kinds = frozenset(kinds)
        self._stock: Stock | None = None
        self._checked: dict[str, bool] = {}
        self._look_at = self._draw_at = 0.0
        self._drawn = b""
        self._turn = asyncio.Lock()
        metrics.collect(self._families)

    async def endpoint(self, _: Request) -> Response:
        """Return the page, in the form that every scraper knows."""
        async with self._turn:
            if monotonic() >= self._look_at:
                await self._refresh()
                self._look_at = monotonic() + LOOK_EVERY
            if monotonic() >= self._draw_at:
                self._drawn = generate_latest(_Brief(self._registry))
                self._draw_at = monotonic() + DRAW_EVERY
        return Response(self._drawn, headers={"content-type": CONTENT_TYPE_PLAIN_0_0_4})

    async def _refresh(self) -> None:
        checking = asyncio.gather(*(self._is_well(check) for check in self._checks.values()))
        self._stock, checked = await asyncio.gather(self._found(), checking)
        self._checked = dict(zip(self._checks, checked, strict=True))

    async def _found(self) -> Stock | None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await self._look()
        except Exception as error:  # noqa: BLE001 - the page stands without these numbers, and says so
            log.warning("metrics without the database's numbers", error=type(error).__name__)
            return None

    async def _is_well(self, check: Check) -> bool:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await check() is None
        except TimeoutError:
            return False

    def _families(self) -> Iterator[Metric]:
        checks = _gauge("check_ok", "1 where what /readyz asks is well.", "check")
        for name, is_well in self._checked.items():
            checks.add_metric([name], is_well)
        yield checks
        up = _gauge("database_up", "1 where the database gave the numbers below in time.")
        up.add_metric([], self._stock is not None)
        yield up
        links = _gauge("links", "Linked accounts.", "method", "state")
        watches = _gauge("watches", "Watches.", "target")
        pending = _gauge("due_pending", "Due work that waits for its moment or for a worker.", "kind")
        overdue = _gauge("due_overdue", "Due work that a worker could take now.")
        parked = _gauge("due_parked", "Due work that was given up; somebody has to look.")
        lag = _gauge(
            "due_lag_seconds", "For how long the oldest due work ought to have been done, tried or not."
        )
        if self._stock is not None:
            census, due = self._stock.census, self._stock.due
            for method, state in product(sorted(_METHODS), (ACTIVE, ENDED)):
                links.add_metric([method, state], census.links.get((method, state), 0))
            _fill(watches, _TARGETS, census.watches)
            _fill(pending, self._kinds, due.pending)
            overdue.add_metric([], due.waiting)
            parked.add_metric([], due.parked)
            lag.add_metric([], due.overdue)
        yield from (links, watches, pending, overdue, parked, lag)


class _Brief(Collector):
    """The registry without the moment at which each series began: a third of the page, and of no use to us."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [one for one in metric.samples if not one.name.endswith("_created")]
            yield metric


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", about, labels=labels)


def _fill(gauge: GaugeMetricFamily, names: frozenset[str], counts: Mapping[str, int]) -> None:
    """Fill in a count for each name; what only another release knows comes together as `other`."""
    for name in sorted(names):
        gauge.add_metric([name], counts.get(name, 0))
    if unknown := sum(count for name, count in counts.items() if name not in names):
        gauge.add_metric([OTHER], unknown)


def metrics_page(
    metrics: Metrics, store: Storage, checks: Mapping[str, Check], *, work: Work, worker: Worker
) -> Page:
    """Return the page, with what can be counted only once all pieces are made."""
    metrics.count_under_way(requests=lambda: work.count, jobs=lambda: worker.count)
    metrics.expect_jobs(worker.kinds)

    async def look() -> Stock:
        return Stock(census=await census(store.database), due=await store.due.counts())

    return MetricsPage(metrics, look=look, checks=checks, kinds=worker.kinds).endpoint
