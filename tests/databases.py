"""Fixtures: both databases, fresh for each test. `from tests.databases import *` in a conftest makes them known.

The tables are made by the real migrations, once in each process; tests that are not about migrations get a copy.
"""

import asyncio
import functools
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.model.accounts import Identity, LinkedAccount, LinkMethod, SlackUser
from bot.model.secret import Secret
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.schema import HEAD, migrate
from bot.store.seal import Keyring, new_key
from tests.postgres import PostgresServer, find_binaries, started

__all__ = [
    "database_url", "db", "keyring", "postgres_server", "postgres_template", "postgres_url", "sqlite_file",
    "sqlite_url",
]  # fmt: skip

NOW = datetime(2026, 3, 5, 8, 14, 30, tzinfo=UTC)
ALICE = SlackUser("E1", "U1", "T1")
BOB = SlackUser("E1", "U2", "T2")


def linked(
    slack_user: SlackUser = ALICE,
    vault_host: str = "promomats.vault.example",
    *,
    credential: str = "alices-session-id",
    method: LinkMethod = LinkMethod.TOKEN,
    linked_at: datetime = NOW,
    valid_until: datetime | None = None,
    refresh_token: str | None = None,
    session_started: datetime | None = None,
    last_used: datetime | None = None,
    ended_at: datetime | None = None,
    preferred_at: datetime | None = None,
    version: int = 0,
) -> LinkedAccount:
    """Return a linked account; say only what matters to the test. It counts as used when it was linked."""
    return LinkedAccount(
        slack_user=slack_user,
        vault_host=vault_host,
        identity=Identity(vault_user_id="10001400", vault_id="1234"),
        vault_user_name="alice@vault.example",
        vault_full_name="Alice Ångström",
        method=method,
        credential=Secret(credential),
        linked_at=linked_at,
        valid_until=valid_until,
        refresh_token=None if refresh_token is None else Secret(refresh_token),
        session_started=session_started,
        last_used=last_used or linked_at,
        ended_at=ended_at,
        preferred_at=preferred_at,
        version=version,
    )


def folder_content(folder: Path) -> dict[str, bytes]:
    """Return the names and bytes of all files in a folder."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def put_tables(file: Path) -> None:
    """Make a SQLite database with all tables and no rows, as the bot leaves one behind; none may be there yet."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as new:
        new.write(_sqlite_template())


@functools.cache
def _sqlite_template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        _migrate_at(f"sqlite:///{folder}/bot.db")
        # Whoever closes a SQLite database last brings its write-ahead log home: the file is all there is.
        (file,) = Path(folder).iterdir()
        return file.read_bytes()


def _migrate_at(url: str) -> None:
    """Migrate and close, also where an event loop runs already."""

    async def work() -> None:
        async with Database.open(parsed(url)) as database:
            await migrate(database)

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    thread.join()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the whole session; skips where none is installed."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (no initdb and postgres found)")
    with started(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a PostgreSQL database with all tables, of which others are copies."""
    with postgres_server.database() as url:
        _migrate_at(url)
        yield url.partition("@/")[2].partition("?")[0]


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a PostgreSQL database: an empty one, or one with tables for a test that has `db` too."""
    template = ["postgres_template"] if "db" in request.fixturenames else []
    with postgres_server.database(*(request.getfixturevalue(name) for name in template)) as url:
        yield url


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    """Where the SQLite database of this test will be."""
    return tmp_path / "data folder" / "bot.db"


@pytest.fixture
def sqlite_url(sqlite_file: Path) -> str:
    """The address of a SQLite database that does not exist yet."""
    return f"sqlite:///{sqlite_file}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database, once of each kind, in the form that DATABASE_URL takes."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """An open database with all tables, once of each kind."""
    url = parsed(database_url)
    if url.get_backend_name() == "sqlite":
        put_tables(Path(url.database or ""))
    async with Database.open(url) as database:
        assert await migrate(database) == HEAD  # a copy, which needs nothing
        yield database


@pytest.fixture
def keyring() -> Keyring:
    """A ring of one fresh key."""
    return Keyring.parse(new_key())
