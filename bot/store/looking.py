"""A SQLite file that is only looked at: not a byte of it changes, and no file is made beside it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL


def read_only(url: URL) -> URL:
    """Return the address that opens the same SQLite file for reading alone; another database's as it is.

    Even a connection that only reads makes the two files of the write-ahead log where they are missing, and leaves
    them there. Where they are, somebody is at work or was cut off; where not, the file holds everything and is read as
    one that cannot change (SQLite docs, "Uniform Resource Identifiers", `immutable`).
    """
    if url.get_backend_name() != "sqlite":
        return url
    file = Path(url.database or "").resolve()
    return url.set(database=file.as_uri(), query={"uri": "true", **_how(file)})


def look(file: Path) -> None:
    """Make sure that the file can be read; sqlite3.Error. Blocks.

    By the standard library's own driver: after a failed connect, aiosqlite's thread outlives the event loop.
    """
    file = file.resolve()
    how = "&".join(f"{name}={value}" for name, value in _how(file).items())
    with closing(sqlite3.connect(f"{file.as_uri()}?{how}", uri=True)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master")


def _how(file: Path) -> dict[str, str]:
    has_log = file.with_name(f"{file.name}-wal").exists()
    return {"mode": "ro"} if has_log else {"mode": "ro", "immutable": "1"}
