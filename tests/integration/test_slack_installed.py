"""Which installation serves whom, with which token: workspaces, organisations, outsiders, tokens that end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.demo.slack import ApiError, RateLimited, ServerError, Slow, Workspace
from bot.model.accounts import SlackUser
from bot.model.audit import Action, Outcome
from bot.model.errors import NotInstalled, OtherWorkspace, SlackUnavailable
from bot.slack.blocks.kit import Message, section
from bot.slack.calls import SlackHome
from bot.slack.replies import NotDelivered
from bot.store.database import Database
from bot.store.seal import Keyring
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

HOUR = timedelta(hours=1)
HELLO = Message(text="Hello", blocks=[section("Hello")])
ALICE = SlackUser(TEAMS[NORD], "U0ALICE", TEAMS[NORD])
BEN = SlackUser(TEAMS[SUED], "U0BEN", TEAMS[SUED])
NORD_HOME, SUED_HOME = SlackHome(None, TEAMS[NORD]), SlackHome(None, TEAMS[SUED])


def nord() -> Workspace:
    """Alice, a guest, and somebody of another company."""
    gina = a_person("gina", SUED, is_stranger=True)
    return a_workspace(NORD, a_person("alice", NORD), a_person("gus", NORD, is_restricted=True), gina)


def sued() -> Workspace:
    """Ben's."""
    return a_workspace(SUED, a_person("ben", SUED))


def ost() -> Workspace:
    """A team of an organisation; Eva is of another team of it, Max of another company."""
    olga = a_person("olga", OST, enterprise_id=ENTERPRISE)
    eva = replace(a_person("eva", OST, enterprise_id=ENTERPRISE), team_id="T0WESTLICHT")
    max_ = replace(a_person("max", OST, is_stranger=True), team_id="T0ELSEWHERE")
    mia = replace(a_person("mia", OST, enterprise_id="E0OTHERS"), team_id="T0OTHERS")
    return a_workspace(OST, olga, eva, max_, mia, enterprise_id=ENTERPRISE)


@pytest.fixture
async def world(db: Database, keyring: Keyring) -> AsyncIterator[InstallWorld]:
    """Three workspaces."""
    async with install_world(db, keyring, nord(), sued(), ost()) as running:
        running.clock.run_at(0)
        yield running


@pytest.fixture
async def rotating(db: Database, keyring: Keyring) -> AsyncIterator[InstallWorld]:
    """Two workspaces whose tokens end after twelve hours; the app is in both."""
    async with install_world(db, keyring, nord(), sued(), rotating=True) as running:
        running.clock.run_at(0)
        await running.install(NORD)
        await running.install(SUED)
        yield running


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that goes on by itself."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the emulator counts
            await asyncio.sleep(0.01)


# Workspaces


async def test_command__is_answered_in_each_workspace_without_asking_slack(world: InstallWorld) -> None:
    await world.install(NORD)
    await world.install(SUED)
    before = [world.calls(domain, "auth.test") for domain in (NORD, SUED)]
    for _ in range(2):
        assert "How to use this" in (await world.ask(NORD, "alice")).text
        assert "How to use this" in (await world.ask(SUED, "ben")).text
    assert [world.calls(domain, "auth.test") for domain in (NORD, SUED)] == before == [1, 1]
    assert [world.calls(domain, "users.info") for domain in (NORD, SUED)] == [0, 0]


async def test_tell__goes_out_with_the_token_of_the_persons_workspace(world: InstallWorld) -> None:
    await world.install(NORD)
    await world.install(SUED)
    await world.bot.replies.tell(ALICE, HELLO)
    await world.bot.replies.tell(BEN, HELLO)
    for domain, person in ((NORD, "alice"), (SUED, "ben")):
        assert [one.text for one in world.slack[domain].seen_by(person, "dm")] == ["Hello"]
        profile = await world.bot.people.profile_of(ALICE if domain == NORD else BEN)
        assert (profile.real_name, profile.workspace_name) == (
            person.title(),
            world.slack[domain].workspace.name,
        )


