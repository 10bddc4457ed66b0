"""Updates can be taken back by one release: what the last release does goes on working on this one's tables."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.model.errors import StoreNewer
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.schema import HEAD, can_serve, migrate
from bot.store.seal import Keyring
from tests.databases import ALICE, linked
from tests.integration.release_replay import (
    KINDS,
    Raw,
    faults_of_adding,
    faults_of_replay,
    faults_of_rows,
    raw,
    recorded_rows,
    recorded_scenes,
    revisions,
)
from tests.integration.test_store_schema import migrate_to

CHANGELOG = Path(__file__).parent.parent.parent / "CHANGELOG.md"
LAST = [one for one in revisions() if one < HEAD][-1:] or [HEAD]
"""The release before this one; while there is none, this one stands in for it."""
BEFORE = LAST[0]

_IDS = ", ".join(
    f"{name} TEXT NOT NULL" for name in ("workspace", "slack_user_id", "vault_host", "upload_id")
)
SAMPLES = f"{_IDS}, at BIGINT NOT NULL, uploaded BIGINT NOT NULL"
KEY = "PRIMARY KEY (workspace, slack_user_id, vault_host, upload_id, at)"

BREAKING = {
    "a column is called otherwise": "ALTER TABLE accounts RENAME COLUMN team_id TO team",
    "a table is gone": "DROP TABLE once",
    "a column is gone": "ALTER TABLE due_work DROP COLUMN last_error",
    "a new column must be filled": f"DROP TABLE samples; CREATE TABLE samples ({SAMPLES}, mood TEXT NOT NULL, {KEY})",
    "rows must differ more": "CREATE UNIQUE INDEX made_up ON samples (workspace)",
    "rows must differ less": f"DROP TABLE samples; CREATE TABLE samples ({SAMPLES})",
}
HARMLESS = {
    "a table more": "CREATE TABLE made_up (id TEXT PRIMARY KEY)",
    "a column that may be left out": "ALTER TABLE watches ADD COLUMN mood TEXT",
    "a column with a value of its own": "ALTER TABLE accounts ADD COLUMN mood TEXT NOT NULL DEFAULT 'x'",
    "an index more": "CREATE INDEX made_up ON samples (uploaded)",
}


def step(database: Raw, statements: str) -> None:
    """Change the tables, as a migration would."""
    for statement in statements.split(";"):
        database.execute(statement)


def kind_of(url: str) -> str:
    return KINDS[0] if url.startswith("sqlite") else KINDS[1]


def faults(database: Raw, url: str) -> list[str]:
    """What the last release can no longer do on these tables."""
    said = faults_of_replay(database, recorded_scenes(BEFORE, kind_of(url)))
    return said + faults_of_adding(database, recorded_rows(BEFORE))


async def at_revision(url: str, revision: str) -> None:
    """Make the tables of a release."""
    async with Database.open(parsed(url)) as db:
        await migrate_to(db, revision)


async def test_last_release__keeps_its_rows_in_an_update(database_url: str) -> None:
    """A row of every table, written by that release: afterwards it reads the same there."""
    rows = recorded_rows(BEFORE)
    await at_revision(database_url, BEFORE)
    with raw(database_url) as database:
        assert set(rows) == set(database.tables())
        assert faults_of_adding(database, rows) == []
    async with Database.open(parsed(database_url)) as db:
        assert await migrate(db) == HEAD
    with raw(database_url) as database:
        assert faults_of_rows(database, rows) == []


async def test_last_release__goes_on_working_after_an_update(database_url: str) -> None:
    """Every statement it makes, in the order of its own store tests: they work, and give what they gave."""
    await at_revision(database_url, HEAD)
    with raw(database_url) as database:
        assert faults(database, database_url) == []


@pytest.mark.parametrize("change", BREAKING)
async def test_check__finds_what_the_last_release_cannot_live_with(database_url: str, change: str) -> None:
    await at_revision(database_url, BEFORE)
    with raw(database_url) as database:
        step(database, BREAKING[change])
        assert faults(database, database_url) != []


@pytest.mark.parametrize("change", HARMLESS)
async def test_check__lets_pass_what_the_last_release_does_not_notice(database_url: str, change: str) -> None:
    await at_revision(database_url, BEFORE)
    with raw(database_url) as database:
        step(database, HARMLESS[change])
        assert faults(database, database_url) == []


@pytest.mark.parametrize(
    "change", ["UPDATE accounts SET method = upper(method)", "DELETE FROM watches", "DROP TABLE homes"]
)
async def test_check__finds_rows_that_an_update_has_changed(database_url: str, change: str) -> None:
    rows = recorded_rows(BEFORE)
    await at_revision(database_url, BEFORE)
    with raw(database_url) as database:
        assert faults_of_adding(database, rows) == []
        assert faults_of_rows(database, rows) == []
        step(database, change)
        assert len(faults_of_rows(database, rows)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_recording__has_every_table_and_every_kind_of_statement(kind: str) -> None:
    """An empty recording would let everything pass."""
    scenes = recorded_scenes(BEFORE, kind)
    statements = {one.sql for scene in scenes for one in scene.steps}
    tables = set(recorded_rows(BEFORE))
    written = {
        table for table in tables if any(re.match(rf"INSERT INTO {table}\b", sql) for sql in statements)
    }
    assert written == tables
    read = {
        table
        for table in tables
        if any(re.search(rf"SELECT.*\bFROM {table}\b", sql, re.DOTALL) for sql in statements)
    }
    assert tables - read <= {"install_states", "leases", "once"}, "these are asked by what a change returns"
    certain = [one.gave for scene in scenes for one in scene.steps if one.gave is not None]
    assert len(certain) > 100
    assert all(recorded_rows(BEFORE).values())


def test_release__brings_one_step_at_most() -> None:
    """That is how a release knows the next one's schema when it sees it: `schema.can_serve`."""
    assert re.fullmatch(r"\d{4}", HEAD)
    assert int(HEAD) - int(revisions()[-1]) in (0, 1), (
        "make these steps one, or record the release in between"
    )


