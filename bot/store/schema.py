"""Brings the tables to this release's form, and checks beforehand that this release can live with them.

Alembic is imported only when there is something to migrate: a usual start needs one SELECT.
"""

import re

from sqlalchemy import Connection, func, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model.errors import KeyMissing, StoreNewer
from bot.store.database import Database
from bot.store.seal import KEY_ID_LENGTH, SEAL_PREFIX, Keyring
from bot.store.tables import SEALED_COLUMNS, audit_ends

HEAD = "0004"
"""The newest step in `migrations/versions`."""

_MAC = re.compile(rf"([0-9a-f]{{{KEY_ID_LENGTH}}})\.[0-9a-f]+\Z")
"""The audit log's own seal: a key's id, and an HMAC by that key."""

_POSTGRESQL_LOCK = 0x7661756C  # "vaul"; any number would do that nobody else in this database uses


def can_serve(revision: str | None) -> bool:
    """Return whether this release works on tables of that revision: on its own, and on the next one.

    A release brings one step at most, and each step leaves the tables so that the release before can use them
    (tests/integration/test_store_releases.py). So an update may be taken back, and two releases run side by side.
    """
    return revision is not None and revision.isdecimal() and int(revision) - int(HEAD) in (0, 1)


async def migrate(db: Database) -> str:
    """Bring the tables to this release's form, all or nothing, and return the revision they are at.

    Any number of processes may do this at once. What the next release has made is left as it is. StoreNewer when a
    still later one was here: nothing is changed.
    """
    async with db.read() as connection:
        revision = await _revision(connection)
        if revision is not None and can_serve(revision):
            return revision
    async with db.write() as connection:
        # SQLite's write transaction is the lock itself.
        if not db.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _POSTGRESQL_LOCK})
        revision = await _revision(connection)
        if revision is not None and can_serve(revision):
            return revision
        await connection.run_sync(_upgrade, db.place, revision)
    return HEAD


async def revision_of(db: Database) -> str | None:
    """Return the revision the database stands at; None where `migrate` was never run. Nothing is changed."""
    async with db.read() as connection:
        return await _revision(connection)


def is_known(revision: str) -> bool:
    """Whether that revision is one of this release's steps, else it is a later release's. Blocks."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    config.set_main_option("path_separator", "os")
    return revision in {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}


async def check_keys(db: Database, keyring: Keyring) -> None:
    """Make sure that the ring has the key of every sealed value, and of the audit log's seal; KeyMissing, naming
    the ids, when it has not.

    To be called before `migrate`: tables that do not exist yet are passed over, and nothing is changed.
    """
    found: set[str] = set()
    async with db.read() as connection:
        existing = await connection.run_sync(_columns)
        for column in SEALED_COLUMNS:
            if (column.table.name, column.name) in existing:
                key_id = func.substr(column, len(SEAL_PREFIX) + 1, KEY_ID_LENGTH)
                rows = await connection.execute(
                    select(key_id).where(column.startswith(SEAL_PREFIX, autoescape=True)).distinct()
                )
                found.update(rows.scalars())
        if (audit_ends.name, audit_ends.c.mac.name) in existing:
            macs = (await connection.execute(select(audit_ends.c.mac))).scalars()
            found.update(match[1] for match in map(_MAC.match, macs) if match)
    missing = sorted(found.difference(keyring.ids))
    if missing:
        raise KeyMissing(key_ids=", ".join(missing))


def _columns(connection: Connection) -> set[tuple[str, str]]:
    inspector = inspect(connection)
    tables = {audit_ends.name, *(column.table.name for column in SEALED_COLUMNS)}
    names = tables.intersection(inspector.get_table_names())
    return {(name, column["name"]) for name in names for column in inspector.get_columns(name)}


async def _revision(connection: AsyncConnection) -> str | None:
    """Return the revision the database stands at; None for one without tables of ours."""
    if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
        return None
    revision: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _upgrade(connection: Connection, place: str, revision: str | None) -> None:
    # Imported here, since most starts have nothing to migrate and would pay for it.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "bot.store:migrations")
    config.set_main_option("path_separator", "os")
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreNewer(place=place, revision=revision)
    command.upgrade(config, HEAD)
