"""What /metrics tells: names and labels as documented, labels from fixed sets, a page that outlives the database."""

import ast
import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request

from bot import metrics as module
from bot import metrics_page as page_module
from bot.metrics import MOST_SERIES, Metrics
from bot.metrics_page import MetricsPage, Stock
from bot.model.errors import StoreUnavailable
from bot.model.meters import NO_METERS, Meters, received_now
from bot.slack.kinds import EVENTS, METHODS, REQUESTS, event_kind, request_kind
from bot.slack.listeners import register
from bot.store.census import Census
from bot.store.due_work import DueCounts

DOCUMENTS = Path(__file__).parent.parent.parent / "docs"
STOCK = Stock(
    census=Census(links={("token", "active"): 3, ("fax", "active"): 1}, watches={"own": 2, "moon": 1}),
    due=DueCounts(pending={"remind": 4, "of tomorrow": 2}, leased=1, parked=5, waiting=6, overdue=7.5),
)


def documented() -> dict[str, tuple[str, set[str]]]:
    """Type and labels of each metric, by the table in the documents."""
    found: dict[str, tuple[str, set[str]]] = {}
    for path in DOCUMENTS.rglob("*.md"):
        for name, kind, labels in re.findall(
            r"^\| `(vault_uploads_\w+)` \| (\w+) \| ([^|]*)\|", path.read_text("utf-8"), re.MULTILINE
        ):
            assert name not in found, f"{name} is documented twice"
            found[name] = (kind, set(re.findall(r"`(\w+)`", labels)))
    return found


