"""GET /metrics of a running bot: what people do is counted, faults show, and nobody is in it."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from bot.demo.slack import faults as slack_faults
from bot.demo.vault import seed
from bot.demo.vault.faults import Status
from bot.demo.workspace import DemoWorkspace
from bot.metrics import Metrics
from bot.slack.kinds import EVENTS, REQUESTS
from bot.vault.endpoints import Endpoint
from tests.acceptance.metric_steps import counted, counts_of, eventful, grown, page_of
from tests.acceptance.operating import execute
from tests.acceptance.steps import ask, calm, click, crafted_click, workspace
from tests.unit.test_metrics import documented

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPLOAD = f"vault_calls_total endpoint=upload outcome={{}} vault={seed.PROMOMATS}"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["http", "socket"])
async def running(request: pytest.FixtureRequest) -> AsyncIterator[tuple[DemoWorkspace, str]]:
    async with workspace("alice", socket_mode=request.param == "socket") as one:
        yield one, request.param


async def test_commands__are_counted(running: tuple[DemoWorkspace, str]) -> None:
    demo, way = running
    calm(demo)
    before = counts_of(await page_of(demo))
    card = await ask(demo, "alice", seed.CHOLECAP)
    await ask(demo, "alice", seed.CHOLECAP)
    await ask(demo, "bob", "list")
    await click(demo, "alice", card, "refresh")
    wanted = {
        "requests_total kind=command outcome=ok": 2,
        "requests_total kind=command outcome=NotLinked": 1,
        "requests_total kind=refresh outcome=ok": 1,
        "answer_seconds_count kind=command": 3,
        "answer_seconds_count kind=refresh": 1,
        f"ack_seconds_count way={way}": 4,
        UPLOAD.format("ok"): 3,
        f"vault_call_seconds_count endpoint=upload vault={seed.PROMOMATS}": 3,
        "slack_calls_total method=response_url outcome=ok": 4,
        "requests_total kind=command outcome=Unexpected": 0,
    }
    found = await grown(demo, before, wanted)
    assert found["requests_under_way"] == 0
    assert 0 < found[f"vault_burst_remaining vault={seed.PROMOMATS}"] < 2000
    # An answer comes after its ack, and both after the receipt.
    spent = {name: found[name] - before.get(name, 0) for name in found}
    assert spent[f"ack_seconds_sum way={way}"] > 0
    assert (
        spent["answer_seconds_sum kind=command"] + spent["answer_seconds_sum kind=refresh"]
        > (spent[f"vault_call_seconds_sum endpoint=upload vault={seed.PROMOMATS}"])
    )


async def test_faults__show_up(running: tuple[DemoWorkspace, str]) -> None:
    demo, _ = running
    calm(demo)
    before = counts_of(await page_of(demo))
    demo.vault.faults.add(Status(503), times=None)
    await ask(demo, "alice", seed.CHOLECAP)
    calm(demo)
    demo.slack.faults.add("response_url", slack_faults.RateLimited(1), slack_faults.ServerError(503))
    await ask(demo, "alice", "help")
    found = await grown(
        demo,
        before,
        {
            "requests_total kind=command outcome=VaultUnavailable": 1,
            "slack_calls_total method=response_url outcome=rate_limited": 1,
            "slack_calls_total method=response_url outcome=server_error": 1,
            "slack_calls_total method=response_url outcome=ok": 2,
            "slack_rate_limited_total": 1,
        },
    )
    assert found[UPLOAD.format("VaultUnavailable")] > 1, "each repetition is a call"


async def test_click__of_a_meddling_client_makes_no_label(running: tuple[DemoWorkspace, str]) -> None:
    """The name of a button comes from the client, and may be anything."""
    demo, _ = running
    before = counts_of(await page_of(demo))
    for name in ("u0alice-was-here", "another-name"):
        await crafted_click(demo, "alice", name, None)
    await grown(demo, before, {"requests_total kind=other outcome=ok": 2})
    assert "was-here" not in await page_of(demo)


# After all that can happen


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def after_all() -> AsyncIterator[DemoWorkspace]:
    async with eventful() as demo:
        yield demo


async def test_eventful__reminders_events_and_refusals_are_counted(after_all: DemoWorkspace) -> None:
    wanted = {
        "reminders_total kind=lead outcome=sent": 1,
        "reminders_late_total kind=lead": 1,
        "events_total kind=link_shared outcome=ok": 1,
        "event_seconds_count kind=link_shared": 1,
        "slack_refusals_total method=chat.unfurl": 1,
        "slack_rate_limited_total": 1,
        "requests_total kind=command outcome=UnknownWords": 1,
        "claims_lost_total kind=remind": 0,
        "audit_failures_total": 0,
        "jobs_total kind=remind outcome=ok": 1,
        "database_up": 1,
        "check_ok check=database": 1,
        "links method=token state=active": 1,
        "watches target=upload": 1,
        "due_parked": 0,
        "turned_away_total what=answers": 0,
    }
    found = await counted(
        after_all, lambda now: now.get("slack_refusals_total method=chat.unfurl") == 1, "all"
    )
    assert {name: found.get(name) for name in wanted} == wanted


async def test_eventful__names_and_labels_are_those_of_the_documents(after_all: DemoWorkspace) -> None:
    await counted(after_all, lambda now: now.get("slack_refusals_total method=chat.unfurl") == 1, "all")
    found = {}
    for family in text_string_to_metric_families(await page_of(after_all)):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if name.startswith("vault_uploads_"):
            found[name] = (family.type, {label for one in family.samples for label in one.labels} - {"le"})
    assert found == documented()


async def test_eventful__nobody_is_in_it(after_all: DemoWorkspace) -> None:
    """Neither by id nor by name; no upload, path, address, token or reference; and no label that is not known."""
    demo, page = after_all, await page_of(after_all)
    workspace = demo.slack.workspace
    secret = {
        *(part for user in workspace.users.values() for part in (user.id, user.name, user.team_id)),
        *(channel.id for channel in workspace.channels.values()),
        *(part for one in demo.vault.uploads() for part in (one.id, one.path, one.name)),
        *(one.dns for one in demo.vault.vaults.values()),
        *(
            str(one)
            for name, one in demo.settings.items()
            if name.endswith(("TOKEN", "SECRET", "KEYS", "URL"))
        ),
        *re.findall(r'"reference": "(\w+)"', demo.bot.log_text()),
        "Short.zip",
        "127.0.0.1",
    }
    assert len(secret) > 30
    assert [
        one for one in secret if one and re.search(rf"(?<!\w){re.escape(one)}(?!\w)", page, re.IGNORECASE)
    ] == []

    known = {
        "way": {"http", "socket"},
        "vault": {*demo.vault.vaults, "login", "other"},
        "endpoint": {one.label for one in Endpoint},
    }
    metrics = Metrics(vaults=[])
    reminders = {"sent", "found", "put_off", "place_gone", "changed"}
    slack = {"ok", "rate_limited", "refused", "server_error", "timeout", "not_reached", "lost", "cancelled"}
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            for label, value in sample.labels.items():
                if label == "outcome" and "slack" not in family.name and "reminders" not in family.name:
                    assert metrics.outcome(value) == value
                elif label == "outcome":
                    assert value in slack | reminders
                elif label == "kind" and family.name.endswith(("requests", "answer_seconds")):
                    assert value in REQUESTS | {"other"}
                elif label == "kind" and "event" in family.name:
                    assert value in EVENTS | {"other"}
                elif label == "kind":
                    assert re.fullmatch(r"[a-z_]{4,16}", value)
                elif label in known:
                    assert value in known[label]


async def test_scrapes__at_once_are_all_answered(after_all: DemoWorkspace) -> None:
    pages = await asyncio.gather(*(page_of(after_all) for _ in range(20)))
    assert all("vault_uploads_build_info" in page for page in pages)


async def test_database__that_cannot_be_read_leaves_the_page_standing() -> None:
    async with workspace() as demo:
        execute(demo, "ALTER TABLE watches RENAME TO gone")
        found = await counted(demo, lambda now: now["database_up"] == 0, "the database cannot be read")
        assert found["audit_failures_total"] == 0
        assert not [name for name in found if name.startswith(("due_", "links", "watches"))]
        assert "metrics without the database's numbers" in demo.bot.log_text()
        execute(demo, "ALTER TABLE gone RENAME TO watches")
        found = await counted(demo, lambda now: now["database_up"] == 1, "the database can be read again")
        assert found["links method=token state=active"] == 0
