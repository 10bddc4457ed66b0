"""Due work: how many jobs a worker ends in a second, as a ratio to a bare loop over the same database; and how late
jobs are, and what the worker costs, while 100,000 others wait."""

import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from bot.model.due import Again, Claimed, Job
from bot.store.database import Database, database_url
from bot.store.due_work import DueWork
from bot.store.schema import migrate
from bot.worker import AT_ONCE, Worker
from tests.postgres import find_binaries, started

PENDING = 100_000
PER_SECOND = 50
_FIND = "SELECT key, payload FROM due_work WHERE due_at <= {now} ORDER BY due_at LIMIT {limit}"


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Give addresses of empty databases: a SQLite file, and PostgreSQL where its programs are found."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        found = {"SQLite": f"sqlite:///{Path(folder) / 'bench.db'}"}
        binaries = find_binaries()
        if binaries is None:
            print("  PostgreSQL's programs are not installed: SQLite alone")
        else:
            found["PostgreSQL"] = stack.enter_context(stack.enter_context(started(binaries)).database())
        yield found


def jobs_now(count: int) -> list[Job]:
    """Make jobs that are due."""
    now = datetime.now(UTC)
    return [Job(key=f"now:{n}", kind="note", due_at=now, payload={"n": n}) for n in range(count)]


async def bare_rate(url: str, count: int) -> float:
    """Jobs per second of the least code: take as many as a worker does, do nothing, delete them."""
    async with Database.open(database_url(url)) as db:
        await DueWork(db).schedule(jobs_now(count))
    begun = time.perf_counter()
    done = await asyncio.to_thread(_bare_sqlite if url.startswith("sqlite") else _bare_postgresql, url)
    if done != count:
        raise RuntimeError(f"the bare loop did {done} of {count}")
    return count / (time.perf_counter() - begun)


def _bare_sqlite(url: str) -> int:
    done = 0
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        find = _FIND.format(now="?", limit=AT_ONCE)
        while rows := db.execute(find, (int(time.time() * 1000),)).fetchall():
            db.execute("BEGIN IMMEDIATE")
            db.executemany("DELETE FROM due_work WHERE key = ?", [row[:1] for row in rows])
            db.execute("COMMIT")
            done += len(rows)
    return done


def _bare_postgresql(url: str) -> int:
    done = 0
    with closing(psycopg.connect(url, autocommit=True)) as db:
        find = _FIND.format(now="extract(epoch from now()) * 1000", limit=AT_ONCE).encode()
        while rows := db.execute(find).fetchall():
            with db.transaction():
                db.cursor().executemany("DELETE FROM due_work WHERE key = %s", [row[:1] for row in rows])
            done += len(rows)
    return done


async def worker_rate(url: str, count: int) -> tuple[float, float, bool]:
    """Jobs per second of the worker, its CPU in ms for each, and whether each was run once and is gone."""
    ran: Counter[str] = Counter()

    async def run(claimed: Claimed) -> Again | None:
        ran[claimed.key] += 1
        return None

    async with Database.open(database_url(url)) as db:
        due = DueWork(db)
        await due.schedule(jobs_now(count))
        worker = Worker(due, {"note": run})
        cpu, begun = time.process_time(), time.perf_counter()
        worker.start()
        while len(ran) < count or worker.count:  # noqa: ASYNC110 - the worker tells nobody that it has done all
            await asyncio.sleep(0.002)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        await worker.stop(10)
        good = set(ran.values()) == {1} and (await due.counts()).pending.get("note", 0) == 0
    return count / seconds, cpu / count * 1000, good


async def lateness(url: str, seconds: int) -> tuple[list[float], float, float, bool]:
    """With PENDING jobs waiting: by how many ms each of PER_SECOND was late, then the CPU share under that load and
    when nothing is due, and whether each was run once."""
    late: dict[str, list[float]] = {}

    async def run(claimed: Claimed) -> Again | None:
        late.setdefault(claimed.key, []).append(time.time() - claimed.due_at.timestamp())
        return None

    async with Database.open(database_url(url)) as db:
        due = DueWork(db)
        now = datetime.now(UTC)
        far = (now + timedelta(days=1, seconds=n) for n in range(PENDING))
        await due.schedule([Job(key=f"far:{n}", kind="far", due_at=at) for n, at in enumerate(far)])
        worker = Worker(due, {"note": run, "far": run})
        worker.start()
        await asyncio.sleep(1)
        idle = await _cpu_share(lambda: asyncio.sleep(seconds))
        first = datetime.now(UTC) + timedelta(seconds=1)
        count = PER_SECOND * seconds
        at = (first + timedelta(seconds=n / PER_SECOND) for n in range(count))
        await due.schedule([Job(key=f"at:{n}", kind="note", due_at=moment) for n, moment in enumerate(at)])
        busy = await _cpu_share(lambda: asyncio.sleep(seconds + 1))
        while len(late) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await worker.stop(10)
        await due.cancel_prefix("far:")
    return [one[0] * 1000 for one in late.values()], busy, idle, all(len(one) == 1 for one in late.values())


async def _cpu_share(wait: Callable[[], Awaitable[None]]) -> float:
    cpu, begun = time.process_time(), time.perf_counter()
    await wait()
    return (time.process_time() - cpu) / (time.perf_counter() - begun)


async def report(*, rounds: int, jobs: int, seconds: int) -> bool:
    """Print all figures; False when a job was lost or run twice."""
    all_good = True
    with databases() as found:
        for name, url in found.items():
            async with Database.open(database_url(url)) as db:
                await migrate(db)
            bare, own, cpu = [], [], []
            for _ in range(rounds):
                bare.append(await bare_rate(url, jobs))
                rate, milliseconds, good = await worker_rate(url, jobs)
                own.append(rate)
                cpu.append(milliseconds)
                all_good &= good
            late, busy, idle, good = await lateness(url, seconds)
            all_good &= good
            cuts = statistics.quantiles(late, n=100)
            speed, of_bare = statistics.median(own), statistics.median(bare)
            print(f"due work on {name}, {jobs} jobs due at once")
            print(
                f"  bare loop {of_bare:6.0f} jobs/s   worker {speed:6.0f} jobs/s   ratio {speed / of_bare:.2f}"
            )
            print(f"  {statistics.median(cpu):.2f} ms CPU for each job in the worker's process")
            print(
                f"  with {PENDING} waiting: {idle:.1%} of a core when nothing is due; {PER_SECOND} due per second:"
            )
            print(f"  late by p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, {busy:.1%} of a core")
    if not all_good:
        print("a job was lost, or was run twice")
    return all_good
