"""Migrations and the checks before them: both databases, many at once, and databases that are not ours to change."""

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, FromClause, inspect, text

from bot.model.errors import KeyMissing, StoreNewer
from bot.model.secret import Secret
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.schema import HEAD, check_keys, migrate
from bot.store.seal import Keyring, new_key, row_identity
from bot.store.tables import SEALED_COLUMNS, audit_ends, metadata
from bot.store.tickets import Tickets
from tests.databases import ALICE, NOW, folder_content, linked

HOST = "promomats.vault.example"
MILLISECONDS = int(NOW.timestamp() * 1000)
# The columns of 0001, and the statements its release makes of them.
FIRST_COLUMNS = (
    "workspace", "slack_user_id", "vault_host", "team_id", "vault_id", "vault_user_id", "vault_user_name",
    "vault_full_name", "method", "credential", "linked_at", "valid_until",
)  # fmt: skip
_NAMES, _VALUES = ", ".join(FIRST_COLUMNS), ", ".join(f":{name}" for name in FIRST_COLUMNS)
_CHANGES = ", ".join(f"{name} = :{name}" for name in FIRST_COLUMNS)
_PLACE = "workspace = :workspace AND slack_user_id = :slack_user_id AND vault_host = :vault_host"
FIRST_INSERT = f"INSERT INTO accounts ({_NAMES}) VALUES ({_VALUES})"  # noqa: S608
FIRST_UPDATE = f"UPDATE accounts SET {_CHANGES} WHERE {_PLACE}"  # noqa: S608
FIRST_SELECT = f"SELECT {_NAMES} FROM accounts WHERE {_PLACE}"  # noqa: S608
FIRST_DELETE = f"DELETE FROM accounts WHERE {_PLACE} RETURNING {_NAMES}"  # noqa: S608
FIRST_TICKET = """
INSERT INTO link_tickets
  (digest, workspace, team_id, slack_user_id, vault_host, created_at, expires_at, tries, used_at)
VALUES (:digest, 'E1', 'T1', 'U1', NULL, 0, :expires_at, 0, NULL)
"""
TICKET = {"digest": hashlib.sha256(b"secret").hexdigest(), "expires_at": MILLISECONDS + 1000}

MIGRATE_ONCE = """
import asyncio, sys
from bot.store.database import Database, database_url
from bot.store.schema import migrate
async def main():
    async with Database.open(database_url(sys.argv[1])) as db:
        print(await migrate(db))
asyncio.run(main())
"""


def first_row(keyring: Keyring, credential: str = "old") -> dict[str, object]:
    """Return the values of 0001's columns for the account that `linked` makes."""
    sealed = keyring.seal(Secret(credential), row_identity("account", "E1", "U1", HOST))
    values = (
        "E1", "U1", HOST, "T1", "1234", "10001400", "alice@vault.example", "Alice Ångström", "token", sealed,
        MILLISECONDS, None,
    )  # fmt: skip
    return dict(zip(FIRST_COLUMNS, values, strict=True))


def a_row(table: FromClause, column: Column[str], value: str) -> tuple[str, dict[str, object]]:
    """Return a statement that adds a row with `value` in one column and something in those that must have some."""
    fillers: dict[bool, object] = {True: 1, False: "x"}
    values = {one.name: fillers[one.type.python_type is not str] for one in table.c if not one.nullable}
    values[column.name] = value
    names = ", ".join(f":{name}" for name in values)
    return f"INSERT INTO {table.description} ({', '.join(values)}) VALUES ({names})", values  # noqa: S608


async def run(db: Database, statement: str, values: Mapping[str, object] | None = None) -> None:
    async with db.write() as connection:
        await connection.execute(text(statement), values or {})


async def migrate_to(db: Database, revision: str) -> None:
    """Bring the tables to an older release's form."""

    def upgrade(connection: Connection) -> None:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "bot.store:migrations")
        config.set_main_option("path_separator", "os")
        command.upgrade(config, revision)

    async with db.write() as connection:
        await connection.run_sync(upgrade)


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
    outcomes = [(*process.communicate(timeout=120), process.returncode) for process in processes]
    assert outcomes == [(f"{HEAD}\n", "", 0)] * 4


