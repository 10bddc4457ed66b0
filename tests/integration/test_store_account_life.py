"""An account's life on both databases: renewed, ended, preferred and gone, by whoever comes first, with its jobs."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.model.accounts import AccountSummary, LinkedAccount, LinkMethod, SlackUser
from bot.model.due import Job, account_prefix
from bot.model.secret import Secret
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.due_work import put
from bot.store.seal import Keyring, new_key
from bot.store.tickets import Tickets
from tests.databases import ALICE, BOB, NOW, linked

HERE, THERE = "promomats.vault.example", "quality.vault.example:8443"
LATER = NOW + timedelta(hours=1)
TWO_DAYS = NOW + timedelta(hours=48)
SESSION = linked(
    method=LinkMethod.OIDC, refresh_token="first-refresh", session_started=NOW, valid_until=TWO_DAYS
)


@pytest.fixture
def accounts(db: Database, keyring: Keyring) -> Accounts:
    return Accounts(db, keyring)


def job(name: str, slack_user: SlackUser = ALICE, vault_host: str = HERE, **payload: object) -> Job:
    key = f"{account_prefix(slack_user, vault_host)}{name}"
    return Job(key=key, kind="link_ended", due_at=NOW, payload=payload)  # type: ignore[arg-type]


async def keys(db: Database) -> list[str]:
    """Return the keys of all jobs, without what says whose they are where they are Alice's here."""
    async with db.read() as connection:
        found = (await connection.execute(text("SELECT key FROM due_work"))).scalars()
    return sorted(key.removeprefix(account_prefix(ALICE, HERE)) for key in found)


async def schedule(db: Database, jobs: Sequence[Job]) -> None:
    async with db.write() as connection:
        await put(connection, jobs)


async def saved(accounts: Accounts, account: LinkedAccount = SESSION) -> LinkedAccount:
    """Save an account and return it as it stands in its row."""
    await accounts.save(account)
    found = await accounts.find_one(account.slack_user, account.vault_host)
    assert found
    return found


async def changed_elsewhere(accounts: Accounts, how: str, account: LinkedAccount) -> None:
    if how in ("unlinked", "linked anew"):
        await accounts.remove(account.slack_user, account.vault_host)
    if how in ("linked again", "linked anew"):
        await accounts.save(replace(account, linked_at=LATER, credential=Secret("newer")))
    if how == "renewed":
        assert await accounts.renew(account, Secret("newer"), started=NOW, valid_until=TWO_DAYS)


CHANGES = ["renewed", "linked again", "linked anew", "unlinked"]


async def test_save__again_counts_on_and_starts_a_new_life(accounts: Accounts) -> None:
    first = await saved(accounts)
    assert await accounts.prefer(ALICE, HERE, LATER)
    assert await accounts.mark_ended(first, LATER)
    again = linked(credential="second", linked_at=TWO_DAYS, ended_at=LATER)
    replaced = await accounts.save(again)
    assert replaced == replace(first, preferred_at=LATER, ended_at=LATER)
    assert await accounts.find(ALICE) == [
        linked(credential="second", linked_at=TWO_DAYS, last_used=TWO_DAYS, preferred_at=LATER, version=1)
    ]


async def test_save__counts_as_used_when_linked(accounts: Accounts) -> None:
    await accounts.save(replace(SESSION, last_used=None))
    assert [account.last_used for account in await accounts.find(ALICE)] == [NOW]


async def test_save__of_twenty_at_once_each_has_a_version_of_its_own(accounts: Accounts) -> None:
    replaced = await asyncio.gather(*(accounts.save(SESSION) for _ in range(20)))
    last = await accounts.find(ALICE)
    versions = [account.version for account in [*replaced, *last] if account]
    assert sorted(versions) == list(range(20))


async def test_save__its_jobs_come_in_place_of_the_earlier_ones(accounts: Accounts, db: Database) -> None:
    others = [job("other", BOB), job("other", ALICE, THERE), job("other", ALICE, HERE.upper())]
    await schedule(db, [job("stale"), *others])
    await accounts.save(linked(), jobs=[job("first"), job("second")])
    assert [key for key in await keys(db) if not key.endswith("other")] == ["first", "second"]
    await accounts.save(linked(), jobs=[job("second"), job("third")])
    assert [key for key in await keys(db) if not key.endswith("other")] == ["second", "third"]
    assert len(await keys(db)) == 5


