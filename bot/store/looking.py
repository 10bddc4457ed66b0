"""A SQLite file that is only looked at: not a byte of it changes, and no file is made beside it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL


def read_only(url: URL) -> URL:
    """Return the address that opens the same file for reading alone. Blocks.

    Even a connection that only reads makes the two files of the write-ahead log where they are missing, and leaves
    them there. Where they are, somebody is at work or was cut off; where not, the file holds everything and is read as
    one that cannot change (SQLite docs, "Uniform Resource Identifiers", `immutable`).
    """
    file = Path(url.database or "").resolve()
    how = {} if file.with_name(f"{file.name}-wal").exists() else {"immutable": "1"}
    return url.set(database=file.as_uri(), query={"uri": "true", "mode": "ro", **how})


def look(url: URL) -> None:
    """Make sure that what `read_only` has returned can be read; sqlite3.Error. Blocks.

    By the standard library's own driver: after a failed connect, aiosqlite's thread outlives the event loop.
    """
    how = "&".join(f"{name}={value}" for name, value in url.query.items() if name != "uri")
    with closing(sqlite3.connect(f"{url.database}?{how}", uri=True)) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master")