def test_migrate__usual_start_does_not_import_alembic(database_url: str) -> None:
    script = MIGRATE_ONCE + "print('alembic' in sys.modules)"
    command = [sys.executable, "-c", script, database_url]
    answers = [subprocess.check_output(command, text=True, timeout=120).split() for _ in range(2)]
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


async def test_migrate__database_of_the_first_release_keeps_its_rows(
    database_url: str, keyring: Keyring
) -> None:
    async with Database.open(parsed(database_url)) as db:
        await migrate_to(db, "0001")
        await run(db, FIRST_INSERT, first_row(keyring))
        await run(db, FIRST_TICKET, TICKET)
        await check_keys(db, keyring)
        assert await migrate(db) == HEAD
        await check_keys(db, keyring)
        old = replace(linked(credential="old"), last_used=None)
        assert await Accounts(db, keyring).find(ALICE) == [old]
        renewed = await Accounts(db, keyring).renew(old, Secret("new"), started=NOW, valid_until=None)
        assert renewed == linked(credential="new", session_started=NOW, version=1)
        assert (await Tickets(db).look("secret", NOW)).slack_user == ALICE


async def test_migrate__first_release_goes_on_working_on_the_new_tables(
    db: Database, keyring: Keyring
) -> None:
    """A rolling update, and a step back: what 0001's release says to its tables, in its own columns."""
    accounts = Accounts(db, keyring)
    await run(db, FIRST_INSERT, first_row(keyring))
    read_first = await accounts.find_one(ALICE, HOST)
    assert read_first == replace(linked(credential="old"), last_used=None)
    assert (read_first.refresh_token, read_first.version) == (None, 0)
    again = {**first_row(keyring, credential="again"), "linked_at": MILLISECONDS + 1}
    await run(db, FIRST_UPDATE, again)
    assert await accounts.renew(read_first, Secret("stale"), started=NOW, valid_until=None) is None
    found = await accounts.find(ALICE)
    assert [(account.credential, account.version) for account in found] == [(Secret("again"), 0)]
    async with db.write() as connection:
        of_row = {name: again[name] for name in ("workspace", "slack_user_id", "vault_host")}
        assert (await connection.execute(text(FIRST_SELECT), of_row)).one()._mapping == again
        assert (await connection.execute(text(FIRST_DELETE), of_row)).one()._mapping == again
    assert await accounts.find(ALICE) == []
    await run(db, FIRST_TICKET, TICKET)
    assert (await Tickets(db).look("secret", NOW)).slack_user == ALICE


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


@pytest.mark.parametrize("column", SEALED_COLUMNS, ids=str)
async def test_check_keys__looks_into_every_sealed_column(
    db: Database, keyring: Keyring, column: Column[str]
) -> None:
    lost = Keyring.parse(new_key())
    await run(db, *a_row(column.table, column, keyring.seal(Secret("x"), "any row")))
    await check_keys(db, keyring)
    await run(db, f"DELETE FROM {column.table.name}")  # noqa: S608
    await run(db, *a_row(column.table, column, lost.seal(Secret("x"), "any row")))
    with pytest.raises(KeyMissing, match=lost.newest_id):
        await check_keys(db, keyring)


async def test_check_keys__looks_at_the_audit_logs_seal(db: Database, keyring: Keyring) -> None:
    lost = Keyring.parse(new_key())
    end = audit_ends.c.mac
    await run(db, *a_row(audit_ends, end, f"{keyring.newest_id}.{keyring.mac('audit', 'x')}"))
    await check_keys(db, keyring)
    await run(db, "UPDATE audit_ends SET mac = :mac", {"mac": f"{lost.newest_id}.{lost.mac('audit', 'x')}"})
    with pytest.raises(KeyMissing, match=lost.newest_id):
        await check_keys(db, keyring)


@pytest.mark.parametrize("mac", ["", "rubbish", "0123456.00", "0123456789", "g1234567.00", "01234567.00\n"])
async def test_check_keys__a_seal_of_the_audit_log_that_is_none_names_no_key(
    db: Database, keyring: Keyring, mac: str
) -> None:
    await run(db, *a_row(audit_ends, audit_ends.c.mac, mac))
    await check_keys(db, keyring)


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
    async with asyncio.timeout(60):
        with pytest.raises(KeyMissing, match=lost.newest_id):
            await check_keys(db, keyring)
