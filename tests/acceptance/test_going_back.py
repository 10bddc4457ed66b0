"""The release before, run on tables of the next one: what it would do by halves it leaves to that release."""

from pathlib import Path

import pytest
from sqlalchemy import text

from bot.model.secret import Secret
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.schema import HEAD
from bot.store.seal import Keyring, new_key
from tests.acceptance.steps import cli
from tests.databases import linked

NEXT = f"{int(HEAD) + 1:04}"
CREDENTIAL = "do-not-print-this"
UPDATE = (
    "ALTER TABLE accounts ADD COLUMN second_credential TEXT",
    "UPDATE accounts SET second_credential = credential",
    "CREATE TABLE wishes (workspace TEXT, slack_user_id TEXT, wish TEXT)",
    "INSERT INTO wishes SELECT workspace, slack_user_id, 'secret' FROM accounts",
)
"""What a next release may bring: one more value that is sealed, and a table with people in it."""


async def revision_becomes(db: Database, revision: str, *changes: str) -> None:
    """Change the tables past the bot, as a step of a migration does."""
    async with db.write() as connection:
        for change in changes:
            await connection.execute(text(change))
        await connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


@pytest.fixture
async def settings(db: Database, database_url: str) -> dict[str, str]:
    """Those of an operator who has gone back by one release, with one person linked and a newer key put in front."""
    key = new_key()
    account = linked(credential=CREDENTIAL, refresh_token=CREDENTIAL)
    await Accounts(db, Keyring.parse(key)).save(account)
    await revision_becomes(db, NEXT, *UPDATE)
    return {
        "DATABASE_URL": database_url,
        "ENCRYPTION_KEYS": f"{new_key()},{key}",
        "VAULTS": "https://a.example",
    }


@pytest.mark.parametrize(
    "words", [("keys", "rotate"), ("accounts", "forget", "U1")], ids=["rotate", "forget"]
)
async def test_verb__for_all_that_is_stored_is_left_to_the_next_release(
    words: tuple[str, ...], db: Database, settings: dict[str, str], tmp_path: Path
) -> None:
    """Else the old key would be thrown away that the newer values need, and a person be forgotten by halves."""
    refused = await cli(*words, cwd=tmp_path, settings=settings)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(f"The tables are of the next release (schema {NEXT}, here {HEAD})")
    assert f"Nothing was changed. Run `python -m bot {' '.join(words[:2])}` of that release.\n" in refused.err
    old_key_alone = Keyring.parse(settings["ENCRYPTION_KEYS"].partition(",")[2])
    (account,) = await Accounts(db, old_key_alone).find(linked().slack_user)
    assert account.credential == Secret(CREDENTIAL)
    async with db.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM wishes")) == 1
        assert await connection.scalar(text("SELECT count(*) FROM audit_log")) == 0
    # What needs not all of it goes on working.
    listed = await cli("accounts", cwd=tmp_path, settings=settings)
    assert (listed.code, listed.err) == (0, "")
    assert "1 link(s) of 1 person(s)." in listed.out


async def test_verb__is_done_once_the_tables_are_its_own(
    db: Database, settings: dict[str, str], tmp_path: Path
) -> None:
    await revision_becomes(db, HEAD)
    rotated = await cli("keys", "rotate", cwd=tmp_path, settings=settings)
    assert (rotated.code, rotated.err) == (0, "")
    forgotten = await cli("accounts", "forget", "U1", cwd=tmp_path, settings=settings)
    assert (forgotten.code, forgotten.err) == (0, "")
