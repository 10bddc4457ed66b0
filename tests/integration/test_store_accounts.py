"""Linked accounts on both databases: what is kept, what is sealed, and who wins a race."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, text

from bot.model.accounts import LinkMethod, SlackUser
from bot.model.errors import KeyMissing, SealBroken
from bot.model.secret import Secret
from bot.store import resealing
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


async def test_find__returns_what_was_saved_of_a_renewable_session(accounts: Accounts) -> None:
    account = linked(
        method=LinkMethod.OIDC,
        valid_until=NOW + timedelta(hours=48),
        refresh_token="alices-refresh-token",
        session_started=NOW,
        last_used=NOW + timedelta(minutes=1),
        preferred_at=NOW - timedelta(days=1),
    )
    await accounts.save(account)
    assert await accounts.find(ALICE) == [account]
    assert (await accounts.find(ALICE))[0].renewable


async def test_find_one__the_account_at_that_vault_alone(accounts: Accounts) -> None:
    await accounts.save(linked(vault_host=HERE))
    await accounts.save(linked(vault_host=THERE, credential="there"))
    assert await accounts.find_one(ALICE, THERE) == linked(vault_host=THERE, credential="there")
    assert await accounts.find_one(ALICE, "elsewhere.example") is None
    assert await accounts.find_one(BOB, THERE) is None


async def test_find_one__that_cannot_be_opened_is_told(accounts: Accounts, db: Database) -> None:
    await accounts.save(linked(vault_host=HERE))
    await accounts.save(linked(vault_host=THERE))
    await run(db, "UPDATE accounts SET credential = 'rubbish' WHERE vault_host = :host", host=HERE)
    with pytest.raises(SealBroken):
        await accounts.find_one(ALICE, HERE)


async def test_find__another_team_of_the_same_enterprise_is_the_same_person(accounts: Accounts) -> None:
    await accounts.save(linked())
    assert await accounts.find(SlackUser("E1", "U1", "T9")) == [linked()]


@pytest.mark.parametrize("other", [BOB, SlackUser("E2", "U1", "T1"), SlackUser("e1", "u1", "T1")])
async def test_find__nobody_gets_somebody_elses(accounts: Accounts, other: SlackUser) -> None:
    await accounts.save(linked())
    assert await accounts.find(other) == []


async def test_people_as__who_is_linked_as_a_vault_user_in_one_workspace(
    accounts: Accounts, db: Database
) -> None:
    elsewhere = SlackUser("T2", "U1", "T2")
    for person in (BOB, ALICE, elsewhere):
        await accounts.save(linked(person))
    await accounts.save(linked(ALICE, "quality.vault.example"))
    async with db.write() as connection:
        await connection.execute(text("UPDATE accounts SET credential = 'no seal'"))
    assert await accounts.people_as(ALICE.workspace, "promomats.vault.example", "10001400") == [ALICE, BOB]
    assert await accounts.people_as("T2", "promomats.vault.example", "10001400") == [elsewhere]
    assert await accounts.people_as(ALICE.workspace, "promomats.vault.example", "10001401") == []
    assert await accounts.people_as(ALICE.workspace, "elsewhere.vault.example", "10001400") == []


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
    assert await accounts.find(ALICE) == [linked(credential="second", version=1)]


async def test_save__one_that_no_longer_opens_is_replaced_all_the_same(
    accounts: Accounts, db: Database
) -> None:
    await accounts.save(linked(credential="first"))
    await run(db, "UPDATE accounts SET credential = 'rubbish'")
    assert await accounts.save(linked(credential="second")) is None
    assert await accounts.find(ALICE) == [linked(credential="second", version=1)]


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


async def test_find__refresh_token_of_another_row_does_not_open(accounts: Accounts, db: Database) -> None:
    await accounts.save(linked(ALICE, refresh_token="alices"))
    await accounts.save(linked(BOB, refresh_token="bobs"))
    stolen = "SELECT refresh_token FROM accounts WHERE slack_user_id = 'U1'"
    await run(db, f"UPDATE accounts SET refresh_token = ({stolen}) WHERE slack_user_id = 'U2'")  # noqa: S608
    with pytest.raises(SealBroken):
        await accounts.find(BOB)


@pytest.mark.parametrize(
    "swap",
    [
        "credential = refresh_token",
        "refresh_token = credential",
        "credential = refresh_token, refresh_token = credential",
    ],
)
async def test_find__credential_and_refresh_token_do_not_open_in_each_others_place(
    accounts: Accounts, db: Database, swap: str
) -> None:
    await accounts.save(linked(refresh_token="alices"))
    await run(db, f"UPDATE accounts SET {swap}")  # noqa: S608 - one of the texts above
    with pytest.raises(SealBroken):
        await accounts.find(ALICE)


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
    monkeypatch.setattr(resealing, "RESEAL_BATCH", batch)
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


async def test_reseal__refresh_tokens_too(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    old, new = new_key(), new_key()
    before = Accounts(db, Keyring.parse(old))
    await before.save(linked(ALICE, refresh_token="alices"))
    await before.save(linked(BOB, refresh_token="bobs"))
    await run(db, "UPDATE accounts SET credential = 'rubbish' WHERE slack_user_id = 'U2'")
    with caplog.at_level(logging.WARNING):
        assert await Accounts(db, Keyring.parse(f"{new},{old}")).reseal() == 3
    assert "account of E1 U2 promomats.vault.example cannot be opened" in caplog.text
    assert await Accounts(db, Keyring.parse(new)).find(ALICE) == [linked(ALICE, refresh_token="alices")]


async def test_reseal__one_column_behind_the_other(db: Database) -> None:
    old, new = new_key(), new_key()
    await Accounts(db, Keyring.parse(old)).save(linked(refresh_token="first"))
    both = Accounts(db, Keyring.parse(f"{new},{old}"))
    account = (await both.find(ALICE))[0]
    assert await both.keep_refresh_token(account, Secret("second")) is not None
    assert await both.reseal() == 1
    assert await Accounts(db, Keyring.parse(new)).find(ALICE) == [linked(refresh_token="second", version=1)]


async def test_reseal__value_saved_meanwhile_is_kept(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = new_key(), new_key()
    both = Accounts(db, Keyring.parse(f"{new},{old}"))
    await Accounts(db, Keyring.parse(old)).save(linked(credential="first", refresh_token="first"))
    read = resealing._with_older_key

    async def read_then_save(*arguments: Any) -> list[Row[Any]]:
        rows = await read(*arguments)
        await both.save(linked(credential="second", refresh_token="second"))
        return rows

    monkeypatch.setattr(resealing, "_with_older_key", read_then_save)
    assert await both.reseal() == 0
    assert [account.credential for account in await both.find(ALICE)] == [Secret("second")]
    assert [account.refresh_token for account in await both.find(ALICE)] == [Secret("second")]


@pytest.mark.parametrize("refresh_token", [None, "refresh"])
async def test_reseal__key_not_in_the_ring_is_named(db: Database, refresh_token: str | None) -> None:
    lost = Keyring.parse(new_key())
    await Accounts(db, lost).save(linked(refresh_token=refresh_token))
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
        await accounts.save(linked(credential="s3cret-session-1", refresh_token="s3cret-session-3"))
        await accounts.save(linked(credential="s3cret-session-2", refresh_token="s3cret-session-4"))
        assert sqlite_file.with_name("bot.db-wal").exists()
        await search()
        assert (await accounts.find(ALICE))[0].credential == Secret("s3cret-session-2")
    await search()