async def test_save__without_its_jobs_does_not_happen(accounts: Accounts, db: Database) -> None:
    await accounts.save(linked(credential="first"), jobs=[job("first")])
    with pytest.raises(TypeError):
        await accounts.save(linked(credential="second"), jobs=[job("second", what=object())])
    assert await accounts.find(ALICE) == [linked(credential="first")]
    assert await keys(db) == ["first"]


async def test_remove__its_jobs_go_with_it(accounts: Accounts, db: Database) -> None:
    await accounts.save(linked(), jobs=[job("mine")])
    await accounts.save(linked(BOB), jobs=[job("bobs", BOB)])
    assert (await accounts.remove(ALICE, HERE)).existed
    assert await keys(db) == [job("bobs", BOB).key]


async def test_keep_refresh_token__returns_the_account_with_it(accounts: Accounts) -> None:
    account = await saved(accounts)
    kept = await accounts.keep_refresh_token(account, Secret("second-refresh"))
    assert kept == replace(account, refresh_token=Secret("second-refresh"), version=1)
    assert await accounts.find(ALICE) == [kept]


async def test_renew__starts_a_new_session(accounts: Accounts) -> None:
    account = await saved(accounts)
    assert await accounts.mark_ended(account, LATER)
    renewed = await accounts.renew(account, Secret("second"), started=LATER, valid_until=TWO_DAYS)
    assert renewed == replace(
        account,
        credential=Secret("second"),
        session_started=LATER,
        last_used=LATER,
        valid_until=TWO_DAYS,
        ended_at=None,
        version=1,
    )
    assert await accounts.find(ALICE) == [renewed]


async def test_keep_then_renew__as_one_renewal_does(accounts: Accounts) -> None:
    account = await saved(accounts)
    kept = await accounts.keep_refresh_token(account, Secret("second-refresh"))
    assert kept
    assert await accounts.renew(account, Secret("stale"), started=NOW, valid_until=TWO_DAYS) is None
    renewed = await accounts.renew(kept, Secret("second"), started=NOW, valid_until=TWO_DAYS)
    assert renewed
    assert (renewed.refresh_token, renewed.version) == (Secret("second-refresh"), 2)


@pytest.mark.parametrize("how", CHANGES)
async def test_any_change__to_a_row_that_somebody_changed_does_nothing(
    accounts: Accounts, db: Database, how: str
) -> None:
    account = await saved(accounts)
    await changed_elsewhere(accounts, how, account)
    now_there = await accounts.find(ALICE)
    assert await accounts.keep_refresh_token(account, Secret("stale")) is None
    assert await accounts.renew(account, Secret("stale"), started=LATER, valid_until=TWO_DAYS) is None
    assert not await accounts.mark_ended(account, LATER, jobs=[job("told")])
    await accounts.note_use(account, LATER + timedelta(days=1))
    assert await accounts.find(ALICE) == now_there
    assert await keys(db) == []


async def test_keep_refresh_token__of_twenty_at_once_one_is_kept(accounts: Accounts) -> None:
    account = await saved(accounts)
    tokens = [Secret(f"refresh-{number}") for number in range(20)]
    kept = await asyncio.gather(*(accounts.keep_refresh_token(account, token) for token in tokens))
    assert [one for one in kept if one] == await accounts.find(ALICE)


async def test_renew__of_twenty_at_once_one_is_kept(accounts: Accounts) -> None:
    account = await saved(accounts)
    renewing = [
        accounts.renew(account, Secret(f"session-{number}"), started=NOW, valid_until=TWO_DAYS)
        for number in range(20)
    ]
    assert [one for one in await asyncio.gather(*renewing) if one] == await accounts.find(ALICE)


async def test_mark_ended__of_twenty_at_once_one_tells(accounts: Accounts, db: Database) -> None:
    account = await saved(accounts)
    marking = [accounts.mark_ended(account, LATER, jobs=[job(f"told-{n}")]) for n in range(20)]
    marked = await asyncio.gather(*marking)
    assert await keys(db) == [f"told-{marked.index(True)}"]
    assert sum(marked) == 1
    assert await accounts.find(ALICE) == [replace(account, ended_at=LATER)]


