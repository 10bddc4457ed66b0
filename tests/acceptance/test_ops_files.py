"""What lies in ops/: every metric and label that a rule or a panel names is one that a running bot tells."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bot.demo.workspace import DemoWorkspace
from bot.metrics import Metrics
from bot.metrics_page import Stock
from bot.model.errors import BotError, StoreUnavailable
from tests.acceptance.metric_steps import counted, eventful, page_of
from tests.unit.test_metrics import a_page, documented, drawn, samples, stock

OPS = Path(__file__).parent.parent.parent / "ops"
ADDED = {"job", "instance"}
"""Labels that Prometheus itself gives to what it scrapes."""
NAME = r"(?:vault_uploads|process)_[a-z_]+|up"
WORDS = {
    "sum", "min", "max", "count", "by", "rate", "increase", "absent", "histogram_quantile", "for",
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told() -> AsyncIterator[dict[str, dict[str, set[str]]]]:
    """Every sample's name as a running bot tells it, with the values of its labels."""
    async with eventful() as demo:
        yield await _told(demo)


async def _told(demo: DemoWorkspace) -> dict[str, dict[str, set[str]]]:
    await counted(demo, lambda now: now.get("slack_refusals_total method=chat.unfurl") == 1, "all")
    found: dict[str, dict[str, set[str]]] = {"up": {}}
    for family in text_string_to_metric_families(await page_of(demo)):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((OPS / "alerts.yaml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OPS / "grafana-dashboard.json").read_text("utf-8"))
    return found


def targets() -> Iterator[tuple[str, str, str]]:
    """Panel, query and legend."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"], target["legendFormat"]


EXPRESSIONS = [(rule["alert"], rule["expr"]) for rule in rules()] + [
    (f"{title}: {legend}", expr) for title, expr, legend in targets()
]


def selectors(expr: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Each metric of a PromQL expression, with its matchers: label, operator, value."""
    return [
        (name, re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', inside))
        for name, inside in re.findall(rf"\b({NAME})\b(?:\{{([^}}]*)\}})?", expr)
    ]


def groupings(expr: str) -> set[str]:
    """The labels that an expression groups by."""
    return {
        label.strip() for inside in re.findall(r"\bby\s*\(([^)]*)\)", expr) for label in inside.split(",")
    }


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("where", "expr"), EXPRESSIONS, ids=[where for where, _ in EXPRESSIONS])
async def test_expression__names_what_there_is(
    where: str, expr: str, told: dict[str, dict[str, set[str]]]
) -> None:
    found = selectors(expr)
    assert found, f"{where} names no metric"
    for name, matchers in found:
        assert name in told, f"{where}: there is no {name}"
        for label, operator, value in matchers:
            assert label in {*told[name], *ADDED}, f"{where}: {name} has no label {label}"
            if label in ADDED:
                continue
            # A value that has not come about yet must at least be one that can.
            wanted = value.split("|") if "~" in operator else [value]
            possible = told[name][label] | (documented_outcomes() if label == "outcome" else set())
            assert set(wanted) <= possible, f"{where}: {name} is never {value}"
    labels = {label for name, _ in found for label in told[name]} | ADDED
    assert groupings(expr) <= labels, f"{where} groups by what is no label"
    rest = re.sub(r'\{[^}]*\}|\[[^\]]*\]|\([^()]*\)(?=\s*\()|"[^"]*"', " ", expr)
    words = set(re.findall(r"[a-z_]{2,}", re.sub(rf"\b(?:{NAME})\b", " ", rest)))
    assert words <= WORDS | labels, f"{where}: unknown words {words - WORDS - labels}"
    assert expr.count("(") == expr.count(")")


def documented_outcomes() -> set[str]:
    """Every outcome that there can be."""
    metrics = Metrics(vaults=[])
    return {*metrics._outcomes.values(), "rate_limited"}


@pytest.mark.parametrize("rule", rules(), ids=[rule["alert"] for rule in rules()])
def test_alert__says_what_it_means_and_what_to_do(
    rule: dict[str, Any],
) -> None:
    assert re.fullmatch(r"VaultUploads[A-Z]\w+", rule["alert"])
    assert rule["labels"]["severity"] in ("critical", "warning")
    summary, description = rule["annotations"]["summary"], rule["annotations"]["description"]
    assert summary.endswith(".")
    assert len(description) > 60
    assert description.endswith(".")
    given = groupings(rule["expr"]) | ({"instance"} if "by" not in rule["expr"] else set())
    for label in re.findall(r"\$labels\.(\w+)", summary + description):
        assert label in given, f"the expression has no {label} left"


def test_alerts__watch_all_that_was_promised() -> None:
    text = " ".join(rule["expr"] for rule in rules())
    for name in (
        "absent(", "check_ok", "ack_seconds_bucket", "due_lag_seconds", "reminders_late_total",
        "vault_burst_remaining", "audit_failures_total", "due_parked", "slack_rate_limited_total",
    ):  # fmt: skip
        assert name in text
    assert len({rule["alert"] for rule in rules()}) == len(rules())


def test_alerts__grow_from_a_number_that_is_there_from_the_start() -> None:
    """Prometheus sees no growth from nothing to 1: what `increase` looks at must begin with 0."""
    metrics = Metrics(vaults=[])
    metrics.expect_jobs(["remind"])
    at_first = generate_latest(metrics.registry).decode().splitlines()
    looked_at = 0
    for rule in rules():
        for name, matchers in selectors(rule["expr"]) if "increase(" in rule["expr"] else ():
            lines = [line for line in at_first if re.match(rf"{name}(?:{{.*)? 0\.0$", line)]
            assert lines, f"{rule['alert']}: {name}"
            for label, operator, value in matchers:
                for one in value.split("|") if "~" in operator else [value]:
                    assert any(f'{label}="{one}"' in line for line in lines), (
                        f"{rule['alert']}: {name}, {one}"
                    )
            looked_at += 1
    assert looked_at > 8


def operators_errors(root: type[BotError] = BotError) -> set[str]:
    """The names of all failures whose sentence is for the operator alone: people read an apology with a reference."""
    found = {root.__name__} if root.for_the_operator else set()
    return found.union(*(operators_errors(one) for one in root.__subclasses__()))


def test_alerts__on_apologies_name_every_failure_that_reads_as_one() -> None:
    wanted = {"Unexpected", *operators_errors()}
    assert "KeyMissing" in wanted
    named = {
        name: set(value.split("|"))
        for rule in rules()
        for name, matchers in selectors(rule["expr"])
        for _, _, value in matchers
        if "Unexpected" in value
    }
    of = ("requests", "events", "jobs")
    assert named == {f"vault_uploads_{one}_total": wanted for one in of}


async def test_expressions__count_once_what_every_replica_tells_of_the_same_database() -> None:
    """The sum over two replicas would be twice what there is."""

    async def nothing() -> Stock:
        raise StoreUnavailable(reason="for a test")

    pages = [await drawn(a_page(Metrics(vaults=[]), look)) for look in (stock, nothing)]
    with_stock, without = ({name.partition(" ")[0] for name in samples(page)} for page in pages)
    shared, seen = with_stock - without, set[str]()
    assert "vault_uploads_due_lag_seconds" in shared
    for where, expr in EXPRESSIONS:
        for name in {name for name, _ in selectors(expr)} & shared:
            uses = len(re.findall(rf"\b{name}\b", expr))
            once = re.findall(rf"\bmax\s*(?:by\s*\([^)]*\)\s*)?\(\s*{name}(?:\{{[^}}]*\}})?\s*\)", expr)
            assert len(once) == uses, f"{where}: {name} without max"
            seen.add(name)
    assert seen == shared


def test_dashboard__has_the_form_that_grafana_reads() -> None:
    board = dashboard()
    assert board["id"] is None
    assert board["schemaVersion"] >= 39
    assert (board["uid"], board["title"]) == ("vault-uploads", "Vault Uploads")
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, f"{panel['title']} lies on another panel"
        assert max(x for x, _ in cells) < 24
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["type"] in ("timeseries", "stat")
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(refs) == len(set(refs))
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


def test_dashboard__legends_name_labels_that_are_left() -> None:
    for title, expr, legend in targets():
        left = groupings(expr) | ({"instance"} if not groupings(expr) else set())
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= left, f"{title}: {legend}"


def test_dashboard__shows_every_metric_of_ours() -> None:
    shown = {name for _, expr, _ in targets() for name, _ in selectors(expr)}
    whole = {name.removesuffix("_bucket") for name in shown}
    assert set(documented()) - whole <= {"vault_uploads_database_up"}
