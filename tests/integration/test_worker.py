"""The worker: what it takes, how jobs fail, and that two processes lose nothing when one is killed or frozen."""

import asyncio
import math
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot import job_faults
from bot import worker as module
from bot.job_faults import FIRST_PAUSE, LONGEST_PAUSE, MOST_ATTEMPTS
from bot.model.due import Again, Claimed, Job
from bot.model.errors import NotLinked, VaultBusy
from bot.store import database
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.due_work import DueWork
from bot.store.schema import migrate
from bot.worker import RunJob, Worker
from tests.databases import NOW
from tests.integration.due_steps import SetClock, rows, until
from tests.postgres import PostgresServer

LEASE = timedelta(seconds=30)
OFTEN_RENEWED = timedelta(seconds=1.5)
"""What a worker takes for the length of its leases once it runs: it renews them in that rhythm, and they are still as
long as any machine needs."""


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def due(db: Database, clock: SetClock) -> DueWork:
    return DueWork(db, clock, LEASE)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, object]]:
    """What the worker logs."""
    capture = structlog.testing.LogCapture()
    chain: list[Any] = [structlog.contextvars.merge_contextvars, capture]
    for one in (module, job_faults):
        monkeypatch.setattr(one, "log", structlog.wrap_logger(structlog.PrintLogger(), processors=chain))
    return capture.entries  # type: ignore[return-value]


@asynccontextmanager
async def working(
    due: DueWork, run: RunJob, *, stop: float = 20.0, **options: object
) -> AsyncIterator[Worker]:
    """Run a worker for jobs of kind `note`."""
    worker = Worker(due, {"note": run}, **options)  # type: ignore[arg-type]
    worker.start()
    try:
        yield worker
    finally:
        await worker.stop(stop)


def a_job(key: str = "a", seconds: float = 0.0, kind: str = "note") -> Job:
    return Job(key=key, kind=kind, due_at=NOW + timedelta(seconds=seconds))


async def is_parked(due: DueWork) -> bool:
    return (await due.counts()).parked == 1