def samples(text: str) -> dict[str, float]:
    """Every sample of a page, by its name with its labels in order."""
    return {
        one.name + "".join(f" {name}={value}" for name, value in sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def told(metrics: Metrics) -> dict[str, float]:
    """Every sample of what was counted."""
    return samples(generate_latest(metrics.registry).decode())


def a_page(
    metrics: Metrics, look: Callable[[], Awaitable[Stock]], checks: dict[str, bool] | None = None
) -> MetricsPage:
    async def well() -> str | None:
        return None

    async def unwell() -> str | None:
        return "not just now"

    answers = {name: well if is_well else unwell for name, is_well in (checks or {"database": True}).items()}
    return MetricsPage(metrics, look=look, checks=answers, kinds=["remind", "poll"])


async def drawn(page: MetricsPage) -> str:
    scope = {"type": "http", "method": "GET", "path": "/metrics", "headers": [], "app": Starlette()}
    answer = await page.endpoint(Request(scope))
    assert answer.status_code == 200
    return bytes(answer.body).decode()


async def stock() -> Stock:
    return STOCK


def use_all(meters: Meters) -> None:
    """Do everything that can be counted, once."""
    for timing in (
        meters.payload("http"),
        meters.request("command", "R1"),
        meters.event("link_shared", "R2"),
        meters.job("remind", "R3"),
        meters.vault_call("promomats", "upload"),
        meters.slack_call("chat.postMessage"),
    ):
        timing.end()
    meters.busy("command")
    meters.slack_refused("views.open")
    meters.slack_rate_limited()
    meters.burst("promomats", 2000, 1987)
    meters.reminder("lead", "sent", late=True)
    meters.claim_lost("remind")
    meters.audit_failed()
    meters.turned_away("answers")


# Names


async def test_metrics__are_those_of_the_documents() -> None:
    metrics = Metrics(vaults=["promomats"])
    metrics.count_under_way(requests=lambda: 1, jobs=lambda: 2)
    page = a_page(metrics, stock)
    use_all(metrics)
    found = {}
    for family in text_string_to_metric_families(await drawn(page)):
        labels = {name for one in family.samples for name in one.labels} - {"le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert family.documentation
        if name.startswith("vault_uploads_"):
            found[name] = (family.type, labels)
    assert found == documented()
    assert len(found) > 25


def test_metrics__have_a_registry_of_their_own() -> None:
    """Two bots in one process, as in tests, count apart; and nothing is in the library's own registry."""
    from prometheus_client import REGISTRY

    first, second = Metrics(vaults=["a"]), Metrics(vaults=["a"])
    first.audit_failed()
    assert told(first)["vault_uploads_audit_failures_total"] == 1
    assert told(second)["vault_uploads_audit_failures_total"] == 0
    assert not [name for name in REGISTRY._names_to_collectors if name.startswith("vault_uploads")]


async def test_page__has_process_and_build_and_no_birthdays() -> None:
    found = samples(await drawn(a_page(Metrics(vaults=[], version="9.8.7"), stock)))
    assert found["vault_uploads_build_info version=9.8.7"] == 1
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes"} <= set(found)
    assert not [name for name in found if "_created" in name]


def test_no_meters__take_all_and_keep_nothing() -> None:
    use_all(NO_METERS)


# Labels


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("ok", "ok"),
        ("NotLinked", "NotLinked"),
        ("not delivered", "NotDelivered"),
        ("TimeoutError", "OutOfTime"),
        ("KeyError", "Unexpected"),
        ("U0ALICE", "Unexpected"),
    ],
)
def test_outcome__is_from_a_fixed_set(said: str, kept: str) -> None:
    metrics = Metrics(vaults=[])
    metrics.request("command", "R1").end(said)
    assert told(metrics)[f"vault_uploads_requests_total kind=command outcome={kept}"] == 1


def test_vault__that_is_not_ours_is_other() -> None:
    metrics = Metrics(vaults=["promomats"])
    for name in ("promomats", "login", "evil.example"):
        metrics.vault_call(name, "upload").end()
        metrics.burst(name, 2000, 5)
    found = told(metrics)
    called = {name for name in found if name.startswith("vault_uploads_vault_calls_total")}
    assert called == {
        f"vault_uploads_vault_calls_total endpoint=upload outcome=ok vault={name}"
        for name in ("promomats", "login", "other")
    }
    assert {name for name in found if "burst_remaining" in name} == {
        "vault_uploads_vault_burst_remaining vault=promomats"
    }


def test_series__are_bounded_whatever_comes() -> None:
    metrics = Metrics(vaults=[])
    for number in range(MOST_SERIES + 50):
        metrics.claim_lost(f"kind{number}")
    found = {name: value for name, value in told(metrics).items() if "claims_lost_total" in name}
    assert len(found) == MOST_SERIES + 1
    assert found["vault_uploads_claims_lost_total kind=other"] == 50


class Listeners:
    """What is registered, by kind of listener."""

    def __init__(self) -> None:
        self.found: dict[str, set[str]] = {}

    def __getattr__(self, kind: str) -> Any:
        def listen(constraint: Any) -> Any:
            text = constraint if isinstance(constraint, str) else constraint.pattern
            self.found.setdefault(kind, set()).add(text)
            return lambda listener: listener

        return listen


def test_kinds__are_all_that_is_listened_to() -> None:
    app = Listeners()
    register(cast("Any", app), cast("Any", None), cast("Any", SimpleNamespace(allow_abort=True)))
    anything = ".*"
    paged = {
        "open_list" if text.startswith("open_list") else text for text in app.found["action"] - {anything}
    }
    views = {f"view:{text}" for text in app.found["view"] - {anything}}
    shortcuts = {f"shortcut:{text}" for text in app.found["shortcut"] - {anything}}
    assert {"command", "mention", "home", *paged, *views, *shortcuts} == REQUESTS
    assert app.found["event"] - {anything, "app_mention"} == EVENTS


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("command", "command"),
        ("refresh:found", "refresh:found"),
        ("open_list:3", "open_list"),
        ("refresh:U0ALICE", "other"),
        ("shortcut:of another app", "other"),
        ("", "other"),
    ],
)
def test_request_kind__is_from_a_fixed_set(kind: str, name: str) -> None:
    assert request_kind(kind) == name


def test_event_kind__is_from_a_fixed_set() -> None:
    assert event_kind("link_shared") == "link_shared"
    assert event_kind("message.im") == "other"


# Counting


