"""SQLite by Python's own driver, beside aiosqlite, for what every command needs.

aiosqlite does each call in a thread, and a short statement costs a tenth of what it costs to hand it there and back
twice. So a few rows are read at once, without a thread, and a transaction that is a plain function goes there whole.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, Select
from sqlalchemy.exc import DBAPIError, OperationalError

T = TypeVar("T")


class DirectSqlite:
    """One connection to read, used by the event loop alone, and one to write, used by one thread alone."""

    def __init__(self, reader: Engine, writer: Engine) -> None:
        """`reader` waits for no lock; `writer` begins its transactions with the write lock."""
        self._reader, self._writer = reader, writer
        self._reading: Connection | None = None
        self.thread: Executor = ThreadPoolExecutor(1, "sqlite-writer")

    def rows(self, statement: Select[Any], values: Mapping[str, object]) -> Sequence[Row[Any]] | None:
        """Return the rows; None when a lock is in the way, which a thread should wait for. DBAPIError.

        In WAL mode neither writers nor checkpoints lock readers out, only a recovery after a crash does (SQLite docs,
        "Write-Ahead Logging").
        """
        try:
            if self._reading is None:
                self._reading = self._reader.connect()
            return self._reading.execute(statement, values).all()
        except DBAPIError as error:
            self._end_reading()
            if isinstance(error, OperationalError) and _is_locked(error.orig):
                return None
            raise

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` gives, in one transaction, committed unless it raises. Blocks. DBAPIError."""
        with self._writer.begin() as connection:
            return work(connection)

    def close(self) -> None:
        """Wait for what is being written, and close both. Blocks."""
        self.thread.shutdown()
        self._end_reading()
        self._reader.dispose()
        self._writer.dispose()

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._reading.invalidate()
            self._reading.close()
            self._reading = None


def _is_locked(cause: BaseException | None) -> bool:
    return isinstance(cause, sqlite3.Error) and cause.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
