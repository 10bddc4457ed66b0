"""Goodbye on both databases: what goes, what Vault is told, what the audit log keeps."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.demo.vault.faults import Maintenance
from bot.model.accounts import Asker, LinkMethod, SlackUser
from bot.model.audit import Action, Outcome
from bot.model.errors import NotLinked, StoreError, UnknownVault
from bot.model.secret import Secret
from bot.usecases.proving import Proof
from tests.acceptance.steps import password_fields
from tests.integration.linking_world import LinkingWorld, linking_world, slack_user

ALICE, BOB = slack_user("alice"), slack_user("bob")
ASKER = Asker(ALICE, "LEAVING2")


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[LinkingWorld]:
    async with linking_world(tmp_path, database=database_url) as one:
        yield one


async def linked(world: LinkingWorld, person: str = "alice", vault: str = "promomats") -> None:
    """Link by password, without a page."""
    typed = password_fields(person)
    proof = Proof(method=LinkMethod.PASSWORD, secret=Secret(typed["password"]), user_name=typed["username"])
    ticket = await world.ticket(person, vault)
    await world.linking.complete(ticket, vault_name=vault, proof=proof, reference="LINKING2")
    world.rows_before = 0
    world.rows_before = len(await world.rows())


async def count(world: LinkingWorld, table: str) -> int:
    """How many rows a table has."""
    async with world.db.read() as connection:
        return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608


async def break_seals(world: LinkingWorld) -> None:
    """Nothing that is stored of accounts can be opened any more."""
    async with world.db.write() as connection:
        await connection.execute(text("UPDATE accounts SET credential = 's1.00000000.' || workspace"))


async def test_unlink__one_of_two(world: LinkingWorld) -> None:
    await linked(world)
    await linked(world, vault="quality")
    (gone,) = await world.leaving.unlink(ASKER, "quality")
    assert (gone.vault_name, gone.method, gone.session_ended) == ("quality", LinkMethod.PASSWORD, True)
    assert await world.account() is not None
    assert await world.account(vault="quality") is None
    assert world.living_sessions("alice") == 1
    (row,) = await world.rows()
    assert (row.action, row.outcome, row.reference) == (Action.UNLINK, Outcome.DONE, "LEAVING2")
    assert (row.vault_host, row.vault_user_id) == (world.vaults.named("quality").host, "10001400")


async def test_unlink__every_one_is_a_row_each(world: LinkingWorld) -> None:
    await linked(world)
    await linked(world, vault="quality")
    gone = await world.leaving.unlink(ASKER, None, every=True)
    assert {one.vault_name for one in gone} == {"promomats", "quality"}
    assert world.living_sessions("alice") == 0
    assert await count(world, "due_work") == 0
    assert [row.action for row in await world.rows()] == [Action.UNLINK, Action.UNLINK]


async def test_unlink__without_a_name_is_the_one_that_answers(world: LinkingWorld) -> None:
    await linked(world, vault="quality")
    await linked(world)
    await world.linking.prefer(ASKER, "quality")
    assert [one.vault_name for one in await world.leaving.unlink(ASKER, None)] == ["quality"]
    assert [one.vault_name for one in await world.leaving.unlink(ASKER, None)] == ["promomats"]


@pytest.mark.parametrize(
    ("name", "every", "error"),
    [
        (None, False, NotLinked),
        (None, True, NotLinked),
        ("quality", False, NotLinked),
        ("x", False, UnknownVault),
    ],
)
async def test_unlink__what_is_not_there_is_refused_and_written_down(
    world: LinkingWorld, name: str | None, *, every: bool, error: type[Exception]
) -> None:
    if name:
        await linked(world)
    with pytest.raises(error):
        await world.leaving.unlink(ASKER, name, every=every)
    (row,) = await world.rows()
    assert (row.action, row.outcome, row.error) == (Action.UNLINK, Outcome.REFUSED, error.__name__)


async def test_unlink__a_vault_the_operator_took_away(world: LinkingWorld) -> None:
    await linked(world)
    account = await world.account()
    assert account is not None
    await world.accounts.save(replace(account, vault_host="gone.example"))
    await world.leaving.unlink(ASKER, "promomats")
    (gone,) = await world.leaving.unlink(ASKER, "gone.example")
    assert (gone.vault_name, gone.session_ended) == ("gone.example", False)
    assert await world.accounts.find(ALICE) == []


@pytest.mark.parametrize("every", [False, True])
async def test_unlink__a_broken_seal_does_not_keep_the_row(world: LinkingWorld, *, every: bool) -> None:
    await linked(world)
    await break_seals(world)
    (gone,) = await world.leaving.unlink(ASKER, None, every=every)
    assert (gone.method, gone.session_ended) == (None, False)
    assert await count(world, "accounts") == 0
    (row,) = await world.rows()
    assert (row.outcome, row.vault_host, row.vault_user_id) == (Outcome.DONE, world.vaults.default.host, "")


async def test_unlink__with_vault_down(world: LinkingWorld) -> None:
    await linked(world)
    world.vault.faults.add(Maintenance(), times=None)
    (gone,) = await world.leaving.unlink(ASKER, None)
    assert not gone.session_ended
    assert await world.accounts.find(ALICE) == []


async def break_audit(world: LinkingWorld) -> None:
    """No row can be written any more: the chain's end was changed from outside."""
    async with world.db.write() as connection:
        await connection.execute(text("UPDATE audit_ends SET mac = 'x'"))


async def test_unlink__whose_row_cannot_be_written_is_told_as_failed(world: LinkingWorld) -> None:
    """The credential is deleted all the same, and the Vault session ended: the safe side."""
    await linked(world)
    await break_audit(world)
    with pytest.raises(StoreError):
        await world.leaving.unlink(ASKER, None)
    assert await world.accounts.find(ALICE) == []
    assert world.living_sessions("alice") == 0


