"""A hundred thousand reminders wait for another day: the bot neither keeps them in memory nor reads them through."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace, demo_workspace
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.due_work import DueWork
from tests.acceptance.planting import plant, times_told
from tests.acceptance.steps import ask, until

PENDING = 100_000
A_HANDFUL = 5
MORE_AT_MOST = 10 * 1024
"""In KiB. Their keys alone would take twice as much, the whole rows seven times."""
A_DAY = 24 * 3600 * 1000
PAYLOAD = json.dumps({"w": "0" * 32, "k": "lead", "lead": 3600})
REAL_TIME = {"DEMO_CLOCK_FILE": ""}
"""The bot then goes by the database's clock where that has one, as everywhere but in the demo."""

_PLANT = """
    INSERT INTO due_work (key, kind, payload, wanted_at, due_at, attempts)
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
    SELECT 'pending:' || CAST(n AS TEXT) || ':lead:3600', 'remind', CAST(:payload AS TEXT),
        :first + 10 * n, :first + 10 * n, 0
    FROM numbers
"""
_UNTOUCHED = """
    SELECT count(*) FROM due_work
    WHERE key LIKE 'pending:%' AND claim IS NULL AND attempts = 0 AND due_at = wanted_at
"""


async def let_wait(url: str, count: int) -> None:
    """Store so many jobs, the first due in a day, as if the bot had scheduled them."""
    first = int(datetime.now(UTC).timestamp() * 1000) + A_DAY
    async with Database.open(parsed(url)) as db:
        async with db.write() as connection:
            await connection.execute(text(_PLANT), {"count": count, "first": first, "payload": PAYLOAD})
        if not db.is_sqlite:  # which its own housekeeping does by itself, some time later
            async with db.write() as connection:
                await connection.execute(text("ANALYZE due_work"))


async def untouched(url: str) -> int:
    """How many of those still wait, as they were stored."""
    async with Database.open(parsed(url)) as db, db.read() as connection:
        return int((await connection.execute(text(_UNTOUCHED))).scalar_one())


def most_memory(pid: int) -> int:
    """The most of the machine's memory that a process has ever had, in KiB (Linux: proc_pid_status, VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return int(fields["VmHWM"].split()[0])


async def some_work(demo: DemoWorkspace, url: str, *, first: int = 0) -> int:
    """Start the bot, let it send a handful of reminders and answer, and stop it; return the most memory it had."""
    await demo.bot.start()
    keys = await plant(demo, url, A_HANDFUL, first_due=datetime.now(UTC), first=first)
    await until(lambda: times_told(demo).keys() >= set(keys), "what is due is told", seconds=60)
    assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
    assert f"You watch: {first + A_HANDFUL}." in (await ask(demo, "alice", "watches")).text
    most = most_memory(demo.bot.pid)
    assert await demo.bot.stop() == 0
    return most


async def test_pending__cost_no_memory(database_url: str) -> None:
    """The same as an empty table, but for a few MiB; and none of them is touched before its day."""
    async with demo_workspace(settings={"DATABASE_URL": database_url, **REAL_TIME}) as demo:
        await demo.link("alice", method="token")
        await demo.bot.stop()
        alone = await some_work(demo, database_url)
        await let_wait(database_url, PENDING)
        among_many = await some_work(demo, database_url, first=A_HANDFUL)
        assert set(times_told(demo).values()) == {1}
    assert await untouched(database_url) == PENDING
    assert among_many < alone + MORE_AT_MOST, f"{alone} KiB alone, {among_many} KiB with {PENDING} pending"


async def test_pending__are_not_read_through(db: Database, database_url: str) -> None:
    """What a worker asks for all day long: when the next job is due, and for those that are."""
    await let_wait(database_url, PENDING)
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, values: Any, _context: object, _many: bool) -> None:
        if "due_work" in statement:
            asked.append((statement, values))

    due = DueWork(db)
    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    assert await due.claim(16) == []
    assert (await due.pause() or 0) > 3600
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)
    assert len(asked) == 2
    explain = "EXPLAIN QUERY PLAN" if db.is_sqlite else "EXPLAIN"
    async with db.read() as connection:
        for statement, values in asked:
            steps = [str(row) for row in await connection.exec_driver_sql(f"{explain} {statement}", values)]
            assert any("ix_due_work_due_at" in step for step in steps), steps
            read_through = [
                step for step in steps if "Seq Scan on due_work" in step or "SCAN due_work " in step
            ]
            assert read_through == []
