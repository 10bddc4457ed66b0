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
from tests.acceptance.metric_steps import counted, eventful, page_of
from tests.unit.test_metrics import documented

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
    at_first = generate_latest(metrics.registry).decode()
    for rule in rules():
        above_none = re.search(r">\s*0\s*$", rule["expr"])
        for name, matchers in selectors(rule["expr"]) if "increase(" in rule["expr"] and above_none else ():
            wanted = [f'{label}="{value}"' for label, _, value in matchers]
            lines = [line for line in at_first.splitlines() if re.match(rf"{name}[{{ ]", line)]
            assert any(all(one in line for one in wanted) for line in lines), f"{rule['alert']}: {name}"


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