async def test_mark_ended__without_its_jobs_does_not_happen(accounts: Accounts) -> None:
    account = await saved(accounts)
    with pytest.raises(TypeError):
        await accounts.mark_ended(account, LATER, jobs=[job("told", what=object())])
    assert await accounts.find(ALICE) == [account]


async def test_note_use__it_has_not_ended_after_all(accounts: Accounts) -> None:
    account = await saved(accounts)
    assert await accounts.mark_ended(account, NOW)
    await accounts.note_use(account, LATER)
    assert await accounts.find(ALICE) == [replace(account, last_used=LATER, ended_at=None)]
    assert await accounts.mark_ended(account, LATER)


async def test_change__of_an_account_with_finer_moments_than_are_kept(accounts: Accounts) -> None:
    finer = linked(linked_at=NOW + timedelta(microseconds=123_456))
    await accounts.save(finer)
    assert await accounts.mark_ended(finer, LATER)


async def test_prefer__the_vault_alone(accounts: Accounts) -> None:
    await accounts.save(linked(vault_host=HERE))
    await accounts.save(linked(vault_host=THERE))
    await accounts.save(linked(BOB))
    assert await accounts.prefer(ALICE, THERE, LATER)
    assert not await accounts.prefer(ALICE, "elsewhere.example", LATER)
    assert await accounts.find(ALICE) == [linked(), linked(vault_host=THERE, preferred_at=LATER)]
    assert await accounts.find(BOB) == [linked(BOB)]


async def test_hosts_of__oldest_first_opened_or_not(accounts: Accounts, db: Database) -> None:
    await accounts.save(linked(vault_host=HERE, linked_at=LATER))
    await accounts.save(linked(vault_host=THERE))
    await accounts.save(linked(BOB, vault_host="bobs.example"))
    assert await Accounts(db, Keyring.parse(new_key())).hosts_of(ALICE) == [THERE, HERE]
    assert await accounts.hosts_of(SlackUser("E2", "U1", "T1")) == []


async def test_people__by_workspace_and_by_id(accounts: Accounts, db: Database) -> None:
    elsewhere = SlackUser("E2", "U1", "T8")
    await accounts.save(linked(ALICE, HERE))
    await accounts.save(linked(ALICE, THERE))
    await accounts.save(linked(elsewhere))
    tickets = Tickets(db)
    for person in (BOB, SlackUser("E1", "U1", "T9"), BOB):
        await tickets.issue(person, None, NOW)
    people = await accounts.people_of_workspace("E1")
    assert [(one, one.team_id) for one in people] == [(ALICE, "T1"), (BOB, "T2")]
    people = await accounts.people_with_id("U1")
    assert [(one, one.team_id) for one in people] == [(ALICE, "T1"), (elsewhere, "T8")]
    assert await accounts.people_with_id("U2") == [BOB]
    assert await accounts.people_of_workspace("E3") == await accounts.people_with_id("u1") == []


async def test_summaries__of_all_without_any_key(accounts: Accounts, db: Database) -> None:
    await accounts.save(linked(BOB, THERE))
    account = await saved(accounts)
    assert await accounts.mark_ended(account, LATER)
    await accounts.save(linked(SlackUser("D1", "U9", "T1"), HERE))
    found = await Accounts(db, Keyring.parse(new_key())).summaries()
    assert [(one.slack_user.workspace, one.slack_user.user_id, one.renewable) for one in found] == [
        ("D1", "U9", False),
        ("E1", "U1", True),
        ("E1", "U2", False),
    ]
    assert found[1] == AccountSummary(
        slack_user=ALICE,
        vault_host=HERE,
        vault_user_id="10001400",
        vault_user_name="alice@vault.example",
        method=LinkMethod.OIDC,
        linked_at=NOW,
        valid_until=TWO_DAYS,
        last_used=NOW,
        ended_at=LATER,
        renewable=True,
    )
    assert found[1].slack_user.team_id == "T1"
