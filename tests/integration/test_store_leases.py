"""Leases on both databases: one holder at a time among tasks, connections and processes, and none for ever."""

import asyncio
import logging
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import event, text

from bot.model.errors import OutOfTime, StoreUnavailable
from bot.store import database, leases
from bot.store.database import Database, ping
from bot.store.database import database_url as parsed
from bot.store.leases import Leases
from bot.store.schema import migrate

HOLD_AND_STAY = """
import asyncio, sys
from bot.store.database import Database, database_url
from bot.store.leases import Leases
async def main():
    async with Database.open(database_url(sys.argv[1])) as db:
        async with Leases(db).hold("renew:alice", seconds=float(sys.argv[2])):
            print("held", flush=True)
            await asyncio.sleep(600)
asyncio.run(main())
"""
LONG = 120.0
"""More patience than any of these tests has."""


@pytest.fixture
async def other_db(db: Database, database_url: str) -> AsyncIterator[Database]:
    """The same database as another process sees it."""
    async with Database.open(parsed(database_url)) as database:
        yield database


async def rows(db: Database) -> list[str]:
    async with db.read() as connection:
        return list((await connection.execute(text("SELECT name FROM leases"))).scalars())


@contextmanager
def counted(db: Database) -> Iterator[list[str]]:
    """Collect every statement that tries to take a lease."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("INSERT INTO leases"):
            found.append(statement)

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    yield found
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)


@asynccontextmanager
async def holding(database_url: str, seconds: float) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run another process that holds the lease, and kill it at the end if it still lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD_AND_STAY, database_url, str(seconds), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"held\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_hold__of_many_in_two_processes_one_at_a_time(db: Database, other_db: Database) -> None:
    inside, most, done = 0, 0, 0

    async def work(turns: Leases) -> None:
        nonlocal inside, most, done
        async with turns.hold("renew:alice", patience=LONG):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1
            done += 1

    here, there = Leases(db), Leases(other_db)
    await asyncio.gather(*(work(turns) for turns in [here, there] * 10))
    assert (most, done) == (1, 20)
    assert await rows(db) == []


async def test_hold__a_hundred_waiters_of_one_process_ask_once_each(db: Database) -> None:
    turns = Leases(db)

    async def work() -> None:
        async with turns.hold("renew:alice", patience=LONG):
            await asyncio.sleep(0)

    with counted(db) as asked:
        await asyncio.gather(*(work() for _ in range(100)))
    assert len(asked) == 100
    assert len(turns._turns) == 0


async def test_hold__other_names_do_not_wait(db: Database) -> None:
    turns = Leases(db)
    async with turns.hold("renew:alice"), turns.hold("renew:bob", patience=0):
        assert sorted(await rows(db)) == ["renew:alice", "renew:bob"]


async def test_hold__not_free_in_time_within_the_process(db: Database) -> None:
    turns = Leases(db)
    async with turns.hold("renew:alice"):
        with pytest.raises(OutOfTime):
            async with turns.hold("renew:alice", patience=0.05):
                pytest.fail("held twice")
        assert await rows(db) == ["renew:alice"]


@pytest.mark.parametrize("patience", [0, 0.05])
async def test_hold__not_free_in_time_in_another_process(
    db: Database, other_db: Database, patience: float
) -> None:
    async with Leases(db).hold("renew:alice"):
        with pytest.raises(OutOfTime):
            async with Leases(other_db).hold("renew:alice", patience=patience):
                pytest.fail("held twice")
        assert await rows(db) == ["renew:alice"]


async def test_hold__failed_body_gives_it_back(db: Database, other_db: Database) -> None:
    with pytest.raises(RuntimeError, match="changed my mind"):
        async with Leases(db).hold("renew:alice"):
            raise RuntimeError("changed my mind")
    async with Leases(other_db).hold("renew:alice", patience=0):
        pass


async def test_hold__failed_body_keeps_its_own_timeout(db: Database) -> None:
    with pytest.raises(TimeoutError, match="mine"):
        async with Leases(db).hold("renew:alice"):
            raise TimeoutError("mine")


async def test_hold__cancelled_at_any_step_gives_it_back(db: Database) -> None:
    turns = Leases(db)

    async def work() -> None:
        async with turns.hold("renew:alice"):
            await asyncio.sleep(600)

    for step in range(40):
        task = asyncio.create_task(work())
        await asyncio.sleep(step * 0.0002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await rows(db) == []


async def test_hold__keeps_no_connection_meanwhile(db: Database, other_db: Database) -> None:
    turns = Leases(db)
    all_held = asyncio.Barrier(31)

    async def work(number: int) -> None:
        async with turns.hold(f"renew:{number}", patience=LONG, seconds=LONG):
            await all_held.wait()
            await all_held.wait()

    tasks = [asyncio.create_task(work(number)) for number in range(30)]
    await all_held.wait()
    await asyncio.gather(*(ping(db) for _ in range(30)))
    async with other_db.write() as connection:
        await connection.execute(text("DELETE FROM vault_versions"))
    await all_held.wait()
    await asyncio.gather(*tasks)


async def test_hold__body_is_stopped_when_its_time_is_over(db: Database, other_db: Database) -> None:
    with pytest.raises(OutOfTime):
        async with Leases(db).hold("renew:alice", seconds=0.05):
            await asyncio.Event().wait()
    assert await rows(db) == []
    async with Leases(other_db).hold("renew:alice", patience=0):
        pass


async def test_hold__late_return_does_not_take_it_from_the_next(db: Database, other_db: Database) -> None:
    turns = Leases(db)
    late = turns.hold("renew:alice")
    await late.__aenter__()
    async with db.write() as connection:
        await connection.execute(text("UPDATE leases SET until = 0"))
    async with Leases(other_db).hold("renew:alice", patience=0):
        await late.__aexit__(None, None, None)
        assert await rows(db) == ["renew:alice"]


async def test_hold__rows_of_the_dead_are_swept(db: Database) -> None:
    async with db.write() as connection:
        await connection.execute(text("INSERT INTO leases VALUES ('renew:dead', 'x', 5)"))
    async with Leases(db).hold("renew:alice"):
        pass
    assert await rows(db) == []


async def test_hold__killed_process_is_followed_by_the_next(db: Database, database_url: str) -> None:
    async with holding(database_url, seconds=LONG) as process:
        assert await rows(db) == ["renew:alice"]
        process.kill()
        assert await process.wait() == -signal.SIGKILL
    async with db.write() as connection:
        # All but the last seconds of its time.
        await connection.execute(text("UPDATE leases SET until = until - 117000"))
    async with Leases(db).hold("renew:alice", patience=LONG):
        pass
    assert await rows(db) == []


async def test_hold__of_a_living_process_is_respected(db: Database, database_url: str) -> None:
    async with holding(database_url, seconds=600):
        with pytest.raises(OutOfTime):
            async with Leases(db).hold("renew:alice", patience=0.5):
                pytest.fail("held twice")


async def test_hold__clocks_of_the_hosts_do_not_matter_on_postgresql(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Database.open(parsed(postgres_url)) as db, Database.open(parsed(postgres_url)) as other_db:
        await migrate(db)
        async with Leases(db).hold("renew:alice"):
            monkeypatch.setattr(leases, "time", SimpleNamespace(time=lambda: 99_999_999_999.0))
            with pytest.raises(OutOfTime):
                async with Leases(other_db).hold("renew:alice", patience=0):
                    pytest.fail("held twice")


async def test_hold__what_was_done_stands_though_it_cannot_be_given_back(
    sqlite_url: str,
    sqlite_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        other = sqlite3.connect(sqlite_file, isolation_level=None)
        try:
            with caplog.at_level(logging.WARNING):
                async with Leases(db).hold("renew:alice"):
                    other.execute("BEGIN IMMEDIATE")
            assert "lease renew:alice not given back: The bot's database" in caplog.text
            with pytest.raises(StoreUnavailable):
                async with Leases(db).hold("renew:bob"):
                    pytest.fail("held without a row")
        finally:
            other.close()