def test_answer__counts_from_the_receipt(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics, now = Metrics(vaults=[]), 1000.0
    monkeypatch.setattr("bot.model.meters.perf_counter", lambda: now)
    monkeypatch.setattr(module, "perf_counter", lambda: now)
    received_now()
    now += 2.5
    timing = metrics.request("command", "R1")
    now += 1.5
    timing.end()
    assert told(metrics)["vault_uploads_answer_seconds_sum kind=command"] == 4.0


def test_counters__that_alerts_look_at_begin_with_0_for_every_kind() -> None:
    """Fifty failures between two scrapes are else one flat line at 50, in which nothing grows."""
    metrics = Metrics(vaults=[])
    metrics.expect_jobs(["remind", "poll"])
    found = told(metrics)
    wanted = [f"requests_total kind={kind} outcome=NotDelivered" for kind in REQUESTS]
    for counter, kinds in (("requests", REQUESTS), ("events", EVENTS), ("jobs", ["remind", "poll"])):
        for outcome in ("Unexpected", "StoreUnreadable", "KeyMissing"):
            wanted += [f"{counter}_total kind={kind} outcome={outcome}" for kind in kinds]
    wanted += [f"slack_refusals_total method={method}" for method in METHODS]
    assert {found.get(f"vault_uploads_{name}") for name in wanted} == {0}
    assert len(found) < MOST_SERIES


def test_methods__are_those_that_the_code_calls() -> None:
    called = {
        node.attr.replace("_", ".")
        for file in (DOCUMENTS.parent / "bot").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and "_" in node.attr.strip("_")
        and hasattr(AsyncWebClient, node.attr)
    }
    assert called == METHODS


def test_burst__of_an_earlier_window_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics, now = Metrics(vaults=["promomats"]), 1000.0
    monkeypatch.setattr(module, "perf_counter", lambda: now)
    metrics.burst("promomats", 2000, 12)
    now += 299
    assert told(metrics)["vault_uploads_vault_burst_remaining vault=promomats"] == 12
    now += 2
    assert not [name for name in told(metrics) if "burst" in name]


# The page


async def test_page__tells_what_stands_in_the_database() -> None:
    found = samples(await drawn(a_page(Metrics(vaults=[]), stock, {"database": True, "slack": False})))
    wanted = {
        "vault_uploads_database_up": 1,
        "vault_uploads_check_ok check=database": 1,
        "vault_uploads_check_ok check=slack": 0,
        "vault_uploads_links method=token state=active": 3,
        "vault_uploads_links method=oidc state=ended": 0,
        "vault_uploads_watches target=own": 2,
        "vault_uploads_watches target=other": 1,
        "vault_uploads_due_pending kind=remind": 4,
        "vault_uploads_due_pending kind=poll": 0,
        "vault_uploads_due_pending kind=other": 2,
        "vault_uploads_due_overdue": 6,
        "vault_uploads_due_parked": 5,
        "vault_uploads_due_lag_seconds": 7.5,
    }
    assert {name: found.get(name) for name in wanted} == wanted
    assert not [name for name in found if "fax" in name or "moon" in name or "tomorrow" in name]


async def test_page__stands_when_the_database_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it said before is not said again: an old number would look like a good one."""
    metrics, is_there = Metrics(vaults=[]), True

    async def look() -> Stock:
        if not is_there:
            raise StoreUnavailable(reason="locked")
        return STOCK

    monkeypatch.setattr(page_module, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(page_module, "DRAW_EVERY", 0.0)
    page = a_page(metrics, look)
    assert samples(await drawn(page))["vault_uploads_due_parked"] == 5
    is_there = False
    metrics.audit_failed()
    found = samples(await drawn(page))
    assert found["vault_uploads_database_up"] == 0
    assert found["vault_uploads_audit_failures_total"] == 1
    assert not [name for name in found if "due" in name or "links" in name or "watches" in name]


async def test_page__does_not_wait_for_a_database_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def look() -> Stock:
        await asyncio.Event().wait()
        raise AssertionError

    async def hangs() -> str | None:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(page_module, "LOOK_SECONDS", 0.01)
    page = MetricsPage(Metrics(vaults=[]), look=look, checks={"database": hangs}, kinds=[])
    async with asyncio.timeout(20):
        found = samples(await drawn(page))
    assert (found["vault_uploads_database_up"], found["vault_uploads_check_ok check=database"]) == (0, 0)


async def test_page__asks_the_database_once_however_many_scrape() -> None:
    looks = 0

    async def look() -> Stock:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return STOCK

    page = a_page(Metrics(vaults=[]), look)
    pages = await asyncio.gather(*(drawn(page) for _ in range(20)))
    assert looks == 1
    assert all("vault_uploads_due_parked 5.0" in one for one in pages)
