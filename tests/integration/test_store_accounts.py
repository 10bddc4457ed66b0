"""Linked accounts on both databases: what is kept, what is sealed, and who wins a race."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.model.accounts import SlackUser
from bot.model.errors import KeyMissing, SealBroken
from bot.model.secret import Secret
from bot.store import accounts as module
from bot.store.accounts import Accounts, Removed
from bot.store.database import Database
from bot.store.database import database_url as parsed
from bot.store.schema import migrate
from bot.store.seal import Keyring, new_key
from tests.databases import ALICE, BOB, NOW, linked

HERE, THERE = "promomats.vault.example", "quality.vault.example:8443"


@pytest.fixture
def accounts(db: Database, keyring: Keyring) -> Accounts:
    return Accounts(db, keyring)


async def run(db: Database, statement: str, **values: object) -> None:
    async with db.write() as connection:
        await connection.execute(text(statement), values)


async def credential_of(db: Database, user_id: str, host: str = HERE) -> str:
    statement = text("SELECT credential FROM accounts WHERE slack_user_id = :user AND vault_host = :host")
    async with db.read() as connection:
        return str(await connection.scalar(statement, {"user": user_id, "host": host}))


async def test_find__returns_what_was_saved(accounts: Accounts) -> None:
    account = linked(valid_until=NOW + timedelta(days=30))
    assert await accounts.save(account) is None
    found = await accounts.find(ALICE)
    assert found == [account]
    assert found[0].slack_user.team_id == "T1"


async def test_find__another_team_of_the_same_enterprise_is_the_same_person(accounts: Accounts) -> None:
    await accounts.save(linked())
    assert await accounts.find(SlackUser("E1", "U1", "T9")) == [linked()]


@pytest.mark.parametrize("other", [BOB, SlackUser("E2", "U1", "T1"), SlackUser("e1", "u1", "T1")])
async def test_find__nobody_gets_somebody_elses(accounts: Accounts, other: SlackUser) -> None:
    await accounts.save(linked())
    assert await accounts.find(other) == []


async def test_find__oldest_link_first(accounts: Accounts) -> None:
    later = linked(vault_host=HERE, linked_at=NOW + timedelta(milliseconds=1))
    earlier = linked(vault_host=THERE, linked_at=NOW)
    await accounts.save(later)
    await accounts.save(earlier)
    assert await accounts.find(ALICE) == [earlier, later]


async def test_save__moments_are_kept_to_the_millisecond_in_utc(accounts: Accounts) -> None:
    moment = datetime(2026, 3, 5, 9, 14, 30, 123999, tzinfo=timezone(timedelta(hours=1)))
    await accounts.save(linked(linked_at=moment))
    assert (await accounts.find(ALICE))[0].linked_at == datetime(2026, 3, 5, 8, 14, 30, 123000, tzinfo=UTC)


async def test_save__moment_without_zone_is_refused(accounts: Accounts) -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="needs a time zone"):
        await accounts.save(linked(linked_at=naive))
    assert await accounts.find(ALICE) == []


async def test_save__returns_the_account_it_replaced(accounts: Accounts) -> None:
    await accounts.save(linked(credential="first"))
    replaced = await accounts.save(linked(credential="second"))
    assert replaced == linked(credential="first")
    assert await accounts.find(ALICE) == [linked(credential="second")]


async def test_save__one_that_no_longer_opens_is_replaced_all_the_same(
    accounts: Accounts, db: Database
) -> None:
    await accounts.save(linked(credential="first"))
    await run(db, "UPDATE accounts SET credential = 'rubbish'")
    assert await accounts.save(linked(credential="second")) is None
    assert await accounts.find(ALICE) == [linked(credential="second")]


async def test_save__of_twenty_at_once_each_gets_the_one_before_it(accounts: Accounts) -> None:
    names = [f"session-{number}" for number in range(20)]
    replaced = await asyncio.gather(*(accounts.save(linked(credential=name)) for name in names))
    kept = [account.credential.reveal() for account in await accounts.find(ALICE)]
    ended = [account.credential.reveal() for account in replaced if account]
    assert sorted(ended + kept) == sorted(names)


async def test_save__and_remove_at_once_lose_no_session(accounts: Accounts) -> None:
    names = [f"session-{number}" for number in range(10)]
    saving = [accounts.save(linked(credential=name)) for name in names]
    removing = [accounts.remove(ALICE, HERE) for _ in names]
    replaced, removed = await asyncio.gather(asyncio.gather(*saving), asyncio.gather(*removing))
    gone = [account for account in [*replaced, *(one.account for one in removed)] if account]
    left = [account.credential.reveal() for account in [*gone, *await accounts.find(ALICE)]]
    assert sorted(left) == sorted(names)


async def test_remove__tells_what_it_was(accounts: Accounts) -> None:
    await accounts.save(linked())
    await accounts.save(linked(vault_host=THERE))
    assert await accounts.remove(ALICE, HERE) == Removed(existed=True, account=linked())
    assert await accounts.remove(ALICE, HERE) == Removed(existed=False, account=None)
    assert await accounts.remove(BOB, THERE) == Removed(existed=False, account=None)
    assert await accounts.find(ALICE) == [linked(vault_host=THERE)]


async def test_remove__one_that_no_longer_opens(accounts: Accounts, db: Database) -> None:
    await accounts.save(linked())
    await run(db, "UPDATE accounts SET credential = 'rubbish'")
    assert await accounts.remove(ALICE, HERE) == Removed(existed=True, account=None)
    assert await accounts.find(ALICE) == []


async def test_find__sealed_value_moved_from_another_row_does_not_open(
    accounts: Accounts, db: Database
) -> None:
    await accounts.save(linked(ALICE, credential="alices"))
    await accounts.save(linked(BOB, credential="bobs"))
    stolen = await credential_of(db, "U1")
    await run(db, "UPDATE accounts SET credential = :stolen WHERE slack_user_id = 'U2'", stolen=stolen)
    with pytest.raises(SealBroken):
        await accounts.find(BOB)


async def test_find__row_renamed_to_another_person_does_not_open(accounts: Accounts, db: Database) -> None:
    await accounts.save(linked(ALICE))
    await run(db, "UPDATE accounts SET slack_user_id = 'U2'")
    with pytest.raises(SealBroken):
        await accounts.find(BOB)


async def test_find__one_broken_row_does_not_hide_the_others(
    accounts: Accounts, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await accounts.save(linked(vault_host=HERE))
    await accounts.save(linked(vault_host=THERE))
    await run(db, "UPDATE accounts SET credential = 'rubbish' WHERE vault_host = :host", host=HERE)
    with caplog.at_level(logging.WARNING):
        assert await accounts.find(ALICE) == [linked(vault_host=THERE)]
    assert "E1 U1 at promomats.vault.example cannot be opened" in caplog.text
    assert "rubbish" not in caplog.text


async def test_find__key_that_was_taken_away_is_named(
    accounts: Accounts, db: Database, keyring: Keyring
) -> None:
    await accounts.save(linked())
    with pytest.raises(KeyMissing, match=keyring.newest_id):
        await Accounts(db, Keyring.parse(new_key())).find(ALICE)


@pytest.mark.parametrize("batch", [3, 200])
async def test_reseal__all_rows_get_the_newest_key(
    db: Database, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(module, "RESEAL_BATCH", batch)
    old, new = new_key(), new_key()
    people = [SlackUser("E1", f"U{number}", "T1") for number in range(10)]
    for person in people:
        await Accounts(db, Keyring.parse(old)).save(linked(person, credential=person.user_id))
    await run(db, "UPDATE accounts SET credential = 'rubbish' WHERE slack_user_id = 'U4'")
    assert await Accounts(db, Keyring.parse(f"{new},{old}")).reseal() == 9
    newest_alone = Accounts(db, Keyring.parse(new))
    for person in people[:4] + people[5:]:
        assert await newest_alone.find(person) == [linked(person, credential=person.user_id)]
    assert await newest_alone.reseal() == 0


async def test_reseal__value_saved_meanwhile_is_kept(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = new_key(), new_key()
    both = Accounts(db, Keyring.parse(f"{new},{old}"))
    await Accounts(db, Keyring.parse(old)).save(linked(credential="first"))
    read = both._with_older_key

    async def read_then_save(after: tuple[str, str, str]) -> object:
        rows = await read(after)
        await both.save(linked(credential="second"))
        return rows

    monkeypatch.setattr(both, "_with_older_key", read_then_save)
    assert await both.reseal() == 0
    assert await both.find(ALICE) == [linked(credential="second")]


async def test_reseal__key_not_in_the_ring_is_named(db: Database) -> None:
    lost = Keyring.parse(new_key())
    await Accounts(db, lost).save(linked())
    with pytest.raises(KeyMissing, match=lost.newest_id):
        await Accounts(db, Keyring.parse(new_key())).reseal()


async def test_database_file__holds_no_secret(sqlite_url: str, sqlite_file: Path, keyring: Keyring) -> None:
    async def search() -> None:
        files = list(sqlite_file.parent.iterdir())
        assert sqlite_file in files
        for file in files:
            assert b"s3cret-session" not in file.read_bytes(), file

    async with Database.open(parsed(sqlite_url)) as db:
        await migrate(db)
        accounts = Accounts(db, keyring)
        await accounts.save(linked(credential="s3cret-session-1"))
        await accounts.save(linked(credential="s3cret-session-2"))
        assert sqlite_file.with_name("bot.db-wal").exists()
        await search()
        assert (await accounts.find(ALICE))[0].credential == Secret("s3cret-session-2")
    await search()
