"""Homes in many workspaces: published with the token that reaches the person, and for nobody who does not belong."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.demo.slack import ServerError, Workspace
from bot.model.accounts import SlackUser
from bot.slack.blocks.home import Frame, failed, welcome
from bot.slack.blocks.kit import Message, section
from bot.slack.calls import SlackHome
from bot.slack.views import Views
from bot.store.database import Database, database_url
from bot.store.schema import migrate
from bot.store.seal import Keyring
from tests.factories import BOTH
from tests.integration.install_world import (
    ENTERPRISE,
    NORD,
    OST,
    SUED,
    TEAMS,
    InstallWorld,
    a_person,
    a_workspace,
    install_world,
)

# slack_sdk 3.47 sends the client's secret by a class that aiohttp 3.14 wants to be rid of.
pytestmark = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")

ALICE = SlackUser(TEAMS[NORD], "U0ALICE", TEAMS[NORD])
BEN = SlackUser(TEAMS[SUED], "U0BEN", TEAMS[SUED])
VIEW = welcome(Frame(vaults=BOTH, lead_times=(), version="1"))
OTHER = failed(Message(text="No", blocks=[section("No")]))


def ost() -> Workspace:
    """A team of an organisation; Eva is of another team of it, Max of another company."""
    olga = a_person("olga", OST, enterprise_id=ENTERPRISE)
    eva = replace(a_person("eva", OST, enterprise_id=ENTERPRISE), team_id="T0WESTLICHT")
    max_ = replace(a_person("max", OST, is_stranger=True), team_id="T0ELSEWHERE")
    return a_workspace(OST, olga, eva, max_, enterprise_id=ENTERPRISE)


@pytest.fixture
async def world(sqlite_url: str, keyring: Keyring) -> AsyncIterator[InstallWorld]:
    nord = a_workspace(NORD, a_person("alice", NORD), a_person("gina", SUED, is_stranger=True))
    sued = a_workspace(SUED, a_person("ben", SUED))
    async with Database.open(database_url(sqlite_url)) as db:
        await migrate(db)
        async with install_world(db, keyring, nord, sued, ost()) as one:
            yield one


@pytest.fixture
def views(world: InstallWorld) -> Views:
    return Views(client=world.bot.client, installed=world.bot.installed)


async def test_publish__to_the_persons_own_workspace(world: InstallWorld, views: Views) -> None:
    await world.install(NORD)
    assert await views.publish(ALICE, VIEW)
    assert world.slack[NORD].home("alice") is not None
    assert not await views.publish(BEN, VIEW)
    assert world.slack[SUED].home("ben") is None


@pytest.mark.parametrize("place", [OST, ENTERPRISE])
@pytest.mark.parametrize(("person", "team_id"), [("olga", TEAMS[OST]), ("eva", "T0WESTLICHT"), ("olga", "")])
async def test_publish__in_an_organisation(
    world: InstallWorld, views: Views, place: str, person: str, team_id: str
) -> None:
    """By the team's installation or the organisation's; whether or not the person's team was told."""
    await world.install(place)
    assert await views.publish(SlackUser(ENTERPRISE, f"U0{person.upper()}", team_id), VIEW)
    assert world.slack[OST].home(person) is not None


async def test_publish__the_newest_wins(world: InstallWorld, views: Views) -> None:
    await world.install(NORD)
    await views.publish(ALICE, VIEW)
    first = world.slack[NORD].home("alice")
    assert first is not None
    await views.publish(ALICE, OTHER, first.hash)
    assert world.calls(NORD, "views.publish") == 2
    assert await views.publish(ALICE, VIEW, first.hash)
    assert world.calls(NORD, "views.publish") == 4
    last = world.slack[NORD].home("alice")
    assert last is not None
    assert last.blocks[0]["text"] == VIEW["blocks"][0]["text"]


async def test_publish__while_slack_is_down(world: InstallWorld, views: Views) -> None:
    await world.install(NORD)
    world.slack[NORD].faults.add("views.publish", ServerError(), times=9)
    assert not await views.publish(ALICE, VIEW)


async def test_member__where_the_team_is_not_told(world: InstallWorld) -> None:
    """Slack's event names the app's team for whoever opens the home; an hour long Slack is asked once."""
    await world.install(NORD)
    await world.install(OST)
    nord = await world.bot.installed.of(SlackHome(None, TEAMS[NORD]))
    ost_ = await world.bot.installed.of(SlackHome(ENTERPRISE, TEAMS[OST]))
    people = world.bot.people
    for _ in range(2):
        assert await people.is_member(nord, ALICE, team_is_told=False)
        gina = SlackUser(TEAMS[NORD], "U0GINA", TEAMS[NORD])
        assert not await people.is_member(nord, gina, team_is_told=False)
        for name, belongs in (("OLGA", True), ("EVA", True), ("MAX", False)):
            person = SlackUser(ENTERPRISE, f"U0{name}", TEAMS[OST])
            assert await people.is_member(ost_, person, team_is_told=False) is belongs
    assert world.calls(NORD, "users.info") == 2
