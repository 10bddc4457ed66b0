"""SQLite by Python's own driver, beside aiosqlite, for what every command needs.

aiosqlite does each call in a thread, and a short statement costs a tenth of what it costs to hand it there and back
twice. So a few rows are read at once, without a thread, and a transaction that is a plain function goes there whole.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Dialect, Engine, Select

T = TypeVar("T")


class DirectSqlite:
    """One connection to read, used by the event loop alone, and one to write, used by one thread alone."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], writer: Engine) -> None:
        """`connect` opens a connection that waits for no lock; `writer` begins with the write lock."""
        self._connect, self._writer = connect, writer
        self._reader: sqlite3.Connection | None = None
        self._questions: dict[Select[Any], _Question] = {}
        self.thread: Executor = ThreadPoolExecutor(1, "sqlite-writer")

    def rows(self, statement: Select[Any], values: Mapping[str, object]) -> Sequence[Any] | None:
        """Return the rows; None when a lock is in the way, which a thread should wait for. sqlite3.Error.

        In WAL mode neither writers nor checkpoints lock readers out, only a recovery after a crash does (SQLite docs,
        "Write-Ahead Logging").
        """
        question = self._questions.get(statement)
        if question is None:
            question = self._questions[statement] = _Question(statement, self._writer.dialect)
        try:
            if self._reader is None:
                self._reader = self._connect()
            return question.ask(self._reader, values)
        except sqlite3.Error as error:
            self.end_reading()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                return None
            raise

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` gives, in one transaction, committed unless it raises. Blocks. DBAPIError."""
        with self._writer.begin() as connection:
            return work(connection)

    def end_writing(self) -> None:
        """Wait for what is being written, and close that connection. Blocks."""
        self.thread.shutdown()
        self._writer.dispose()

    def end_reading(self) -> None:
        """Close that connection; the next question opens another."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


class _Question:
    """A statement as SQL, with what SQLAlchemy does to the values that go in and come out."""

    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self._sql = str(compiled)
        self._binds = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup or ()
        ]
        columns = list(statement.selected_columns)
        self._row = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]
        found = (column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns)
        self._processors = [(place, one) for place, one in enumerate(found) if one is not None]

    def ask(self, connection: sqlite3.Connection, values: Mapping[str, object]) -> list[Any]:
        given = [values[name] if process is None else process(values[name]) for name, process in self._binds]
        rows = []
        for cells in map(list, connection.execute(self._sql, given).fetchall()):
            for place, process in self._processors:
                cells[place] = process(cells[place])
            rows.append(self._row(*cells))
        return rows
