"""One run: set up, let it break, count."""

import asyncio
import json
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bench.chaos.errands import Errand
from bench.chaos.mishaps import happening
from bench.chaos.people import Crowd
from bench.chaos.stage import Stage, set_up
from bench.chaos.weather import Weather
from bot.demo.slack.exchanges import FROM_BOT, Exchange
from tests.acceptance.operating import audit_is_whole
from tests.acceptance.planting import EVENT_TYPE, times_told
from tests.postgres import PostgresServer

REMINDER_SECONDS = 180.0
"""For those that are left when the last command is answered; a claim of a killed replica lasts one minute of it."""
SERVER_ERROR = 500


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of it."""

    commands: int
    people: int
    reminders: int
    seed: int
    socket_mode: bool
    apart: timedelta
    """Between two reminders."""


@dataclass(kw_only=True)
class Outcome:
    """All that was seen."""

    plan: Plan
    seconds: float
    errands: list[Errand]
    faults: Counter[str]
    mishaps: Counter[str]
    promised: list[str]
    told: Counter[str]
    may_repeat: set[str]
    """Reminders that a killed replica had in hand, or of which Slack did not say that it took them."""
    first_mb: dict[int, float]
    last_mb: dict[int, float]
    peak_mb: dict[int, float]
    audit_rows: int
    held_up: float
    """Seconds by which the emulators' own event loop was late at most."""
    bad_lines: list[str] = field(default_factory=list)
    """Lines of the logs that hold an exception and no reference, or that are no log lines at all."""


async def run(plan: Plan, server: PostgresServer, logs: Path | None = None) -> Outcome:
    """Do all of it, and keep the bots' logs in the folder `logs`; AssertionError when the audit log is not whole."""
    with tempfile.TemporaryDirectory(prefix="chaos ") as name:
        async with set_up(
            server,
            Path(name),
            socket_mode=plan.socket_mode,
            people=plan.people,
        ) as stage:
            weather = Weather(stage.demo, plan.seed)
            crowd = Crowd(stage, weather, plan.seed)
            await crowd.link_all()
            doubtful: set[str] = set()
            stage.demo.slack.on_exchange(lambda exchange: _note_doubtful(exchange, doubtful))
            await stage.promise(plan.reminders, plan.apart)
            begun = time.monotonic()
            async with happening(stage, crowd, plan.commands):
                await crowd.run(plan.commands)
            seconds = time.monotonic() - begun
            weather.clear()
            await _all_told(stage)
            stage.sample_memory()
            if logs is not None:
                logs.mkdir(parents=True, exist_ok=True)
                for number, replica in enumerate(stage.replicas):
                    shutil.copy(replica.log_file, logs / f"bot-{number}.log")
            rows = await audit_is_whole(stage.demo)
            return Outcome(
                plan=plan,
                seconds=seconds,
                errands=crowd.errands,
                faults=weather.counts,
                mishaps=stage.counts,
                promised=stage.keys,
                told=times_told(stage.demo),
                may_repeat=stage.in_hand | doubtful,
                first_mb=stage.first_mb,
                last_mb=stage.last_mb,
                peak_mb=stage.peak_mb,
                audit_rows=rows,
                held_up=stage.held_up,
                bad_lines=_bad_lines(stage),
            )


async def _all_told(stage: Stage) -> None:
    """Wait for the reminders that are left; whoever reads the outcome sees which never came."""
    give_up = time.monotonic() + REMINDER_SECONDS
    while set(stage.keys) - set(times_told(stage.demo)) and time.monotonic() < give_up:  # noqa: ASYNC110
        await asyncio.sleep(0.2)


def _note_doubtful(exchange: Exchange, doubtful: set[str]) -> None:
    """Slack did not say whether it took a reminder."""
    metadata = exchange.request.get("metadata") if isinstance(exchange.request, dict) else None
    if exchange.direction != FROM_BOT or not metadata:
        return
    said = json.loads(metadata) if isinstance(metadata, str) else metadata
    failed = not isinstance(exchange.status, int) or exchange.status >= SERVER_ERROR
    if failed and said.get("event_type") == EVENT_TYPE:
        doubtful.add(str(said["event_payload"]["key"]))


def _bad_lines(stage: Stage) -> list[str]:
    bad = []
    for replica in stage.replicas:
        for line in replica.log_text().splitlines():
            if not line.startswith("{"):
                bad.append(line)
                continue
            said = json.loads(line)
            if "exception" in said and not said.get("reference"):
                bad.append(line)
    return bad
