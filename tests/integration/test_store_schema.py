"""Migrations and the checks before them: both databases, many at once, and databases that are not ours to change."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from bot.model.errors import KeyMissing, StoreNewer
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.schema import HEAD, check_keys, migrate
from bot.store.seal import Keyring, new_key
from bot.store.tables import metadata
from tests.databases import ALICE, folder_content, linked

MIGRATE_ONCE = """
import asyncio, sys
from bot.store.database import Database, database_url
from bot.store.schema import migrate
async def main():
    async with Database.open(database_url(sys.argv[1])) as db:
        print(await migrate(db))
asyncio.run(main())
"""


async def test_migrate__makes_exactly_the_tables_that_the_code_uses(db: Database) -> None:
    def compare(connection: Connection) -> object:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    def shape(connection: Connection) -> object:
        inspector = inspect(connection)
        return {
            name: (
                sorted(
                    (str(one["name"]), str(one["type"]), one["nullable"])
                    for one in inspector.get_columns(name)
                ),
                inspector.get_pk_constraint(name),
                inspector.get_indexes(name),
            )
            for name in metadata.tables
        }

    async with db.write() as connection:
        assert await connection.run_sync(compare) == []
        migrated = await connection.run_sync(shape)
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
        assert await connection.run_sync(shape) == migrated


def test_head__is_alembics_head() -> None:
    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


async def test_migrate__a_second_time_changes_nothing(db: Database, keyring: Keyring) -> None:
    await Accounts(db, keyring).save(linked())
    assert await migrate(db) == HEAD
    assert await Accounts(db, keyring).find(ALICE) == [linked()]


def test_migrate__by_four_processes_at_once(database_url: str) -> None:
    command = [sys.executable, "-W", "error", "-c", MIGRATE_ONCE, database_url]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    outcomes = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    assert outcomes == [(f"{HEAD}\n", "", 0)] * 4


def test_migrate__usual_start_does_not_import_alembic(database_url: str) -> None:
    script = MIGRATE_ONCE + "print('alembic' in sys.modules)"
    command = [sys.executable, "-c", script, database_url]
    answers = [subprocess.check_output(command, text=True, timeout=60).split() for _ in range(2)]
    assert answers == [[HEAD, "True"], [HEAD, "False"]]


async def test_migrate__fails_as_a_whole(database_url: str) -> None:
    async with Database.open(parsed(database_url)) as db:
        async with db.write() as connection:
            await connection.execute(text("CREATE TABLE link_tickets (in_the_way INTEGER)"))
        with pytest.raises(Exception, match="already exists"):
            await migrate(db)
        async with db.write() as connection:
            assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == ["link_tickets"]
            await connection.execute(text("DROP TABLE link_tickets"))
        assert await migrate(db) == HEAD


async def test_migrate__database_of_a_newer_release_is_left_alone(db: Database, keyring: Keyring) -> None:
    await Accounts(db, keyring).save(linked())
    async with db.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreNewer) as caught:
        await migrate(db)
    assert caught.value.details == {"place": db.place, "revision": "9999"}
    async with db.read() as connection:
        assert await connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    assert await Accounts(db, keyring).find(ALICE) == [linked()]


async def test_migrate__newer_file_keeps_its_bytes(sqlite_url: str, sqlite_file: Path) -> None:
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        async with db.write() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = folder_content(sqlite_file.parent)
    async with Database.open(parsed(sqlite_url)) as db:
        with pytest.raises(StoreNewer):
            await migrate(db)
    assert folder_content(sqlite_file.parent) == before


async def test_check_keys__passes_where_there_are_no_tables_yet(database_url: str, keyring: Keyring) -> None:
    async with Database.open(parsed(database_url)) as db:
        await check_keys(db, keyring)


async def test_check_keys__names_every_missing_key(db: Database, keyring: Keyring) -> None:
    lost = [Keyring.parse(new_key()) for _ in range(2)]
    for number, ring in enumerate([keyring, *lost]):
        await Accounts(db, ring).save(linked(vault_host=f"vault{number}.example"))
    with pytest.raises(KeyMissing) as caught:
        await check_keys(db, keyring)
    assert caught.value.details == {"key_ids": ", ".join(sorted(ring.newest_id for ring in lost))}


async def test_check_keys__older_key_behind_the_newest_is_enough(db: Database) -> None:
    old, new = new_key(), new_key()
    await Accounts(db, Keyring.parse(old)).save(linked())
    await check_keys(db, Keyring.parse(f"{new},{old}"))


async def test_check_keys__file_keeps_its_bytes(sqlite_url: str, sqlite_file: Path, keyring: Keyring) -> None:
    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        await Accounts(db, keyring).save(linked())
    before = folder_content(sqlite_file.parent)
    async with Database.open(parsed(sqlite_url)) as db:
        with pytest.raises(KeyMissing, match=keyring.newest_id):
            await check_keys(db, Keyring.parse(new_key()))
    assert folder_content(sqlite_file.parent) == before


async def test_check_keys__thousands_of_rows(db: Database, keyring: Keyring) -> None:
    lost = Keyring.parse(new_key())
    await Accounts(db, keyring).save(linked())
    await Accounts(db, lost).save(linked(vault_host="lost.example"))
    columns = ", ".join(
        column.name for column in metadata.tables["accounts"].columns if column.name != "workspace"
    )
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
    copy = f"INSERT INTO accounts (workspace, {columns}) {numbers} SELECT 'E' || (i + 1), {columns} FROM accounts, n"  # noqa: S608
    async with db.write() as connection:
        await connection.execute(text(copy))
    async with asyncio.timeout(5):
        with pytest.raises(KeyMissing, match=lost.newest_id):
            await check_keys(db, keyring)
