"""Turns what the database drivers raise into our own errors, once, with words that hold no secret."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.model.errors import BotError, StoreUnavailable, StoreUnreadable

# SQLite: names of result codes by their beginnings, https://www.sqlite.org/rescode.html
_SQLITE_UNREADABLE = {
    "SQLITE_NOTADB": "the file is not a database",
    "SQLITE_CORRUPT": "the file is damaged",
}
_SQLITE_UNAVAILABLE = {
    "SQLITE_BUSY": "it is locked by another program",
    "SQLITE_LOCKED": "it is locked by another program",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_IOERR": "the disk reports an error",
    "SQLITE_CANTOPEN": "the file cannot be opened",
    "SQLITE_READONLY": "the file may not be written",
    "SQLITE_PERM": "the file may not be opened",
    "SQLITE_NOMEM": "memory has run out",
}
# PostgreSQL: error codes by their beginnings, https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL_UNREADABLE = {"XX001": "a page is damaged", "XX002": "an index is damaged"}
_POSTGRESQL_UNAVAILABLE = {
    "08": "the connection was lost",
    "25P03": "we took too long to write",
    "25006": "it takes no writes just now",
    "28": "it refuses our user or password",
    "3D": "there is no database of this name",
    "40": "too much is being written at once",
    "42501": "our user lacks a permission in it",
    "42P01": "its tables are missing",
    "53100": "the disk is full",
    "53": "it has no room for more work",
    "55P03": "it is locked by another program",
    "57": "the server is stopping or starting",
    "58": "the server's disk reports an error",
}


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Raise StoreUnavailable or StoreUnreadable for what the database fails in.

    A ValueError of one of our own column types comes out as itself; a fault in our SQL stays as it is.
    """
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnavailable(reason="all its connections are in use") from error
    except (DBAPIError, sqlite3.Error) as error:
        ours = _translated(error, place)
        if ours is None:
            raise
        raise ours from error
    except StatementError as error:
        if isinstance(error.orig, ValueError):
            raise error.orig from None
        raise


def _translated(error: DBAPIError | sqlite3.Error, place: str) -> BotError | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(cause, "sqlite_errorname", None)
    if name is not None:
        if reason := _look_up(_SQLITE_UNREADABLE, name):
            return StoreUnreadable(place=place, reason=reason)
        reason = _look_up(_SQLITE_UNAVAILABLE, name)
        if reason is None and "no such table" in str(cause):
            reason = "its tables are missing"
        return StoreUnavailable(reason=reason) if reason else None
    code = getattr(cause, "sqlstate", None)
    if code is not None:
        if reason := _look_up(_POSTGRESQL_UNREADABLE, code):
            return StoreUnreadable(place=place, reason=reason)
        reason = _look_up(_POSTGRESQL_UNAVAILABLE, code)
        return StoreUnavailable(reason=reason) if reason else None
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or type(cause).__name__ in ("OperationalError", "ConnectionTimeout"):
        return StoreUnavailable(reason="it cannot be reached")
    return None


def _look_up(reasons: dict[str, str], code: str) -> str | None:
    return next((reason for start, reason in reasons.items() if code.startswith(start)), None)
