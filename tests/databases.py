"""Fixtures: both databases, fresh for each test. `from tests.databases import *` in a conftest makes them known."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.model.accounts import Identity, LinkedAccount, LinkMethod, SlackUser
from bot.model.secret import Secret
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.schema import migrate
from bot.store.seal import Keyring, new_key
from tests.postgres import PostgresServer, find_binaries, started

__all__ = ["database_url", "db", "keyring", "postgres_server", "postgres_url", "sqlite_file", "sqlite_url"]

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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the whole session; skips where none is installed."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (no initdb and postgres found)")
    with started(binaries) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    with postgres_server.database() as url:
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
    async with Database.open(parsed(database_url)) as database:
        await migrate(database)
        yield database


@pytest.fixture
def keyring() -> Keyring:
    """A ring of one fresh key."""
    return Keyring.parse(new_key())