async def test_guest__is_answered_as_anyone(world: InstallWorld) -> None:
    await world.install(NORD)
    assert "How to use this" in (await world.ask(NORD, "gus")).text


async def test_click__of_an_outsider_is_refused_politely_and_kept(world: InstallWorld) -> None:
    await world.install(NORD)
    slack = world.slack[NORD]
    posted = slack._board.post(
        channel="C0NORDLICHT",
        text="31%",
        blocks=[
            {
                "type": "actions",
                "block_id": "b",
                "elements": [
                    {
                        "type": "button",
                        "action_id": "refresh",
                        "text": {"type": "plain_text", "text": "Refresh"},
                    }
                ],
            }
        ],
        author="U0UPLOADS",
        via="chat.postMessage",
    )
    delivery = await slack.click(user="gina", message=posted, action_id="refresh")
    answer = await delivery.answered()
    assert answer.text == f"{OtherWorkspace.what} {OtherWorkspace.next_step}"
    assert answer.visible_to == "U0GINA"
    [_, row] = await world.rows()
    assert (row.action, row.outcome, row.error, row.slack_user_id, row.team_id) == (
        Action.REQUEST,
        Outcome.REFUSED,
        "OtherWorkspace",
        "U0GINA",
        TEAMS[SUED],
    )
    assert row.reference


async def test_command__where_the_app_is_not_installed(world: InstallWorld) -> None:
    """An outsider's command carries the outsider's own workspace."""
    await world.install(NORD)
    answer = await world.ask(NORD, "gina")
    assert answer.text == f"{NotInstalled.what} {NotInstalled.next_step}"
    [_, row] = await world.rows()
    assert (row.action, row.error, row.slack_user_id) == (Action.REQUEST, "NotInstalled", "U0GINA")
    with pytest.raises(NotInstalled):
        await world.bot.installed.of_person(BEN)
    with pytest.raises(NotDelivered):
        await world.bot.replies.tell(BEN, HELLO)


async def test_of__what_another_process_changed_is_seen_within_a_minute(world: InstallWorld) -> None:
    other = await world.another_bot()
    await world.install(NORD)
    assert (await other.of(NORD_HOME)).name == "Nordlicht Bio"
    await world.installations.remove(TEAMS[NORD])
    assert (await other.of(NORD_HOME)).name == "Nordlicht Bio"
    world.clock.advance(timedelta(seconds=60))
    with pytest.raises(NotInstalled):
        await other.of(NORD_HOME)
    await world.install(NORD)
    assert (await other.of(NORD_HOME)).name == "Nordlicht Bio"


async def test_of__what_is_stored_of_a_workspace_that_is_not_named(world: InstallWorld) -> None:
    """SLACK_WORKSPACES was set after people had installed the app wherever they liked."""
    await world.install(NORD)
    await world.install(SUED)
    named = await world.another_bot()
    named._named = frozenset({TEAMS[NORD]})
    assert (await named.of(NORD_HOME)).name == "Nordlicht Bio"
    for _ in range(2):
        with pytest.raises(NotInstalled):
            await named.of(SUED_HOME)
        with pytest.raises(NotInstalled):
            await named.of_person(BEN)


# Organisations


async def test_org_wide__serves_all_its_people_and_no_others(world: InstallWorld) -> None:
    await world.install(ENTERPRISE)
    for person in ("olga", "eva"):
        assert "How to use this" in (await world.ask(OST, person)).text
    for person in ("max", "mia"):
        assert (await world.ask(OST, person)).text.startswith((OtherWorkspace.what, NotInstalled.what))


async def test_org_wide__asks_slack_once_an_hour_who_belongs_to_it(world: InstallWorld) -> None:
    await world.install(ENTERPRISE)
    for expected in (1, 2):
        for _ in range(3):
            await world.ask(OST, "olga")
        assert world.calls(OST, "users.info") == expected
        world.clock.advance(HOUR)


