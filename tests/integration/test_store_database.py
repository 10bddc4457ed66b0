"""The databases themselves: addresses, files, and what comes out when one of them fails."""

import asyncio
import os
import signal
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.model.errors import StoreUnavailable, StoreUnreadable
from bot.model.secret import Secret
from bot.store import database as module
from bot.store.accounts import Accounts
from bot.store.database import Database, ping
from bot.store.database import database_url as parsed
from bot.store.schema import migrate
from bot.store.seal import Keyring
from tests.databases import ALICE, folder_content, linked
from tests.postgres import PostgresServer


@pytest.mark.parametrize(
    ("given", "driver", "database"),
    [
        ("sqlite:///data/bot.db", "sqlite+aiosqlite", "data/bot.db"),
        ("sqlite:////srv/my data/bot.db", "sqlite+aiosqlite", "/srv/my data/bot.db"),
        ("postgresql://me:pw@db.example/bot", "postgresql+psycopg", "bot"),
        (" postgres://me@db.example:5433/bot?sslmode=require\n", "postgresql+psycopg", "bot"),
    ],
)
def test_database_url__driver_is_chosen(given: str, driver: str, database: str) -> None:
    url = parsed(given)
    assert (url.drivername, url.database) == (driver, database)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "data/hunter2.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://hunter2/x.db",
        "sqlite:///x.db?password=hunter2",
        "mysql://me:hunter2@host/bot",
        "postgresql+asyncpg://me:hunter2@host/bot",
        "postgresql://me:hunter2@host",
        "postgresql://me:pw@host:hunter2/bot",
    ],
)
def test_database_url__anything_else_is_refused_without_repeating_it(given: str) -> None:
    with pytest.raises(ValueError, match=r"postgresql://|sqlite:///") as caught:
        parsed(given)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_place__never_holds_a_password() -> None:
    url = parsed("postgresql://me:hunter2@db.example:5433/bot?options=hunter2")
    assert Database(url).place == "db.example:5433/bot"


