"""Copies of databases that are damaged, foreign, of another release, or in use; and places where none can be made."""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.model.audit import Action, AuditEntry, Outcome
from bot.store import backup as module
from bot.store.audit import AuditLog, Examined
from bot.store.backup import BackupFailed, BackupRefused, back_up
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.schema import HEAD, migrate
from bot.store.seal import Keyring, new_key
from tests.databases import NOW, folder_content
from tests.integration.test_store_schema import migrate_to

SAMPLE = (
    "INSERT INTO samples (workspace, slack_user_id, vault_host, upload_id, at, uploaded)"
    " VALUES ('E1', 'U1', 'v', 'u', ?, 1)"
)
ENTRY = AuditEntry(at=NOW, action=Action.LOOK_UP, outcome=Outcome.DONE, slack_user_id="U1")


@pytest.fixture
async def source(sqlite_url: str, sqlite_file: Path, keyring: Keyring) -> Path:
    """A database with an audit row and a hundred samples."""
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        await AuditLog(db, keyring).write(ENTRY)
    with closing(sqlite3.connect(sqlite_file)) as connection, connection:
        connection.executemany(SAMPLE, [(number,) for number in range(100)])
    return sqlite_file


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "backups ? # %20"
    folder.mkdir()
    return folder / "copy.db"


async def test_copy__holds_every_row(source: Path, target: Path, keyring: Keyring) -> None:
    made = await back_up(source, target, keyring)
    assert (made.revision, made.rows["samples"], made.rows["audit_log"]) == (HEAD, 100, 1)
    assert made.audit is not None
    assert (made.audit.rows, made.audit.faults) == (1, [])
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        assert list(old.iterdump()) == list(new.iterdump())
    assert [path.name for path in target.parent.iterdir()] == ["copy.db"]


async def test_copy__is_made_while_somebody_holds_the_write_lock(
    source: Path, target: Path, keyring: Keyring
) -> None:
    """What is not committed is not in it."""
    with closing(sqlite3.connect(source, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(SAMPLE, (1000,))
        made = await back_up(source, target, keyring)
        writer.execute("COMMIT")
    assert made.rows["samples"] == 100


async def test_copy__leaves_the_database_as_it_is(source: Path, target: Path, keyring: Keyring) -> None:
    before = source.read_bytes()
    await back_up(source, target, keyring)
    assert source.read_bytes() == before


async def test_copy__of_an_earlier_release_is_made_and_not_migrated(
    sqlite_url: str, sqlite_file: Path, target: Path, keyring: Keyring
) -> None:
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate_to(db, "0001")
    made = await back_up(sqlite_file, target, keyring)
    assert (made.revision, made.audit, dict(made.rows)) == ("0001", None, {"accounts": 0, "link_tickets": 0})
    with closing(sqlite3.connect(sqlite_file)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)


async def test_copy__of_a_much_later_release_is_made_and_its_audit_log_not_judged(
    source: Path, target: Path, keyring: Keyring
) -> None:
    async with Database.open(parsed(f"sqlite:///{source}")) as db, db.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await connection.execute(text("DROP TABLE audit_ends"))
    made = await back_up(source, target, keyring)
    assert (made.revision, made.audit) == ("9999", None)


async def test_copy__with_another_key_tells_that_the_audit_log_cannot_be_checked(
    source: Path, target: Path
) -> None:
    made = await back_up(source, target, Keyring.parse(new_key()))
    assert made.audit is not None
    assert "cannot be checked" in made.audit.faults[0]
    assert target.exists()


async def test_copy__of_a_damaged_database_is_refused(source: Path, target: Path, keyring: Keyring) -> None:
    with closing(sqlite3.connect(source)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_samples_1'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with source.open("r+b") as file:
        file.seek((page - 1) * size + size // 2)
        file.write(b"\0" * (size // 2))
    with pytest.raises(BackupFailed, match=r"damaged|malformed"):
        await back_up(source, target, keyring)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda file: file.write_text("no database at all, only words " * 100, "utf-8"), "not a database"),
        (lambda file: file.touch(), "holds nothing of the bot"),
        (lambda file: sqlite3.connect(file).execute("CREATE TABLE other (id)").connection.close(), "holds nothing"),
    ],
    ids=["words", "empty", "another program's"],
)  # fmt: skip
async def test_copy__of_what_is_not_ours_is_refused(
    make: object, told: str, tmp_path: Path, target: Path, keyring: Keyring
) -> None:
    file = tmp_path / "file.db"
    assert callable(make)
    make(file)
    with pytest.raises(BackupFailed, match=told):
        await back_up(file, target, keyring)
    assert list(target.parent.iterdir()) == []


async def test_place__that_cannot_hold_it(source: Path, tmp_path: Path, keyring: Keyring) -> None:
    for target in (tmp_path / "missing" / "copy.db", source / "copy.db"):
        with pytest.raises(BackupFailed, match="cannot be made"):
            await back_up(source, target, keyring)


@pytest.mark.parametrize("has_links", [True, False])
async def test_place__that_is_taken_while_the_copy_is_made(
    has_links: bool, source: Path, target: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on a disk without links, such as a stick's."""
    if not has_links:
        monkeypatch.setattr(os, "link", no_link)
    await back_up(source, target.with_name("first.db"), keyring)
    examine = AuditLog.examine

    async def meanwhile(log: AuditLog, newest: int | None = None) -> Examined:
        target.write_text("somebody else's", "utf-8")
        return await examine(log, newest)

    monkeypatch.setattr(AuditLog, "examine", meanwhile)
    with pytest.raises(BackupRefused, match="is there already"):
        await back_up(source, target, keyring)
    assert target.read_text("utf-8") == "somebody else's"
    assert {path.name for path in target.parent.iterdir()} == {"copy.db", "first.db"}
    with closing(sqlite3.connect(target.with_name("first.db"))) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def no_link(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.mark.parametrize("nameless", ["", ".", "/"])
async def test_place__without_a_name(nameless: str, source: Path, keyring: Keyring) -> None:
    with pytest.raises(BackupRefused, match="No file is named"):
        await back_up(source, Path(nameless), keyring)


async def test_place__that_is_taken(source: Path, target: Path, keyring: Keyring) -> None:
    """Also by a link that leads nowhere, by a folder, or by the database itself."""
    target.symlink_to(target.parent / "nowhere")
    folder = target.with_name("folder")
    folder.mkdir()
    for taken in (target, folder, source):
        before = folder_content(source.parent)
        with pytest.raises(BackupRefused, match="is there already"):
            await back_up(source, taken, keyring)
        assert folder_content(source.parent) == before
    assert {path.name for path in target.parent.iterdir()} == {"copy.db", "folder"}


async def test_copy__of_a_database_that_stays_locked(
    source: Path, target: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python would wait for ever."""
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(source, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("PRAGMA journal_mode = DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BackupFailed, match="locked"):
            await back_up(source, target, keyring)
    assert not list(target.parent.iterdir())