class Notes:
    """Keeps what ran; `gate` holds it up."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.done: list[str] = []
        self.cut: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.most = 0

    async def run(self, claimed: Claimed) -> Again | None:
        self.begun.append(claimed.key)
        self.most = max(self.most, len(self.begun) - len(self.done) - len(self.cut))
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cut.append(claimed.key)
            raise
        self.done.append(claimed.key)
        return None


async def test_worker__runs_what_is_due_and_no_more_at_once_than_allowed(due: DueWork) -> None:
    notes = Notes()
    notes.gate.clear()
    await due.schedule([a_job(f"k{n:02}", n / 100) for n in range(-20, 0)] + [a_job("later", 60)])
    async with working(due, notes.run, at_once=4):
        await until(lambda: len(notes.begun) == 4)
        notes.gate.set()
        await until(lambda: len(notes.done) == 20)
    assert sorted(notes.done) == sorted(f"k{n:02}" for n in range(-20, 0))
    assert notes.most == 4
    assert (await due.counts()).pending == {"note": 1}


async def test_worker__is_woken_by_what_is_scheduled_here(
    due: DueWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 3600.0)
    notes = Notes()
    async with working(due, notes.run):
        for n in range(5):
            await due.schedule([a_job(f"k{n}")])
            await until(lambda n=n: len(notes.done) == n + 1)  # type: ignore[misc]


async def test_worker__sees_what_others_schedule(due: DueWork, db: Database, clock: SetClock) -> None:
    notes = Notes()
    async with working(due, notes.run):
        await DueWork(db, clock).schedule([a_job()])
        await until(lambda: notes.done == ["a"])


async def test_worker__job_comes_back(due: DueWork, clock: SetClock) -> None:
    seen: list[object] = []

    async def run(claimed: Claimed) -> Again | None:
        seen.append(claimed.payload)
        return (
            Again(due_at=clock() + timedelta(seconds=60), payload={"n": len(seen)}) if len(seen) < 3 else None
        )

    async with working(due, run) as worker:
        await due.schedule([a_job()])
        for n in range(3):
            await until(lambda n=n: len(seen) == n + 1 and not worker.count)  # type: ignore[misc]
            clock.move(60)
            worker.wake()
    assert seen == [{}, {"n": 1}, {"n": 2}]
    assert await due.next_due() is None


async def test_worker__failing_job_delays_no_other(
    due: DueWork, db: Database, lines: list[Mapping[str, object]]
) -> None:
    notes = Notes()

    async def run(claimed: Claimed) -> Again | None:
        if claimed.key == "bad":
            raise RuntimeError("said hunter2")
        return await notes.run(claimed)

    await due.schedule([a_job("bad", -100), *(a_job(f"k{n}", n) for n in range(-9, 0))])
    async with working(due, run, at_once=1) as worker:
        await until(lambda: len(notes.done) == 9 and not worker.count)
    (row,) = await rows(db)
    assert (row["key"], row["attempts"], row["claim"]) == ("bad", 1, None)
    (line,) = lines
    assert (line["event"], line["kind"], line["log_level"]) == ("due work failed", "note", "error")
    assert row["last_error"] == f"RuntimeError ({line['reference']})"
    pause = await due.pause()
    assert pause is not None
    assert FIRST_PAUSE <= pause <= FIRST_PAUSE * 1.2


async def test_worker__pauses_grow_until_the_job_is_parked(
    due: DueWork, db: Database, clock: SetClock
) -> None:
    async def run(claimed: Claimed) -> Again | None:
        raise NotLinked(vault="promomats")

    await due.schedule([a_job()])
    async with working(due, run) as worker:
        for n in range(1, MOST_ATTEMPTS):

            async def put_off(n: int = n) -> bool:
                (row,) = await rows(db)
                return (row["claim"], row["attempts"]) == (None, n)

            await until(put_off)
            pause = await due.pause()
            assert pause is not None
            least = min(FIRST_PAUSE * 2 ** (n - 1), LONGEST_PAUSE)
            assert least <= pause <= least * 1.2
            clock.move(pause)
            worker.wake()
        await until(lambda: is_parked(due))
    (row,) = await rows(db)
    assert str(row["last_error"]).startswith("NotLinked (")
    assert str(row["last_error"]).endswith(NotLinked(vault="promomats").sentence)


class Limited(Exception):
    def __init__(self, retry_after: object) -> None:
        self.retry_after = retry_after


@pytest.mark.parametrize(
    ("error", "least"),
    [
        (Limited(77), 77),
        (Limited(0), 1),
        (Limited(1e9), LONGEST_PAUSE),
        (VaultBusy(vault="promomats", seconds=60.0, minutes=1), 60),
        (Limited(math.nan), FIRST_PAUSE),
        (Limited("soon"), FIRST_PAUSE),
    ],
    ids=repr,
)
async def test_worker__asked_to_wait_is_no_failure(
    due: DueWork, db: Database, clock: SetClock, error: Exception, least: float
) -> None:
    tries: list[int] = []

    async def run(claimed: Claimed) -> Again | None:
        tries.append(claimed.attempts)
        raise error

    await due.schedule([a_job()])
    async with working(due, run) as worker:
        await until(lambda: len(tries) == 1 and not worker.count)
    pause = await due.pause()
    assert pause is not None
    assert least <= pause <= least * 1.2
    (row,) = await rows(db)
    assert row["attempts"] == (1 if least == FIRST_PAUSE else 0)


async def test_worker__job_that_takes_too_long_is_cut_off(due: DueWork, db: Database) -> None:
    notes = Notes()
    notes.gate.clear()
    await due.schedule([a_job()])
    async with working(due, notes.run, longest_job=timedelta(seconds=0.05)) as worker:
        await until(lambda: notes.cut == ["a"] and not worker.count)
    (row,) = await rows(db)
    assert str(row["last_error"]).startswith("TimeoutError (")


async def test_worker__job_that_ends_in_odd_ways_is_put_off(due: DueWork, db: Database) -> None:
    async def run(claimed: Claimed) -> Again | None:
        if claimed.key == "cancels":
            raise asyncio.CancelledError
        return Again(due_at=datetime(2026, 1, 1), payload={"x": object()})  # type: ignore[dict-item]  # noqa: DTZ001

    await due.schedule([a_job("cancels"), a_job("naive")])
    async with working(due, run) as worker:
        await until(lambda: worker.count == 2)
        await until(lambda: worker.count == 0)
    assert [str(row["last_error"]).split()[0] for row in await rows(db)] == ["CancelledError", "TypeError"]


async def test_worker__unknown_kind_is_parked_and_taken_up_by_who_knows_it(
    due: DueWork, db: Database, lines: list[Mapping[str, object]]
) -> None:
    notes = Notes()
    await due.schedule([a_job("a", kind="new"), a_job("b")])
    async with working(due, notes.run) as worker:
        await until(lambda: notes.done == ["b"] and not worker.count)
    assert (await due.counts()).parked == 1
    assert [(line["event"], line["kind"]) for line in lines] == [
        ("due work of an unknown kind is parked", "new")
    ]
    newer = Worker(due, {"new": notes.run})
    newer.start()
    await until(lambda: notes.done == ["b", "a"])
    await newer.stop(20)
    assert await rows(db) == []


async def test_worker__job_that_ends_no_process_alive_is_parked(due: DueWork, clock: SetClock) -> None:
    """Begun and never ended, as when the job takes the process with it."""
    notes = Notes()
    await due.schedule([a_job()])
    for _ in range(MOST_ATTEMPTS):
        assert len(await due.claim(1)) == 1
        clock.move(LEASE.total_seconds())
    async with working(due, notes.run):
        await until(lambda: is_parked(due))
    assert notes.begun == []


async def test_worker__job_scheduled_anew_while_it_runs(due: DueWork) -> None:
    """The run in progress is cut off, and the new one begins when it has ended: never two at once."""
    notes = Notes()
    notes.gate.clear()
    async with working(due, notes.run, at_once=4) as worker:
        await due.schedule([a_job()])
        await until(lambda: len(notes.begun) == 1)
        await due.schedule([a_job()])
        await until(lambda: len(notes.begun) == 2)
        notes.gate.set()
        await until(lambda: worker.count == 0)
    assert (notes.cut, notes.done, notes.most) == (["a"], ["a"], 1)
    assert await due.next_due() is None


async def test_worker__job_cancelled_while_it_runs_is_cut_off(db: Database) -> None:
    notes = Notes()
    notes.gate.clear()
    due = DueWork(db)
    async with working(due, notes.run) as worker:
        due.lease = OFTEN_RENEWED
        await due.schedule([a_job("a"), a_job("b")])
        await until(lambda: len(notes.begun) == 2)
        await due.cancel(["a"])
        await until(lambda: notes.cut == ["a"])
        notes.gate.set()
        await until(lambda: worker.count == 0)
    assert notes.done == ["b"]


async def test_worker__lease_is_renewed_while_a_job_runs(db: Database) -> None:
    notes = Notes()
    notes.gate.clear()
    due = DueWork(db)
    await due.schedule([a_job()])
    async with working(due, notes.run):
        due.lease = OFTEN_RENEWED
        await until(lambda: notes.begun == ["a"])
        (before,) = await rows(db)

        async def renewed() -> bool:
            (row,) = await rows(db)
            return row["due_at"] != before["due_at"] and row["claim"] == before["claim"]

        await until(renewed)
        notes.gate.set()


async def test_stop__waits_for_what_runs(due: DueWork, db: Database) -> None:
    notes = Notes()
    notes.gate.clear()
    await due.schedule([a_job("a")])
    worker = Worker(due, {"note": notes.run})
    worker.start()
    await until(lambda: notes.begun == ["a"])
    stopping = asyncio.create_task(worker.stop(20))
    await asyncio.sleep(0)
    await due.schedule([a_job("b")])
    notes.gate.set()
    await stopping
    assert notes.done == ["a"]
    assert [row["key"] for row in await rows(db)] == ["b"]


async def test_stop__gives_back_what_does_not_end(due: DueWork, db: Database) -> None:
    notes = Notes()
    notes.gate.clear()
    await due.schedule([a_job("a"), a_job("b", 60)])
    async with working(due, notes.run, stop=0.0):
        await until(lambda: notes.begun == ["a"])
    row, later = await rows(db)
    assert (row["claim"], row["attempts"], row["due_at"]) == (None, 0, row["wanted_at"])
    assert later["attempts"] == 0
    assert [claimed.key for claimed in await due.claim(16)] == ["a"]


async def test_stop__unstarted() -> None:
    async with Database.open(parsed("postgresql://nobody@127.0.0.1:1/none")) as db:
        await Worker(DueWork(db), {}).stop(1)


async def test_worker__job_must_end_before_its_lease() -> None:
    async with Database.open(parsed("postgresql://nobody@127.0.0.1:1/none")) as db:
        with pytest.raises(ValueError, match="lease"):
            Worker(DueWork(db), {}, longest_job=LEASE)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
async def test_worker__database_goes_and_comes_back(
    postgres_server: PostgresServer, postgres_url: str, lines: list[Mapping[str, object]], how: signal.Signals
) -> None:
    ran: Counter[str] = Counter()

    async def run(claimed: Claimed) -> Again | None:
        await asyncio.sleep(0.01)
        ran[claimed.key] += 1
        return None

    async with Database.open(parsed(postgres_url)) as db:
        await migrate(db)
        due = DueWork(db, lease=timedelta(seconds=2))
        now = datetime.now(UTC)
        await due.schedule([Job(key=f"k{n}", kind="note", due_at=now) for n in range(200)])
        async with working(due, run, at_once=8, longest_job=timedelta(seconds=1)):
            await until(lambda: len(ran) > 40)
            postgres_server.stop(how)
            await until(lambda: bool(lines))
            postgres_server.start()
            await until(lambda: len(ran) == 200)
        assert await rows(db) == []
    # Whoever holds a job goes on holding it: nothing was run twice.
    assert set(ran.values()) == {1}
    events = [line["event"] for line in lines]
    assert events.count("due work waits for the database") == 1
    assert events.count("due work goes on") == 1


class Counting(DueWork):
    """Counts the tries to claim."""

    tries = 0

    async def claim(self, limit: int, *, held: Collection[Claimed] = ()) -> list[Claimed]:
        self.tries += 1
        return await super().claim(limit, held=held)


@pytest.fixture
async def locked(
    sqlite_url: str, sqlite_file: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Counting, sqlite3.Connection]]:
    """A database that can be read and not be written, until the connection is closed; one job is due in it."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(module, "DATABASE_PAUSES", (0.01, 0.05))
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        due = Counting(db, clock)
        await due.schedule([a_job()])
        with closing(sqlite3.connect(sqlite_file, isolation_level=None)) as other:
            yield due, other