async def test_unlink__every_one_whose_rows_cannot_be_written(world: LinkingWorld) -> None:
    await linked(world)
    await linked(world, vault="quality")
    await break_audit(world)
    with pytest.raises(StoreError):
        await world.leaving.unlink(ASKER, None, every=True)
    assert await count(world, "accounts") == 0
    assert world.living_sessions("alice") == 0


async def test_unlink__cut_off_while_it_is_written_down_ends_the_session(
    world: LinkingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await linked(world)

    async def stuck(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(world.audit, "write", stuck)
    monkeypatch.setattr("bot.usecases.auditing.WRITE_SECONDS", 0.01)
    unlinking = asyncio.create_task(world.leaving.unlink(ASKER, None))
    async with asyncio.timeout(60):
        while await count(world, "accounts"):  # noqa: ASYNC110 - another task removes it
            await asyncio.sleep(0.01)
    unlinking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await unlinking
    assert world.living_sessions("alice") == 0


async def test_forget__everything_of_a_person_and_of_nobody_else(world: LinkingWorld) -> None:
    for person in ("alice", "bob"):
        await linked(world, person)
    await linked(world, "alice", "quality")
    await world.ticket("alice")
    await world.ticket("bob")
    gone = await world.leaving.forget(ASKER, why="asked for by the operator")
    assert {one.vault_name for one in gone} == {"promomats", "quality"}
    assert all(one.session_ended for one in gone)
    assert world.living_sessions("alice") == 0
    assert world.living_sessions("bob") == 1
    assert await world.accounts.find(BOB) != []
    assert await count(world, "accounts") == 1
    assert await count(world, "due_work") == 2
    async with world.db.read() as connection:
        people = set((await connection.execute(text("SELECT slack_user_id FROM link_tickets"))).scalars())
    assert people == {BOB.user_id}
    rows = await world.rows()
    assert {(row.action, row.note) for row in rows} == {(Action.FORGET, "asked for by the operator")}
    assert {row.vault_host for row in rows} == {vault.host for vault in world.vaults.all}


async def test_forget__somebody_with_a_ticket_alone(world: LinkingWorld) -> None:
    ticket = await world.ticket("alice")
    assert await world.leaving.forget(ASKER, why="left Slack") == []
    (row,) = await world.rows()
    assert (row.action, row.vault_host, row.note) == (Action.FORGET, "", "left Slack")
    assert ticket


async def test_forget__nobody_knows_leaves_no_row(world: LinkingWorld) -> None:
    assert await world.leaving.forget(ASKER, why="left Slack") == []
    assert await world.rows() == []


async def test_forget__a_broken_seal_does_not_stop_it(world: LinkingWorld) -> None:
    await linked(world)
    await linked(world, vault="quality")
    await break_seals(world)
    assert len(await world.leaving.forget(ASKER, why="left Slack")) == 2
    assert await count(world, "accounts") == 0
    assert await count(world, "due_work") == 0


async def test_forget_workspace__all_of_it_and_no_other(world: LinkingWorld) -> None:
    for person in ("alice", "bob", "vera"):
        await linked(world, person)
    await world.ticket("nils")
    account = await world.account("vera")
    assert account is not None
    stranger = SlackUser("T0OTHER", "U0VERA", "T0OTHER")
    await world.accounts.save(replace(account, slack_user=stranger))
    await break_seals_of(world, "U0BOB")
    people = await world.leaving.forget_workspace(ALICE.workspace, why="app uninstalled")
    assert people == 4
    assert await count(world, "link_tickets") == 0
    assert await count(world, "accounts") == 1
    assert [one.vault_host for one in await world.accounts.find(stranger)] == [world.vaults.default.host]
    assert world.living_sessions("alice") == 0
    assert {row.slack_user_id for row in await world.rows()} >= {"U0ALICE", "U0BOB", "U0VERA"}
    assert len({row.reference for row in await world.rows()}) == 1


async def break_seals_of(world: LinkingWorld, user_id: str) -> None:
    """What is stored of this person cannot be opened any more."""
    async with world.db.write() as connection:
        await connection.execute(
            text("UPDATE accounts SET credential = 's1.00000000.AAAA' WHERE slack_user_id = :who"),
            {"who": user_id},
        )


async def test_forget_workspace__that_nobody_is_in(world: LinkingWorld) -> None:
    assert await world.leaving.forget_workspace("T0EMPTY", why="app uninstalled") == 0
    assert await world.rows() == []


async def test_forget_workspace__goes_on_where_one_persons_rows_cannot_be_written(
    world: LinkingWorld,
) -> None:
    """Nobody is kept, in the database or at Vault, because of somebody else's failure."""
    for person in ("alice", "bob", "vera"):
        await linked(world, person)
    await world.ticket("nils")
    await break_audit(world)
    with pytest.raises(StoreError):
        await world.leaving.forget_workspace(ALICE.workspace, why="app uninstalled")
    assert (await count(world, "accounts"), await count(world, "link_tickets")) == (0, 0)
    assert [world.living_sessions(person) for person in ("alice", "bob", "vera")] == [0, 0, 0]


async def test_forget_workspace__leaves_out_who_is_not_meant(world: LinkingWorld) -> None:
    for person in ("alice", "bob"):
        await linked(world, person)
    people = await world.leaving.forget_workspace(
        ALICE.workspace, why="app uninstalled", is_meant=lambda person: person == BOB
    )
    assert people == 1
    assert (world.living_sessions("alice"), world.living_sessions("bob")) == (1, 0)
