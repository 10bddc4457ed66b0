"""The async engine. Differences between SQLite and PostgreSQL, and their failures, stop here.

Connections are in autocommit mode, so that a read is one round trip; a write opens its transaction by name.
"""

import asyncio
import os
import select
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, Select, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, MissingGreenlet
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.model.errors import StoreUnavailable
from bot.store.direct import DirectSqlite
from bot.store.failures import explained
from bot.store.looking import look, read_only

BUSY_SECONDS = 5
"""How long a statement waits for SQLite's lock, and a writer for its turn in this process."""
CONNECT_SECONDS = 5
POOL_SECONDS = 5
IDLE_TRANSACTION_MS = 10_000

_SQLITE_POOL = {"pool_size": 5, "max_overflow": 0, "pool_timeout": POOL_SECONDS}
_POSTGRESQL_POOL = {"pool_size": 10, "max_overflow": 10, "pool_timeout": POOL_SECONDS, "pool_use_lifo": True}
_POSTGRESQL_CONNECT = {
    "application_name": "vault-upload-bot",
    "connect_timeout": CONNECT_SECONDS,
    # A server that vanished without a word is noticed within about ten seconds.
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_WAL_SECONDS = 10
_WAL_PAUSE = 0.05

T = TypeVar("T")


def database_url(text: str) -> URL:
    """Read `sqlite:///FILE` (relative), `sqlite:////FILE` (absolute) or `postgresql://…`; the driver is chosen here.

    ValueError, without the text itself, for anything else.
    """
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        raise ValueError("is not a database address; use sqlite:///FILE or postgresql://…") from None
    if url.drivername == "sqlite":
        if not url.database or ":memory:" in url.database or url.host or url.query:
            raise ValueError("must name a file and nothing more, like sqlite:///data/bot.db")
        return url.set(drivername="sqlite+aiosqlite")
    if url.drivername in ("postgresql", "postgres"):
        if not url.database:
            raise ValueError("must name the database, like postgresql://user:password@host/database")
        return url.set(drivername="postgresql+psycopg")
    raise ValueError("must start with sqlite:/// or postgresql://")


class Database:
    """One database with its pool of connections; made by `Database.open`."""

    def __init__(self, url: URL) -> None:
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.place = _place(url)
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        self._writer = self.engine.execution_options(writing=True)
        # SQLite has one writer anyhow: waiting here keeps the connections free for readers.
        self._turn = asyncio.Lock() if self.is_sqlite else None
        self._direct = _direct_sqlite(url) if self.is_sqlite and not url.query else None

    @classmethod
    @asynccontextmanager
    async def open(cls, url: URL, *, to_look: bool = False) -> AsyncIterator[Self]:
        """Open the database for the length of a `with`; a missing SQLite file is made, readable by us alone. `to_look`:
        no SQLite file is made or changed, and nothing can be written.

        StoreUnavailable or StoreUnreadable when a SQLite file cannot be used; PostgreSQL is asked at first use.
        """
        db = cls(read_only(url) if to_look else url)
        db.place = _place(url)
        try:
            if db.is_sqlite:
                with explained(db.place):
                    await asyncio.to_thread(look if to_look else _prepare, Path(url.database or ""))
            yield db
        finally:
            if db._direct:
                db._direct.end_reading()
                await asyncio.to_thread(db._direct.end_writing)
            await db.engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection without a transaction: each statement sees the newest data.

        StoreUnavailable or StoreUnreadable when the database fails.
        """
        with explained(self.place):
            async with self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection in one transaction, committed at the end, rolled back on an exception. Keep it short.

        StoreUnavailable or StoreUnreadable when the database fails.
        """
        with explained(self.place):
            await self._take_turn()
            try:
                async with self._writer.begin() as connection:
                    yield connection
            finally:
                self._give_turn_back()

    async def rows(self, statement: Select[Any], values: Mapping[str, object]) -> Sequence[Any]:
        """Return the rows of a statement that finds a few by an index: the quickest way to read them.

        On SQLite the event loop itself reads them: nothing else may be asked like this. Raises as `read`.
        """
        with explained(self.place):
            found = self._direct.rows(statement, values) if self._direct else None
        if found is not None:
            return found
        async with self.read() as connection:
            return list(await connection.execute(statement, values))

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` gives, in one transaction of its own; on SQLite it runs to its end also where nobody waits
        for it any more. Raises as `write`, and what `work` raises, which rolls it back."""
        with explained(self.place):
            if self._direct is None:
                async with self._writer.begin() as connection:
                    return await connection.run_sync(work)
            await self._take_turn()
            try:
                running = asyncio.get_running_loop().run_in_executor(
                    self._direct.thread, self._direct.transact, work
                )
            except RuntimeError:  # the thread takes no more: this database is being closed
                self._give_turn_back()
                raise StoreUnavailable(reason="it is being closed") from None
            running.add_done_callback(lambda _: self._give_turn_back())
            return await asyncio.shield(running)

    async def _take_turn(self) -> None:
        if self._turn:
            try:
                async with asyncio.timeout(BUSY_SECONDS):
                    await self._turn.acquire()
            except TimeoutError:
                raise StoreUnavailable(reason="too much is being written at once") from None

    def _give_turn_back(self) -> None:
        if self._turn:
            self._turn.release()


async def ping(db: Database) -> None:
    """Make sure that the database answers; StoreUnavailable or StoreUnreadable when it does not."""
    async with db.read() as connection:
        # SQLite opens the file only when it needs a page of it.
        await connection.execute(text("SELECT count(*) FROM sqlite_master" if db.is_sqlite else "SELECT 1"))


def _sqlite_engine(url: URL) -> AsyncEngine:
    # isolation_level None: the driver starts no transactions of its own.
    connect = {"isolation_level": None, "timeout": BUSY_SECONDS}
    engine = create_async_engine(url, hide_parameters=True, connect_args=connect, **_SQLITE_POOL)
    _set_up_sqlite(engine.sync_engine)

    @event.listens_for(engine.sync_engine, "invalidate")
    def give_up_lock(connection: Any, _record: object, _cause: object) -> None:
        # A cancelled task's traceback may hold a half-read cursor, and SQLite keeps a closed connection alive,
        # lock and all, for as long as such a cursor lives. So the transaction is ended before the connection is.
        with suppress(DBAPIError, sqlite3.Error, MissingGreenlet):
            connection.rollback()

    return engine


def _direct_sqlite(url: URL) -> DirectSqlite:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(url.database or "", timeout=0, isolation_level=None)

    options = {"isolation_level": None, "timeout": BUSY_SECONDS}
    writer = create_engine(url.set(drivername="sqlite+pysqlite"), hide_parameters=True, connect_args=options)
    _set_up_sqlite(writer)
    return DirectSqlite(connect, writer.execution_options(writing=True))


def _set_up_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # The write lock is taken at once: a transaction that reads first could not get it later.
        if connection.get_execution_options().get("writing"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _postgresql_engine(url: URL) -> AsyncEngine:
    connect = {name: value for name, value in _POSTGRESQL_CONNECT.items() if name not in url.query}
    engine = create_async_engine(
        url, hide_parameters=True, isolation_level="AUTOCOMMIT", connect_args=connect, **_POSTGRESQL_POOL
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        # A replica that freezes within a transaction must not hold its locks, and so all others, for ever.
        cursor = connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = {IDLE_TRANSACTION_MS}")
        cursor.close()
        connection.commit()

    @event.listens_for(engine.sync_engine, "checkout")
    def check(connection: Any, _record: object, _proxy: object) -> None:
        # A healthy idle connection is silent. One with something to read has, as a rule, been closed by the
        # server. This look costs microseconds, where SQLAlchemy's pre-ping costs a round trip on every read.
        poll = select.poll()
        poll.register(connection.driver_connection.fileno(), select.POLLIN)
        if poll.poll(0) and not _answers(engine, connection):
            raise DisconnectionError("the server closed this connection")

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writing"):
            connection.exec_driver_sql("BEGIN")

    return engine


def _answers(engine: AsyncEngine, connection: Any) -> bool:
    dialect = engine.sync_engine.dialect
    try:
        return bool(dialect.do_ping(connection))
    except (DBAPIError, dialect.loaded_dbapi.Error):
        return False


def _place(url: URL) -> str:
    """Return where the database is, without user, password or options."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    host = url.host or url.query.get("host") or "localhost"
    return f"{host if isinstance(host, str) else host[0]}{f':{url.port}' if url.port else ''}/{url.database}"


def _make_file(file: Path) -> None:
    """Make folder and file where missing, open to nobody else; SQLite gives its side files the same rights."""
    try:
        for folder in reversed(file.parents):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise StoreUnavailable(reason="its folder or file cannot be made") from error


def _prepare(file: Path) -> None:
    """Make the file where missing and turn its write-ahead log on, which it remembers. Blocks.

    By the standard library's own driver: after a failed connect, aiosqlite's thread outlives the event loop.
    """
    _make_file(file)
    give_up = time.monotonic() + _WAL_SECONDS
    with closing(sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        while time.monotonic() < give_up:
            # SQLite does not wait here for another process that does the same: hence the loop.
            try:
                if connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",):
                    return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
            time.sleep(_WAL_PAUSE)
    raise StoreUnavailable(reason="it is locked by another program, or cannot keep a write-ahead log")