async def test_worker__database_takes_no_writes_for_a_while(
    locked: tuple[Counting, sqlite3.Connection], clock: SetClock, lines: list[Mapping[str, object]]
) -> None:
    """Reads that succeed in between are no sign of health: it is told once."""
    due, other = locked
    notes = Notes()
    await due.schedule([a_job("b", 60)])
    async with working(due, notes.run) as worker:
        await until(lambda: notes.done == ["a"] and not worker.count)
        other.execute("BEGIN IMMEDIATE")
        before = due.tries
        clock.move(60)
        await until(lambda: due.tries > before + 3)
        assert notes.begun == ["a"]
        other.execute("ROLLBACK")
        await until(lambda: notes.done == ["a", "b"])
    assert [line["event"] for line in lines] == ["due work waits for the database", "due work goes on"]
    assert "locked" in str(lines[0]["reason"])


async def test_stop__database_takes_no_writes(
    locked: tuple[Counting, sqlite3.Connection],
    lines: list[Mapping[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HAND_BACK_SECONDS", 0.1)
    due, other = locked
    notes = Notes()
    notes.gate.clear()
    async with working(due, notes.run, stop=0.0):
        await until(lambda: notes.begun == ["a"])
        other.execute("BEGIN IMMEDIATE")
    other.execute("ROLLBACK")
    assert notes.cut == ["a"]
    assert lines[-1]["event"] == "due work is left to its lease"
