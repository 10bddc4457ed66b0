"""Whose home is drawn when, on both databases: what began last is shown, what changes is redrawn, who leaves goes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot.model.accounts import Asker, SlackUser
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.due_work import DueWork
from bot.store.homes import Homes
from bot.store.seal import Keyring
from bot.usecases.homes import TOGETHER, HomeCare, person_of
from tests.databases import ALICE, BOB, NOW
from tests.integration.linking_world import LinkingWorld, linking_world, slack_user


@dataclass
class World:
    """One database, and a clock to be set."""

    db: Database
    now = NOW

    def __post_init__(self) -> None:
        self.homes, self.due = Homes(self.db), DueWork(self.db, lambda: self.now)
        self.care = HomeCare(homes=self.homes, due=self.due, clock=lambda: self.now)

    async def jobs(self) -> list[SlackUser]:
        """Whose homes are to be redrawn, once the moment has come."""
        self.now += TOGETHER
        claimed = await self.due.claim(9)
        for job in claimed:
            await self.due.finish(job, None)
        return [person_of(job) for job in claimed]

    async def drawn(self, person: SlackUser = ALICE) -> str:
        """What stands there as drawn."""
        found = await self.homes.find(person)
        assert found is not None
        return found.drawn


@pytest.fixture
def world(db: Database) -> World:
    return World(db)


async def test_begin__says_who_looked_when(world: World) -> None:
    assert await world.homes.find(ALICE) is None
    drawing = await world.care.begin(ALICE)
    found = await world.homes.find(SlackUser("E1", "U1", "elsewhere"))
    assert found is not None
    assert (found.slack_user, found.slack_user.team_id, found.opened_at) == (ALICE, "T1", NOW)
    assert found.drawn == drawing.mark
    world.now += timedelta(hours=1)
    await world.care.begin(ALICE)
    found = await world.homes.find(ALICE)
    assert found is not None
    assert found.opened_at == world.now


async def test_draw__the_last_to_begin_is_shown(world: World) -> None:
    first, second = await world.care.begin(ALICE), await world.care.begin(ALICE)
    assert [await world.care.is_latest(one) for one in (first, second)] == [False, True]
    await world.care.end(second, "as it is")
    assert await world.drawn() == "as it is"
    assert await world.jobs() == []
    # The first had looked whether it is the last just before the second began.
    await world.care.end(first, "as it was")
    assert await world.drawn() == "as it is"
    assert await world.jobs() == [ALICE]


async def test_draw__again(world: World) -> None:
    """A redrawing knows what is shown, unless somebody was cut off while drawing."""
    await world.care.end(await world.care.begin(ALICE), "as it is")
    again = await world.care.begin_again(ALICE)
    assert again.before == "as it is"
    assert (await world.care.begin_again(ALICE)).before == ""
    assert not await world.care.is_latest(again)


async def test_draw__of_somebody_forgotten_meanwhile(world: World) -> None:
    drawing = await world.care.begin(ALICE)
    await world.care.forget(ALICE)
    assert not await world.care.is_latest(drawing)
    again = await world.care.begin_again(ALICE)
    assert await world.care.is_latest(again)
    await world.care.end(again, "empty")
    assert await world.homes.find(ALICE) is None
    opened = await world.care.begin(ALICE)
    assert not await world.care.is_latest(again)
    assert await world.care.is_latest(opened)


async def test_changed__only_what_was_looked_at_lately(world: World) -> None:
    await world.care.changed(ALICE)
    assert await world.jobs() == []
    await world.care.begin(ALICE)
    await world.care.changed(ALICE)
    await world.care.changed(ALICE)
    assert await world.jobs() == [ALICE]
    world.now += timedelta(days=1)
    await world.care.changed(ALICE)
    assert await world.jobs() == []


async def test_begin__makes_a_redrawing_needless(world: World) -> None:
    """But not one that runs already."""
    await world.care.begin(ALICE)
    await world.care.changed(ALICE)
    await world.care.begin(ALICE)
    assert await world.jobs() == []
    await world.care.changed(ALICE)
    world.now += TOGETHER
    (running,) = await world.due.claim(9)
    await world.care.begin(ALICE)
    assert await world.due.finish(running, None)


@pytest.mark.parametrize("entirely", [False, True])
async def test_unlinked__whenever_it_was_opened(world: World, *, entirely: bool) -> None:
    await world.care.unlinked(ALICE, entirely=entirely)
    assert await world.jobs() == []
    await world.care.begin(ALICE)
    world.now += timedelta(days=9)
    await world.care.unlinked(ALICE, entirely=entirely)
    assert (await world.homes.find(ALICE) is None) is entirely
    assert await world.jobs() == [ALICE]


async def test_forget__with_what_was_to_be_redrawn(world: World) -> None:
    assert not await world.care.forget(ALICE)
    for person in (ALICE, BOB):
        await world.care.begin(person)
        await world.care.changed(person)
    assert await world.care.forget(ALICE)
    assert await world.homes.find(ALICE) is None
    assert await world.jobs() == [BOB]


async def test_people_of_workspace__who_opened_the_home_is_known(world: World, keyring: Keyring) -> None:
    """So that they are forgotten with the workspace, and one by one."""
    await world.care.begin(ALICE)
    accounts = Accounts(world.db, keyring)
    assert await accounts.people_of_workspace("E1") == [ALICE]
    assert await accounts.people_with_id("U1") == [ALICE]


@pytest.fixture
async def linking(tmp_path: Path, database_url: str) -> AsyncIterator[LinkingWorld]:
    async with linking_world(tmp_path, database=database_url) as one:
        yield one


async def test_forget__who_leaves_has_no_home(linking: LinkingWorld) -> None:
    """Nor has anybody of a workspace that removed the app, linked or not; of whom nothing else is known, nothing is
    written into the audit log."""
    alice, bob = slack_user("alice"), slack_user("bob")
    homes, due = Homes(linking.db), linking.due_work
    care = HomeCare(homes=homes, due=due, clock=linking.clock.now)
    for person in (alice, bob):
        await care.begin(person)
        await care.changed(person)
    await linking.leaving.forget(Asker(alice, "LEAVING2"), why="left")
    assert await homes.find(alice) is None
    assert await homes.find(bob) is not None
    assert await linking.leaving.forget_workspace(bob.workspace, why="removed") == 1
    assert await homes.find(bob) is None
    assert await due.next_due() is None
    assert await linking.rows() == []