@pytest.mark.parametrize(
    ("person", "answered"), [("olga", True), ("eva", True), ("max", False), ("mia", False)]
)
async def test_team_of_an_organisation__serves_the_organisations_people(
    world: InstallWorld, person: str, answered: bool
) -> None:
    await world.install(OST)
    team_id = world.slack[OST].workspace.user(person).team_id
    workspace = await world.bot.installed.of(SlackHome(ENTERPRISE, TEAMS[OST]))
    slack_user = SlackUser(ENTERPRISE, f"U0{person.upper()}", team_id)
    assert await world.bot.people.is_member(workspace, slack_user) is answered
    assert world.calls(OST, "users.info") == (0 if person == "olga" else 1)


async def test_of_person__who_met_the_app_in_another_team_of_theirs(world: InstallWorld) -> None:
    await world.install(OST)
    eva = SlackUser(ENTERPRISE, "U0EVA", "T0WESTLICHT")
    await world.bot.replies.tell(eva, HELLO)
    assert [one.text for one in world.slack[OST].seen_by("eva", "dm")] == ["Hello"]
    with pytest.raises(NotInstalled):
        await world.bot.installed.of(SlackHome(ENTERPRISE, "T0WESTLICHT"))


async def test_member__while_slack_does_not_tell(world: InstallWorld) -> None:
    """Nobody is let in on a guess, and nobody is turned away for good."""
    await world.install(ENTERPRISE)
    workspace = await world.bot.installed.of(SlackHome(ENTERPRISE, None))
    olga = SlackUser(ENTERPRISE, "U0OLGA", TEAMS[OST])
    world.slack[OST].faults.add("users.info", ServerError(), times=9)
    with pytest.raises(SlackUnavailable):
        await world.bot.people.is_member(workspace, olga)
    world.slack[OST].faults.clear()
    assert await world.bot.people.is_member(workspace, olga)
    nobody = SlackUser(ENTERPRISE, "U0NOBODY", TEAMS[OST])
    assert not await world.bot.people.is_member(workspace, nobody)


async def test_is_gone(world: InstallWorld) -> None:
    await world.install(NORD)
    slack = world.slack[NORD]
    assert not await world.bot.people.is_gone(ALICE)
    slack.workspace.deactivate("alice")
    assert await world.bot.people.is_gone(ALICE)
    assert await world.bot.people.is_gone(SlackUser(TEAMS[NORD], "U0NOBODY", TEAMS[NORD]))
    slack.faults.add("users.info", ServerError(), times=9)
    with pytest.raises(SlackUnavailable):
        await world.bot.people.is_gone(ALICE)
    slack.faults.clear()
    await slack.revoke_tokens()
    await world.done()
    with pytest.raises(NotInstalled):
        await world.bot.people.is_gone(ALICE)


# Tokens that end


async def test_rotation__two_hours_ahead_and_nobody_waits(rotating: InstallWorld) -> None:
    slack = rotating.slack[NORD]
    first = slack.bot_token
    assert first.startswith("xoxe.xoxb-")
    rotating.clock.advance(9 * HOUR)
    assert (await rotating.bot.installed.of(NORD_HOME)).token.reveal() == first
    assert slack.rotations == 0
    rotating.clock.advance(HOUR)
    rotating.slack.oauth.faults.add("oauth.v2.access", Slow(0.3))
    assert (await rotating.bot.installed.of(NORD_HOME)).token.reveal() == first
    await until(lambda: slack.rotations == 1)
    await rotating.bot.installed.close()
    newest = (await rotating.bot.installed.of(NORD_HOME)).token.reveal()
    assert newest == slack.bot_token != first
    [installation, _] = await rotating.installations.all()
    assert installation.expires_at is not None
    assert abs(installation.expires_at - rotating.clock.now() - 12 * HOUR) < timedelta(seconds=5)
    assert rotating.slack[SUED].rotations == 0


