"""Workers as processes of their own on one database: killed, frozen and stopped, they lose nothing."""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.model.due import Job
from bot.store.database import Database
from bot.store.due_work import DueWork
from tests.integration.due_steps import rows, until
from tests.integration.due_worker_process import Settings

ROOT = Path(__file__).parents[2]
LEASE = 600.0


class Process:
    """One worker process, and what it logged."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self.pid = process.pid

    def send(self, what: signal.Signals) -> None:
        self._process.send_signal(what)

    async def end(self, how: signal.Signals) -> int:
        if self._process.returncode is None:
            self.send(how)
        return await self._process.wait()

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self._log.read_text().splitlines()]


class Processes:
    """Worker processes on one database, and one file in which each of them writes what it begins and ends."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._notes = folder / "notes"
        self._notes.touch()
        self.gate = folder / "gate"
        self.all: list[Process] = []

    async def start(
        self, *, at_once: int, job: float = 0.0, is_held_up: bool = False, stop: float = 10.0
    ) -> Process:
        """Start one whose leases outlive any test, until `let_leases_end`; times in seconds. Jobs that are held up end
        when the gate is there."""
        settings = Settings(
            url=self._url,
            notes=str(self._notes),
            lease=LEASE,
            longest_job=LEASE - 1,
            job=job,
            at_once=at_once,
            stop=stop,
            gate=str(self.gate) if is_held_up else "",
        )
        log = self._folder / f"{len(self.all)}.log"
        command = (sys.executable, "-m", "tests.integration.due_worker_process", settings.as_text())
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=output)
        self.all.append(Process(process, log))
        return self.all[-1]

    def keys(self, word: str, by: Process | None = None) -> list[str]:
        """Return the keys that were begun, or done, by one process or by all."""
        found = [line.split() for line in self._notes.read_text().splitlines()]
        return [key for what, key, pid in found if what == word and (by is None or int(pid) == by.pid)]


@pytest.fixture
async def processes(tmp_path: Path, database_url: str, db: Database) -> AsyncIterator[Processes]:
    started = Processes(tmp_path, database_url)
    yield started
    for process in started.all:
        await process.end(signal.SIGKILL)


async def schedule(db: Database, count: int, kind: str = "note") -> set[str]:
    """Make jobs due now, and return their keys."""
    now = datetime.now(UTC)
    jobs = [Job(key=f"k{n:03}", kind=kind, due_at=now) for n in range(count)]
    await DueWork(db).schedule(jobs)
    return {job.key for job in jobs}


async def let_leases_end(db: Database) -> None:
    """As if nobody had renewed what is claimed for as long as a lease."""
    async with db.write() as connection:
        passed = {"ms": round(LEASE * 1000)}
        await connection.execute(
            text("UPDATE due_work SET due_at = due_at - :ms WHERE claim IS NOT NULL"), passed
        )


async def test_processes__one_killed_in_the_midst(processes: Processes, db: Database) -> None:
    """None is lost; twice run only some of those that the killed one had in hand."""
    keys = await schedule(db, 400)
    victim = await processes.start(job=0.1, at_once=16)
    await processes.start(job=0.1, at_once=16)
    await until(lambda: len(processes.keys("done", victim)) > 60 and len(processes.keys("done")) > 130)
    assert await victim.end(signal.SIGKILL) == -signal.SIGKILL
    left = {str(row["key"]) for row in await rows(db)}
    in_hand = left.intersection(processes.keys("begun", victim))
    # Also what the other one has in hand, which it does not take from itself.
    await let_leases_end(db)

    async def all_done() -> bool:
        return not await rows(db)

    await until(all_done)
    times = Counter(processes.keys("done"))
    assert set(times) == keys
    assert max(times.values()) <= 2
    begun = Counter(processes.keys("begun"))
    assert {key for key, count in begun.items() if count > 1} <= in_hand
    assert len(in_hand) <= 16


async def test_processes__one_frozen_for_longer_than_its_lease(processes: Processes, db: Database) -> None:
    """What it stores when it wakes is refused."""
    keys = await schedule(db, 8, "again")
    zombie = await processes.start(at_once=8, is_held_up=True)
    await until(lambda: set(processes.keys("begun", zombie)) == keys)
    zombie.send(signal.SIGSTOP)
    assert processes.keys("done") == []
    await let_leases_end(db)
    heir = await processes.start(at_once=8)

    async def all_done() -> bool:
        return {row["payload"] for row in await rows(db)} == {
            json.dumps({"by": heir.pid}, separators=(",", ":"))
        }

    await until(all_done)
    before = await rows(db)
    processes.gate.touch()
    zombie.send(signal.SIGCONT)
    await until(lambda: any("taken over" in event for event in zombie.events()))
    assert await zombie.end(signal.SIGTERM) == 0
    assert await rows(db) == before
    assert sorted(processes.keys("done", heir)) == sorted(keys)


async def test_processes__stopped_one_hands_over_at_once(processes: Processes, db: Database) -> None:
    """By SIGTERM, as at each deploy: what it could not end is due at once, not after a lease."""
    await schedule(db, 8)
    first = await processes.start(at_once=8, is_held_up=True, stop=0.0)
    await until(lambda: len(processes.keys("begun")) == 8)
    assert await first.end(signal.SIGTERM) == 0
    assert processes.keys("done") == []
    assert [(row["claim"], row["attempts"]) for row in await rows(db)] == [(None, 0)] * 8
    assert await DueWork(db).pause() == 0.0