def test_release__that_is_out_is_recorded() -> None:
    (newest,) = re.findall(r"^## \[[\d.]+\] - (.+)$", CHANGELOG.read_text("utf-8"), re.MULTILINE)[:1]
    assert newest == "Unreleased" or HEAD in revisions(), "run python -m tests.integration.release_recorder"


def test_can_serve__its_own_schema_and_the_next() -> None:
    nearest = {f"{int(HEAD) + number:04}": can_serve(f"{int(HEAD) + number:04}") for number in range(-1, 3)}
    assert list(nearest.values()) == [False, True, True, False]
    assert [can_serve(one) for one in (None, "", "x", "9999")] == [False] * 4


async def test_going_back__by_one_release_needs_nothing_else(database_url: str, keyring: Keyring) -> None:
    """This release on tables that the next one has made: it starts, works, and leaves them as they are."""
    following = f"{int(HEAD) + 1:04}"
    async with Database.open(parsed(database_url)) as db:
        await migrate(db)
        await Accounts(db, keyring).save(linked())
        async with db.write() as connection:
            await connection.execute(text("ALTER TABLE accounts ADD COLUMN mood TEXT"))
            await connection.execute(text("UPDATE accounts SET mood = 'new'"))
            await connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": following})
    async with Database.open(parsed(database_url)) as db:
        assert await migrate(db) == following
        assert await Accounts(db, keyring).find(ALICE) == [linked()]
        async with db.read() as connection:
            assert await connection.scalar(text("SELECT mood FROM accounts")) == "new"
            assert await connection.scalar(text("SELECT version_num FROM alembic_version")) == following


async def test_going_back__further_is_refused(database_url: str) -> None:
    async with Database.open(parsed(database_url)) as db:
        await migrate(db)
        async with db.write() as connection:
            await connection.execute(
                text("UPDATE alembic_version SET version_num = :to"), {"to": f"{int(HEAD) + 2:04}"}
            )
        with pytest.raises(StoreNewer):
            await migrate(db)
