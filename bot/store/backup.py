"""A copy of the SQLite database, made while the bot goes on writing, and looked through before it gets its name."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import URL

from bot.store.audit import AuditLog, Examined
from bot.store.database import BUSY_SECONDS, Database
from bot.store.schema import can_serve
from bot.store.seal import Keyring
from bot.store.tables import metadata

MOST_FAULTS = 5


class BackupRefused(Exception):
    """The file that was named cannot be the copy's; a sentence for the operator. Nothing was written."""


class BackupFailed(Exception):
    """There is no copy; a sentence for the operator. What was begun of it is gone."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What a finished copy holds."""

    revision: str
    rows: Mapping[str, int]
    """How many rows each table has, by its name."""
    audit: Examined | None
    """What the audit log in it is like; None where the tables have another release's form, which we cannot read."""


async def back_up(source: Path, target: Path, keyring: Keyring) -> Backup:
    """Copy the database `source` to `target`, a new file of one piece that its owner alone may read.

    The copy is what the database was at one moment. It is written to `target` with `.tmp` behind it, and gets its name
    only when SQLite finds no damage in it. The database itself is read, never changed or brought up to date.
    BackupRefused when there is something at `target` already, BackupFailed when there is no whole copy.
    """
    if not target.name:
        raise BackupRefused("No file is named for the copy. Name a new one, like backups/bot-2026-11-23.db.")
    unfinished = target.with_name(f"{target.name}.tmp")
    await asyncio.to_thread(_reserve, target, unfinished)
    try:
        revision = await asyncio.to_thread(_copy, source, unfinished)
        audit = None
        if can_serve(revision):
            async with Database.open(URL.create("sqlite+aiosqlite", database=str(unfinished))) as db:
                audit = await AuditLog(db, keyring).examine()
        rows = await asyncio.to_thread(_made_one_piece, unfinished)
        await asyncio.to_thread(_give_name, unfinished, target)
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                unfinished.with_name(unfinished.name + end).unlink()
    return Backup(revision, rows, audit)


def _reserve(target: Path, unfinished: Path) -> None:
    """Make the file to write into, for us alone: so two backups never write to one name, or rename over another."""
    try:
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        raise BackupRefused(
            f"{unfinished} is there: another backup is running, or one was killed. Remove it if none runs."
        ) from None
    except OSError as error:
        raise BackupFailed(
            f"{unfinished} cannot be made ({error.strerror}). Name a file in a folder that can be written."
        ) from None
    if os.path.lexists(target):
        unfinished.unlink()
        raise _taken(target)


def _taken(target: Path) -> BackupRefused:
    return BackupRefused(f"{target} is there already, and nothing is overwritten. Name another file.")


def _copy(source: Path, unfinished: Path) -> str:
    """Copy by SQLite's online backup (https://www.sqlite.org/backup.html); return the schema's revision."""
    there = f"{source.absolute().as_uri()}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(there, uri=True, timeout=BUSY_SECONDS)) as old,
            closing(sqlite3.connect(unfinished)) as new,
        ):
            # All pages in one step: the write-ahead log lets others write meanwhile, and between two steps each of
            # their writes would make it begin anew.
            old.backup(new, pages=-1, progress=_patience())
            faults = [str(row[0]) for row in new.execute(f"PRAGMA integrity_check({MOST_FAULTS})")]
            if faults != ["ok"]:
                raise BackupFailed(
                    f"The database is damaged ({'; '.join(faults)}). Keep it as it is, and restore an older backup."
                )
            found = new.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        if "no such table" not in str(error):
            raise _failed(error) from None
        found = None
    if found is None:
        raise BackupFailed(f"{source} holds nothing of the bot. Check DATABASE_URL.")
    return str(found[0])


def _patience() -> Callable[[int, int, int], None]:
    """Return what ends a copy that waits for a lock: Python's `backup` would wait for ever."""
    give_up = time.monotonic() + BUSY_SECONDS

    def told(status: int, _left: int, _all: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > give_up:
            raise BackupFailed("Another program keeps the database locked. See which one, then try again.")

    return told


def _made_one_piece(unfinished: Path) -> dict[str, int]:
    """Take its write-ahead log away, which the bot's next start brings back; return how many rows each table has."""
    try:
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode = DELETE")
            there = {row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return {
                name: copy.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608 - our own names
                for name in sorted(metadata.tables)
                if name in there
            }
    except sqlite3.Error as error:
        raise _failed(error) from None


def _give_name(unfinished: Path, target: Path) -> None:
    """Let the copy have its name, also after the machine's power fails the next moment; and no name that somebody else
    has taken meanwhile. BackupRefused then."""
    try:
        try:
            os.link(unfinished, target)
        except FileExistsError:
            raise
        except OSError:
            # Not every file system knows links. There an empty file takes the name first.
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            unfinished.replace(target)
        for path in (target, target.parent):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except FileExistsError:
        raise _taken(target) from None
    except OSError as error:
        raise BackupFailed(f"{target} cannot be written ({error.strerror}). Try another folder.") from None


def _failed(error: sqlite3.Error) -> BackupFailed:
    return BackupFailed(
        f"No backup was made ({error}). Check the database's disk and the copy's, then try again."
    )