async def test_rotation__once_among_all_processes(rotating: InstallWorld) -> None:
    slack, others = rotating.slack[NORD], [await rotating.another_bot() for _ in range(2)]
    rotating.clock.advance(13 * HOUR)
    everyone = [rotating.bot.installed, *others]
    found = await asyncio.gather(
        *(one.of(NORD_HOME) for one in everyone for _ in range(3)),
        *(one.of_person(ALICE) for one in everyone),
    )
    assert slack.rotations == 1
    assert {one.token.reveal() for one in found} == {slack.bot_token}
    await rotating.bot.replies.tell(ALICE, HELLO)
    assert [one.text for one in slack.seen_by("alice", "dm")] == ["Hello"]


async def test_rotation__goes_on_for_months(rotating: InstallWorld) -> None:
    for _ in range(5):
        rotating.clock.advance(13 * HOUR)
        await rotating.bot.replies.tell(ALICE, HELLO)
    assert rotating.slack[NORD].rotations == 5
    assert len(rotating.slack[NORD].seen_by("alice", "dm")) == 5


@pytest.mark.parametrize("fault", [ServerError(), RateLimited(), ApiError("internal_error")])
async def test_rotation__that_fails_leaves_the_token_that_works(
    rotating: InstallWorld, fault: ServerError | RateLimited | ApiError
) -> None:
    slack, faults = rotating.slack[NORD], rotating.slack.oauth.faults
    first = slack.bot_token
    rotating.clock.advance(11 * HOUR)
    faults.add("oauth.v2.access", fault)
    for _ in range(3):
        assert (await rotating.bot.installed.of(NORD_HOME)).token.reveal() == first
        await rotating.bot.installed.close()
    assert (faults.waiting("oauth.v2.access"), slack.rotations) == (0, 0)
    rotating.clock.advance(timedelta(seconds=61))
    await rotating.bot.installed.of(NORD_HOME)
    await until(lambda: slack.rotations == 1)


async def test_rotation__of_a_token_that_has_ended_while_slack_fails(rotating: InstallWorld) -> None:
    rotating.clock.advance(13 * HOUR)
    rotating.slack.oauth.faults.add("oauth.v2.access", ServerError())
    with pytest.raises(SlackUnavailable):
        await rotating.bot.installed.of(NORD_HOME)
    assert (await rotating.bot.installed.of(NORD_HOME)).token.reveal() == rotating.slack[NORD].bot_token


async def test_rotation__that_slack_refuses_for_good(rotating: InstallWorld) -> None:
    await rotating.slack[NORD].revoke_tokens()
    await rotating.done()
    await rotating.install(NORD)
    rotating.slack[NORD]._tokens.void("account_inactive")
    rotating.clock.advance(13 * HOUR)
    with pytest.raises(NotInstalled):
        await rotating.bot.installed.of(NORD_HOME)
    assert (await rotating.bot.installed.of(SUED_HOME)).name == "Südwind & Söhne"


async def test_rotation__survives_who_stops_waiting_for_it(rotating: InstallWorld) -> None:
    """Slack gave the new token and voided the refresh token: the new one must be stored all the same."""
    rotating.clock.advance(13 * HOUR)
    rotating.slack.oauth.faults.add("oauth.v2.access", Slow(0.3))
    waiting = asyncio.create_task(rotating.bot.installed.of(NORD_HOME))
    await until(lambda: rotating.slack.oauth.faults.waiting("oauth.v2.access") == 0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await rotating.bot.installed.close()
    [installation, _] = await rotating.installations.all()
    assert installation.bot_token.reveal() == rotating.slack[NORD].bot_token
    assert rotating.slack[NORD].rotations == 1


async def test_rotation__ack_does_not_wait_for_it(rotating: InstallWorld) -> None:
    rotating.clock.advance(13 * HOUR)
    rotating.slack.oauth.faults.add("oauth.v2.access", Slow(1.5))
    delivery = await rotating.slack[NORD].slash(user="alice", channel="#uploads", text="help")
    assert delivery.ack is not None
    assert rotating.slack[NORD].rotations == 0
    assert "How to use this" in (await delivery.answered()).text
