"""What only the operator sees: links, the audit log, two replicas, and the database itself."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from bot.demo.bot_process import BotProcess
from bot.demo.serving import reserved_port
from bot.demo.slack.delivery import Delivery
from bot.demo.workspace import DemoWorkspace, demo_workspace
from tests.acceptance.steps import cli

STORED = ("DATABASE_URL", "ENCRYPTION_KEYS")
BUDGET = 25


async def operator_types(demo: DemoWorkspace, *words: str, code: int = 0, **settings: str) -> str:
    """Run one command of the command line on the workspace's database; return what it printed."""
    own = {name: demo.settings[name] for name in STORED}
    done = await cli(*words, cwd=demo.folder, settings={**own, **settings})
    assert done.code == code, done.err
    return done.out


async def audit_rows(demo: DemoWorkspace) -> list[dict[str, Any]]:
    """The audit log as `audit export` prints it, oldest row first."""
    printed = await operator_types(demo, "audit", "export", "--format", "jsonl")
    return [json.loads(line) for line in printed.splitlines()]


async def audit_is_whole(demo: DemoWorkspace) -> int:
    """How many rows `audit verify` found; a fault fails the test."""
    told = await operator_types(demo, "audit", "verify")
    assert "whole" in told
    return int(told.split()[0])


async def link_states(demo: DemoWorkspace) -> dict[str, str]:
    """Whether each person's link is active or has ended, as `accounts --json` tells; one Vault each."""
    printed = await operator_types(demo, "accounts", "--json")
    return {one["slack_user"]: one["state"] for one in json.loads(printed)}


@asynccontextmanager
async def two_replicas(
    postgres_url: str, folder: Path, settings: Mapping[str, str] | None = None, *, socket_mode: bool = False
) -> AsyncIterator[tuple[DemoWorkspace, BotProcess]]:
    """A workspace with two bots on one PostgreSQL; Slack sends to the first until told otherwise. Time stands still."""
    chosen = {"DATABASE_URL": postgres_url, **(settings or {})}
    with reserved_port() as port:
        async with demo_workspace(socket_mode=socket_mode, start_bot=False, settings=chosen) as demo:
            second = BotProcess(demo.settings, folder, port)
            try:
                await asyncio.gather(demo.bot.start(), second.start())
                demo.clock.run_at(0)
                yield demo, second
            finally:
                await second.stop()


async def send_to(demo: DemoWorkspace, bot: BotProcess, person: str, text: str) -> Delivery:
    """Let Slack send a command to this replica; several may be on their way at once."""
    demo.slack.request_url = f"{bot.url}/slack/events"  # read before anything is waited for
    delivery = await demo.slack.slash(user=person, text=text)
    demo.slack.request_url = f"{demo.bot.url}/slack/events"
    await delivery.answered(timeout=BUDGET)
    return delivery


def execute(demo: DemoWorkspace, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Change or read the SQLite database past the bot, as somebody would who has the file."""
    file = demo.settings["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(file, timeout=20)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def stored_bytes(demo: DemoWorkspace) -> bytes:
    """All of the SQLite database, its write-ahead log included, as a thief would carry it away."""
    return b"".join(path.read_bytes() for path in sorted(demo.folder.glob("bot.db*")))
