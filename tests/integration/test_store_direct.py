"""SQLite without aiosqlite's thread: the same rows, nothing half-written, and a thread where one would have to wait."""

import asyncio
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, insert, select

from bot.model.errors import StoreUnavailable, StoreUnreadable
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.direct import DirectSqlite
from bot.store.schema import migrate
from bot.store.seal import Keyring
from bot.store.tables import accounts, vault_versions
from tests.databases import ALICE, BOB, NOW, linked

EVERYTHING = select(accounts).where(accounts.c.slack_user_id == bindparam("user"))
SINCE = select(accounts.c.slack_user_id).where(
    accounts.c.linked_at >= bindparam("since", type_=accounts.c.linked_at.type)
)


async def test_rows__are_those_that_the_long_way_gives(db: Database, keyring: Keyring) -> None:
    store = Accounts(db, keyring)
    for number in range(3):
        await store.save(
            linked(
                vault_host=f"v{number}.vault.example",
                valid_until=None if number else NOW,
                linked_at=NOW + timedelta(minutes=number),
            )
        )
    async with db.read() as connection:
        long_way = (await connection.execute(EVERYTHING, {"user": ALICE.user_id})).all()
    found = await db.rows(EVERYTHING, {"user": ALICE.user_id})
    assert len(found) == 3
    for one, other in zip(found, long_way, strict=True):
        for column in accounts.c:
            assert getattr(one, column.key) == getattr(other, column.key)
            assert type(getattr(one, column.key)) is type(getattr(other, column.key))


async def test_rows__take_moments_as_the_long_way_does(db: Database, keyring: Keyring) -> None:
    await Accounts(db, keyring).save(linked(linked_at=NOW))
    assert [row.slack_user_id for row in await db.rows(SINCE, {"since": NOW})] == [ALICE.user_id]
    assert not await db.rows(SINCE, {"since": NOW + timedelta(seconds=1)})


async def test_rows__are_the_newest_also_of_other_connections(sqlite_url: str, keyring: Keyring) -> None:
    async with Database.open(parsed(sqlite_url)) as db, Database.open(parsed(sqlite_url)) as other:
        await migrate(db)
        for person in (ALICE, BOB):
            assert not await Accounts(db, keyring).find(person)
            await Accounts(other, keyring).save(linked(person))
            assert await Accounts(db, keyring).find(person)


async def test_rows__read_while_somebody_writes(sqlite_url: str, keyring: Keyring) -> None:
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        store = Accounts(db, keyring)
        await store.save(linked())
        async with db.write() as connection:
            await connection.execute(accounts.delete())
            assert await store.find(ALICE), "what is not committed is seen by nobody else"
        assert not await store.find(ALICE)


async def test_rows__wait_in_a_thread_for_a_lock(
    sqlite_url: str, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What answers at once that the file is locked is asked once more where waiting stops nobody."""
    is_locked = asyncio.Event()
    honest = DirectSqlite.rows

    def rows(*given: object) -> object:
        found = honest(*given)  # type: ignore[arg-type]
        if found is None:
            is_locked.set()
        return found

    monkeypatch.setattr(DirectSqlite, "rows", rows)
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        store = Accounts(db, keyring)
        await store.save(linked())
        # Out of WAL mode a writer that commits locks readers out, as a recovery does within it.
        file = str(parsed(sqlite_url).database)
        with sqlite3.connect(file, isolation_level=None, check_same_thread=False) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            async with asyncio.timeout(30):
                assert await store.find(ALICE)
                await db.engine.dispose()
            db._direct.end_reading()  # type: ignore[union-attr]
            other.execute("PRAGMA journal_mode = DELETE")
            other.execute("BEGIN EXCLUSIVE")
            finding = asyncio.create_task(store.find(ALICE))
            async with asyncio.timeout(60):
                await is_locked.wait()
            other.execute("COMMIT")
            other.execute("PRAGMA locking_mode = NORMAL")
            other.execute("SELECT count(*) FROM accounts").fetchall()
            assert await finding
        other.close()


async def test_rows__of_a_file_that_is_none(sqlite_url: str, keyring: Keyring) -> None:
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        assert not await Accounts(db, keyring).find(ALICE)
        db._direct.end_reading()  # type: ignore[union-attr]
        await db.engine.dispose()
        file = Path(str(parsed(sqlite_url).database))
        for part in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
            if part.exists():
                part.write_bytes(b"no database" * 1000)
        with pytest.raises((StoreUnreadable, StoreUnavailable)):
            await Accounts(db, keyring).find(ALICE)


def put(connection: Connection) -> int:
    """Add one row."""
    connection.execute(
        insert(vault_versions).values(vault_host="a.vault.example", versions="v24.3", seen_at=NOW)
    )
    return 7


async def test_transact__commits_and_gives_what_the_work_gave(db: Database) -> None:
    assert await db.transact(put) == 7
    assert len(await db.rows(select(vault_versions), {})) == 1


async def test_transact__a_failure_leaves_nothing(db: Database) -> None:
    def fails(connection: Connection) -> None:
        put(connection)
        raise LookupError("afterwards")

    with pytest.raises(LookupError, match="afterwards"):
        await db.transact(fails)
    assert not await db.rows(select(vault_versions), {})
    assert await db.transact(put) == 7, "the turn was given back"


async def test_transact__who_stops_waiting_stops_neither_it_nor_the_next(sqlite_url: str) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> int:
        begun.set()
        assert go_on.wait(60)
        return put(connection)

    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        waiting = asyncio.create_task(db.transact(slow))
        assert await asyncio.to_thread(begun.wait, 60)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        async with db.write() as connection:  # takes its turn behind it
            assert len((await connection.execute(select(vault_versions))).all()) == 1


async def test_transact__while_it_is_being_closed(sqlite_url: str) -> None:
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
    with pytest.raises(StoreUnavailable, match="being closed"):
        await db.transact(put)
