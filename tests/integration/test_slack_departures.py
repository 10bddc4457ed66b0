"""Workspaces that remove the app and people whose Slack account goes: forgotten, once Slack confirms it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import structlog

from bot.demo.slack import ServerError
from bot.model.accounts import LinkedAccount, LinkMethod, SlackUser
from bot.model.audit import Action, AuditEntry
from bot.model.errors import NotInstalled, StoreUnreadable
from bot.slack.calls import SlackHome
from bot.slack.departures import DEACTIVATED, UNINSTALLED
from bot.store.database import Database
from bot.store.seal import Keyring
from tests.databases import linked
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
ANNA = SlackUser(TEAMS[NORD], "U0ANNA", TEAMS[NORD])
BEN = SlackUser(TEAMS[SUED], "U0BEN", TEAMS[SUED])
OLGA = SlackUser(ENTERPRISE, "U0OLGA", TEAMS[OST])
NILS = SlackUser(ENTERPRISE, "U0NILS", TEAMS[NORD])


@pytest.fixture
async def world(db: Database, keyring: Keyring) -> AsyncIterator[InstallWorld]:
    """The app is in two workspaces; Alice, Anna and Ben have linked an account."""
    gina = a_person("gina", SUED, is_stranger=True)
    nord = a_workspace(NORD, a_person("alice", NORD), a_person("anna", NORD), gina)
    sued = a_workspace(SUED, a_person("ben", SUED), a_person("gina", SUED))
    async with install_world(db, keyring, nord, sued) as running:
        running.clock.run_at(0)
        await running.install(NORD)
        await running.install(SUED)
        await link(running, ALICE, ANNA, BEN)
        yield running


async def link(world: InstallWorld, *people: SlackUser) -> None:
    """Store an account of theirs, by token: ending it needs no Vault."""
    for person in people:
        account: LinkedAccount = linked(person)
        assert account.method is LinkMethod.TOKEN
        await world.accounts.save(account)


async def still_linked(world: InstallWorld) -> set[str]:
    """Ids of the people who have an account."""
    return {one.slack_user.user_id for one in await world.accounts.summaries()}


async def rows_of(world: InstallWorld, *actions: Action) -> list[AuditEntry]:
    """Rows of these kinds, oldest first."""
    return [row for row in await world.rows() if row.action in actions]


async def test_uninstall__forgets_the_workspace_and_no_other(world: InstallWorld) -> None:
    for delivery in await world.slack[NORD].uninstall():
        assert delivery.error is None
    await world.done()
    assert await still_linked(world) == {"U0BEN"}
    assert [one.workspace for one in await world.installations.all()] == [TEAMS[SUED]]
    with pytest.raises(NotInstalled):
        await world.bot.installed.of(SlackHome(None, TEAMS[NORD]))
    assert "How to use this" in (await world.ask(SUED, "ben")).text
    forgotten = await rows_of(world, Action.FORGET)
    assert {(row.slack_user_id, row.note) for row in forgotten} == {
        ("U0ALICE", UNINSTALLED),
        ("U0ANNA", UNINSTALLED),
    }
    removed = await rows_of(world, Action.UNINSTALL)
    assert {(row.workspace, row.team_id, row.slack_user_id) for row in removed} == {
        (TEAMS[NORD], TEAMS[NORD], "")
    }


async def test_uninstall__told_again_later_changes_nothing(world: InstallWorld) -> None:
    await world.slack[NORD].uninstall()
    await world.done()
    before = await world.rows()
    await world.slack[NORD].event({"type": "app_uninstalled"})
    await world.done()
    assert await world.rows() == before
    assert await still_linked(world) == {"U0BEN"}


async def test_uninstall__word_of_it_that_comes_after_a_new_install(world: InstallWorld) -> None:
    """Slack repeats what was not acknowledged for hours: by then people may have linked again."""
    slack = world.slack[NORD]
    slack._tokens.void("account_inactive")
    await world.install(NORD)
    await slack.event({"type": "app_uninstalled"})
    await slack.event({"type": "tokens_revoked", "tokens": {"bot": ["U0UPLOADS"]}})
    await world.done()
    assert await still_linked(world) == {"U0ALICE", "U0ANNA", "U0BEN"}
    assert len(await world.installations.all()) == 2


async def test_tokens_revoked__of_people_alone_is_nothing(world: InstallWorld) -> None:
    await world.slack[NORD].event({"type": "tokens_revoked", "tokens": {"oauth": ["U0ALICE"]}})
    await world.done()
    assert len(await still_linked(world)) == 3


async def test_tokens_revoked__ends_the_installation(world: InstallWorld) -> None:
    await world.slack[NORD].revoke_tokens()
    await world.done()
    assert await still_linked(world) == {"U0BEN"}
    [row] = await rows_of(world, Action.UNINSTALL)
    assert row.note == "tokens_revoked"


async def test_uninstall__while_slack_fails_for_a_moment(world: InstallWorld) -> None:
    """An acknowledged event does not come again, so the work itself is patient."""
    slack = world.slack[NORD]
    slack.faults.add("auth.test", ServerError(), times=4)
    slack._tokens.void("account_inactive")
    await slack.event({"type": "app_uninstalled"})
    await world.done()
    assert slack.faults.waiting("auth.test") == 0
    assert await still_linked(world) == {"U0BEN"}


async def test_uninstall__seen_by_the_other_replica_too(world: InstallWorld) -> None:
    other = await world.another_bot()
    await other.of(SlackHome(None, TEAMS[NORD]))
    await world.slack[NORD].uninstall()
    await world.done()
    world.clock.advance(timedelta(minutes=1))
    with pytest.raises(NotInstalled):
        await other.of(SlackHome(None, TEAMS[NORD]))


async def test_deactivated__person_is_forgotten(world: InstallWorld) -> None:
    assert (await world.slack[NORD].deactivate("alice")).error is None
    await world.done()
    assert await still_linked(world) == {"U0ANNA", "U0BEN"}
    [row] = await rows_of(world, Action.FORGET)
    assert (row.slack_user_id, row.note) == ("U0ALICE", DEACTIVATED)


async def test_deactivated__who_is_back_by_the_time_we_hear_of_it(world: InstallWorld) -> None:
    gone = {"id": "U0ALICE", "team_id": TEAMS[NORD], "deleted": True}
    await world.slack[NORD].event({"type": "user_change", "user": gone})
    await world.done()
    assert len(await still_linked(world)) == 3


async def test_changed__profile_costs_nothing(world: InstallWorld) -> None:
    before = world.calls(NORD, "users.info")
    person = {"id": "U0ALICE", "team_id": TEAMS[NORD], "deleted": False, "real_name": "Alice B."}
    await world.slack[NORD].event({"type": "user_change", "user": person})
    await world.done()
    assert world.calls(NORD, "users.info") == before
    assert len(await still_linked(world)) == 3


async def test_deactivated__who_never_used_the_app_costs_no_call(world: InstallWorld) -> None:
    before = world.calls(NORD, "users.info")
    await world.slack[NORD].deactivate("gina")
    await world.slack[SUED].deactivate("gina")
    await world.done()
    assert world.calls(NORD, "users.info") == before
    assert await rows_of(world, Action.FORGET) == []


async def test_deactivated__here_but_not_in_their_own_workspace(world: InstallWorld) -> None:
    """Somebody met in a shared channel, which is no longer shared: their own workspace knows better."""
    await link(world, SlackUser(TEAMS[SUED], "U0GINA", TEAMS[SUED]))
    await world.slack[NORD].deactivate("gina")
    await world.done()
    assert "U0GINA" in await still_linked(world)
    await world.slack[SUED].deactivate("gina")
    await world.done()
    assert "U0GINA" not in await still_linked(world)


async def test_event__that_comes_to_nothing_is_in_the_log(
    world: InstallWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise StoreUnreadable(place="bot.db", reason="damaged")

    monkeypatch.setattr(world.accounts, "people_of_workspace", fail)
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await world.slack[NORD].uninstall()
        await world.done()
    failed = [line for line in lines if line["event"] == "event came to nothing"]
    assert {line["kind"] for line in failed} == {"app_uninstalled", "tokens_revoked"}
    assert all(len(line["reference"]) == 8 for line in failed)
    # What was not done can still be done.
    assert len(await world.installations.all()) == 2


# Organisations


@pytest.fixture
async def organisation(db: Database, keyring: Keyring) -> AsyncIterator[InstallWorld]:
    """Two teams of one organisation; Olga and Nils have linked an account, Ben is elsewhere."""
    nord = a_workspace(NORD, a_person("nils", NORD, enterprise_id=ENTERPRISE), enterprise_id=ENTERPRISE)
    ost = a_workspace(OST, a_person("olga", OST, enterprise_id=ENTERPRISE), enterprise_id=ENTERPRISE)
    sued = a_workspace(SUED, a_person("ben", SUED))
    async with install_world(db, keyring, ost, nord, sued) as running:
        running.clock.run_at(0)
        await running.install(SUED)
        await link(running, OLGA, NILS, BEN)
        yield running


async def test_uninstall__from_the_whole_organisation(organisation: InstallWorld) -> None:
    await organisation.install(ENTERPRISE)
    await organisation.slack[OST].uninstall()
    await organisation.done()
    assert await still_linked(organisation) == {"U0BEN"}
    assert [one.workspace for one in await organisation.installations.all()] == [TEAMS[SUED]]


async def test_uninstall__from_one_of_several_teams(organisation: InstallWorld) -> None:
    """The app goes on in the other team: the people of that one stay."""
    await organisation.install(OST)
    await organisation.install(NORD)
    await organisation.slack[OST].uninstall()
    await organisation.done()
    assert await still_linked(organisation) == {"U0NILS", "U0BEN"}
    await organisation.slack[NORD].uninstall()
    await organisation.done()
    assert await still_linked(organisation) == {"U0BEN"}


async def test_deactivated__in_an_organisation(organisation: InstallWorld) -> None:
    await organisation.install(ENTERPRISE)
    await organisation.slack[OST].deactivate("olga")
    await organisation.done()
    assert await still_linked(organisation) == {"U0NILS", "U0BEN"}


async def test_uninstall__from_the_organisation_but_not_from_a_team_with_its_own(
    organisation: InstallWorld,
) -> None:
    """The org-wide installation ends; the app goes on in the team that installed it by itself."""
    await organisation.install(ENTERPRISE)
    slack = organisation.slack[OST]
    org_wide = slack.bot_token
    await organisation.install(NORD)
    assert org_wide != organisation.slack[NORD].bot_token
    await slack.uninstall()
    await organisation.done()
    assert await still_linked(organisation) == {"U0NILS", "U0BEN"}
    assert {one.workspace for one in await organisation.installations.all()} == {TEAMS[SUED], TEAMS[NORD]}


async def test_uninstall__from_the_organisation_where_a_teams_own_works_no_more(
    organisation: InstallWorld,
) -> None:
    await organisation.install(ENTERPRISE)
    await organisation.install(NORD)
    organisation.slack[NORD]._tokens.void("account_inactive")
    await organisation.slack[OST].uninstall()
    await organisation.done()
    assert await still_linked(organisation) == {"U0BEN"}