async def test_open__file_is_made_for_our_eyes_only(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "bot.db"
    umask = os.umask(0)
    try:
        async with Database.open(parsed(f"sqlite:///{file}")) as db:
            await migrate(db)
            assert {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()} == {0o600}
    finally:
        os.umask(umask)
    assert stat.S_IMODE(file.parent.stat().st_mode) == stat.S_IMODE(file.parents[1].stat().st_mode) == 0o700


async def test_open__sqlite_is_set_up_for_safety(sqlite_url: str) -> None:
    async with Database.open(parsed(sqlite_url)) as db, db.read() as connection:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        values = [await connection.scalar(text(f"PRAGMA {name}")) for name in names]
    assert values == ["wal", 2, 1, 5000]


async def test_ping__answers(db: Database) -> None:
    await ping(db)


@pytest.mark.parametrize("size", [11, 100, 511, 4096, 100_000])
async def test_open__file_that_is_no_database_keeps_its_bytes(tmp_path: Path, size: int) -> None:
    file = tmp_path / "notes.txt"
    file.write_bytes(b"dear diary " * (size // 11))
    before = folder_content(tmp_path)
    with pytest.raises(StoreUnreadable) as caught:
        async with Database.open(parsed(f"sqlite:///{file}")):
            pass
    assert caught.value.details == {"place": str(file), "reason": "the file is not a database"}
    assert folder_content(tmp_path) == before


def damage(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


async def test_read__damaged_file_is_told_and_keeps_its_bytes(
    sqlite_url: str, sqlite_file: Path, keyring: Keyring
) -> None:
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        await Accounts(db, keyring).save(linked())
    damage(sqlite_file)
    before = folder_content(sqlite_file.parent)
    with pytest.raises(StoreUnreadable, match="damaged"):
        async with Database.open(parsed(sqlite_url)) as db:
            await migrate(db)
    assert folder_content(sqlite_file.parent) == before


async def test_open__folder_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        async with Database.open(parsed(f"sqlite:///{tmp_path}")):
            pass


async def test_open__file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreUnavailable, match="cannot be made"):
        async with Database.open(parsed(f"sqlite:///{tmp_path}/data/bot.db")):
            pass


async def fill_up(db: Database) -> None:
    async with db.write() as connection:
        pages = await connection.scalar(text("PRAGMA page_count"))
        await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        await connection.execute(text("CREATE TABLE more AS SELECT zeroblob(100000)"))


async def test_write__full_disk_is_told_and_the_rest_stays(sqlite_url: str, keyring: Keyring) -> None:
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        accounts = Accounts(db, keyring)
        await accounts.save(linked())
        with pytest.raises(StoreUnavailable, match="disk is full"):
            await fill_up(db)
        assert await accounts.find(ALICE) == [linked()]


async def test_write__file_locked_by_another_program(
    sqlite_url: str, sqlite_file: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.2)
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        accounts = Accounts(db, keyring)
        await accounts.save(linked())
        other = sqlite3.connect(sqlite_file, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            outcomes = await asyncio.gather(
                *(accounts.save(linked(credential="late")) for _ in range(3)), return_exceptions=True
            )
            assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 3
            assert await accounts.find(ALICE) == [linked()]
        finally:
            other.close()
        await accounts.save(linked(credential="later"))


async def test_write__exception_rolls_back(db: Database, keyring: Keyring) -> None:
    accounts = Accounts(db, keyring)
    await accounts.save(linked())

    async def delete_all_but_fail() -> None:
        async with db.write() as connection:
            await connection.execute(text("DELETE FROM accounts"))
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        await delete_all_but_fail()
    assert await accounts.find(ALICE) == [linked()]


async def test_write__cancelled_task_leaves_no_transaction_behind(db: Database, keyring: Keyring) -> None:
    accounts = Accounts(db, keyring)
    await accounts.save(linked(credential="first"))
    tasks = []  # kept, since their tracebacks keep cursors alive: SQLite then kept its lock once
    async with asyncio.timeout(120):
        for step in range(80):
            task = asyncio.create_task(accounts.save(linked(credential="cut short")))
            await asyncio.sleep(step * 0.0001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            tasks.append(task)
        await accounts.save(linked(credential="last"))
        assert [account.credential for account in await accounts.find(ALICE)] == [Secret("last")]


async def test_read__tables_missing(database_url: str, keyring: Keyring) -> None:
    async with Database.open(parsed(database_url)) as db:
        with pytest.raises(StoreUnavailable, match="tables are missing"):
            await Accounts(db, keyring).find(ALICE)


async def test_read__more_at_once_than_connections(db: Database, keyring: Keyring) -> None:
    accounts = Accounts(db, keyring)
    await accounts.save(linked())
    answers = await asyncio.gather(*(accounts.find(ALICE) for _ in range(100)))
    assert answers == [[linked()]] * 100


async def test_read__all_connections_in_use(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SQLITE_POOL", {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.05})
    async with Database.open(parsed(sqlite_url)) as db, db.read():
        with pytest.raises(StoreUnavailable, match="all its connections are in use"):
            await ping(db)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["restart", "crash"])
async def test_read__survives_a_restart_of_the_server(
    postgres_server: PostgresServer, postgres_url: str, keyring: Keyring, how: signal.Signals
) -> None:
    async with Database.open(parsed(postgres_url)) as db:
        await migrate(db)
        accounts = Accounts(db, keyring)
        await accounts.save(linked())
        await asyncio.gather(*(accounts.find(ALICE) for _ in range(10)))
        postgres_server.stop(how)
        try:
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                await accounts.find(ALICE)
        finally:
            postgres_server.start()
        assert await asyncio.gather(*(accounts.find(ALICE) for _ in range(10))) == [[linked()]] * 10
        await accounts.save(linked(credential="second"))


async def test_write__survives_connections_closed_by_the_server(
    postgres_server: PostgresServer, postgres_url: str, keyring: Keyring
) -> None:
    async with Database.open(parsed(postgres_url)) as db:
        await migrate(db)
        accounts = Accounts(db, keyring)
        await asyncio.gather(*(accounts.find(ALICE) for _ in range(5)))
        postgres_server.stop()
        postgres_server.start()
        await accounts.save(linked())
        assert await accounts.find(ALICE) == [linked()]


async def test_ping__no_server(tmp_path: Path) -> None:
    async with Database.open(parsed(f"postgresql://me:hunter2@/bot?host={tmp_path}")) as db:
        with pytest.raises(StoreUnavailable, match="cannot be reached") as caught:
            await ping(db)
    assert "hunter2" not in str(caught.value)


async def test_ping__no_such_database(postgres_server: PostgresServer) -> None:
    async with Database.open(parsed(postgres_server.url("nowhere"))) as db:
        with pytest.raises(StoreUnavailable):
            await ping(db)
