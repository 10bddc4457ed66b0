"""One bot for many workspaces: installed by OAuth, each served with its own token, each forgotten when it leaves."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from bot.demo.bot_process import BotProcess
from bot.demo.clock import DemoClock
from bot.demo.serving import reserved_port
from bot.demo.slack import Channel, Message, SlackWorkspaces, User, Workspace
from bot.demo.slack.workspace import BOT_USER_ID
from bot.demo.vault import Domain, VaultEmulator, seed
from bot.demo.workspace import hidden_fields, link_address
from bot.manifest import filled_in
from bot.model.accounts import AccountSummary
from bot.model.errors import NotInstalled, OtherWorkspace
from bot.store.accounts import Accounts
from bot.store.database import Database, database_url
from bot.store.installations import Installations
from bot.store.seal import Keyring, new_key
from tests.acceptance.steps import browser, buttons, until

NORD, SUED = "nordlicht", "suedwind"
PLACES = {NORD: "#trial-uploads", SUED: "#uploads"}
UPLOADS = {"alice": seed.CHOLECAP, "bob": seed.BOB_ARCHIVE}


@dataclass(kw_only=True)
class Many:
    """Two workspaces, a Vault, and one or two bots."""

    clock: DemoClock
    slack: SlackWorkspaces
    vault: VaultEmulator
    bots: list[BotProcess]
    settings: Mapping[str, str]

    async def install(self, place: str, answer: str = "allow") -> httpx.Response:
        """Install the app as an administrator does; return the page at the end."""
        async with browser() as client:
            asked = await client.get(f"{self.bots[0].url}/slack/install")
            assert asked.status_code == 303, asked.text
            url = asked.headers["location"]
            sent = await client.post(url.partition("?")[0], data=self.slack.answer(url, place, answer))
            return await client.get(sent.headers["location"])

    async def ask(self, domain: str, person: str, text: str) -> Message:
        """Type a command and return the one answer."""
        delivery = await self.slack[domain].slash(user=person, channel=PLACES[domain], text=text)
        answer = await delivery.answered(timeout=60)
        assert delivery.error is None
        return answer

    async def link(self, domain: str, person: str) -> None:
        """Link an account by password, so that there is a Vault session to be ended."""
        address = link_address(await self.ask(domain, person, "link"))
        async with browser() as client:
            fields = hidden_fields((await client.get(address)).text, "password")
            fields |= {"username": self.vault.users[person].user_name, "password": seed.PASSWORDS[person]}
            page = await client.post(f"{self.bots[0].url}/link", data=fields)
        assert page.status_code == 200, page.text

    def sessions(self, person: str) -> int:
        """How many Vault sessions of that person live."""
        logins, now, owner = self.vault.domain.logins, self.clock.now(), self.vault.users[person]
        living = [logins._living_session(one, now) for one in list(logins._sessions)]
        return sum(one is not None and one.user is owner for one in living)

    async def linked(self) -> list[AccountSummary]:
        """Who has a link, by the database."""
        async with Database.open(database_url(self.settings["DATABASE_URL"])) as db:
            return await Accounts(db, Keyring.parse(self.settings["ENCRYPTION_KEYS"])).summaries()

    async def installed_in(self) -> list[str]:
        """Where the app is installed, by the database."""
        async with Database.open(database_url(self.settings["DATABASE_URL"])) as db:
            found = await Installations(db, Keyring.parse(self.settings["ENCRYPTION_KEYS"])).all()
        return [one.workspace for one in found]

    async def until_unlinked(self, user_id: str) -> None:
        """Wait until nothing of that person is left."""
        async with asyncio.timeout(60):
            while user_id in {one.slack_user.user_id for one in await self.linked()}:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def until_removed(self, workspace: str) -> None:
        """Wait until the installation is gone: the last thing that is done when a workspace leaves."""
        async with asyncio.timeout(60):
            while workspace in await self.installed_in():  # noqa: ASYNC110 - another process removes it
                await asyncio.sleep(0.05)


@asynccontextmanager
async def many(
    folder: Path, *, bots: int = 1, rotating: bool = False, database: str | None = None
) -> AsyncIterator[Many]:
    """Start it all; the app is installed nowhere."""
    async with AsyncExitStack() as stack:
        clock = DemoClock(folder / "clock.json")
        vault = VaultEmulator(clock=clock, domain=Domain.seeded(clock.now()))
        await vault.start()
        stack.push_async_callback(vault.stop)
        bob = User("U0BOBBY", "bob", "Bob Tanaka", vault.users["bob"].email, "UTC", "T0SUEDWIND")
        app = User(BOT_USER_ID, "vault_uploads", "Vault Uploads", None, "UTC", "T0SUEDWIND", is_bot=True)
        channel = Channel("C0UPLOADS", "uploads", {bob.id, app.id})
        suedwind = Workspace([bob, app], [channel], "Südwind", SUED, team_id="T0SUEDWIND")
        ports = [stack.enter_context(reserved_port()) for _ in range(bots)]
        public_url = f"http://127.0.0.1:{ports[0]}"
        slack = SlackWorkspaces(
            [Workspace.seeded(), suedwind],
            clock=clock,
            manifest=yaml.safe_load(filled_in(public_url)),
            rotating=rotating,
        )
        await slack.start()
        stack.push_async_callback(slack.stop)
        slack.send_to(f"{public_url}/slack/events")
        name, place = next((name, one.url) for name, one in vault.vaults.items() if name == seed.PROMOMATS)
        settings = {
            "SLACK_CLIENT_ID": slack.credentials.client_id,
            "SLACK_CLIENT_SECRET": slack.credentials.client_secret,
            "SLACK_WORKSPACES": "T0NORDLICHT,T0SUEDWIND",
            "SLACK_SIGNING_SECRET": slack.credentials.signing_secret,
            "SLACK_API_URL": slack.api_url,
            "PUBLIC_URL": public_url,
            "VAULTS": f"{name}={place}",
            "VAULT_LOGIN_URL": place,
            "DATABASE_URL": database or f"sqlite:///{folder / 'bot.db'}",
            "ENCRYPTION_KEYS": new_key(),
            "DEMO_CLOCK_FILE": str(folder / "clock.json"),
            "LOG_FORMAT": "json",
        }
        processes = []
        for number, port in enumerate(ports):
            home = folder / f"bot {number}"
            home.mkdir()
            processes.append(BotProcess(settings, home, port))
            stack.push_async_callback(processes[-1].stop)
        await asyncio.gather(*(one.start() for one in processes))
        yield Many(clock=clock, slack=slack, vault=vault, bots=processes, settings=settings)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Many]:
    """One bot on SQLite."""
    async with many(tmp_path) as running:
        running.clock.run_at(0)
        yield running


async def test_two_workspaces__each_lives_its_own_life(world: Many) -> None:
    """Installed, linked, answered and told with its own token; one leaves, the other goes on."""
    for domain, name in ((NORD, "Nordlicht Bio"), (SUED, "Südwind")):
        page = await world.install(domain)
        assert page.status_code == 200
        assert f"Installed in {name}" in page.text
    for domain, person in ((NORD, "alice"), (SUED, "bob")):
        await world.link(domain, person)
        card = await world.ask(domain, person, UPLOADS[person])
        assert any(one["action_id"] == "refresh" for one in buttons(card))
        told = [one.text for one in world.slack[domain].seen_by(person, "dm")]
        assert len(told) == 1
        assert "is now linked" in told[0]
        assert world.sessions(person) == 1
    assert sum(one.what.endswith("auth.test") for one in world.slack[NORD].log) == 1
    await world.slack[NORD].uninstall()
    await world.until_removed("T0NORDLICHT")
    await until(lambda: world.sessions("alice") == 0, "Alice's Vault session is ended")
    assert await world.installed_in() == ["T0SUEDWIND"]
    assert [one.slack_user.user_id for one in await world.linked()] == ["U0BOBBY"]
    assert world.sessions("bob") == 1
    refreshed = await world.ask(SUED, "bob", UPLOADS["bob"])
    assert any(one["action_id"] == "refresh" for one in buttons(refreshed))


async def test_install__cancelled_changes_nothing(world: Many) -> None:
    page = await world.install(NORD, "cancel")
    assert "cancelled in Slack" in page.text
    assert await world.installed_in() == []
    assert world.slack[NORD].installed is False


async def test_outsider__is_refused_politely(world: Many) -> None:
    """Gina is of another company, met in a shared channel: her command comes with her own workspace."""
    await world.install(NORD)
    answer = await world.ask(NORD, "gina", "list")
    assert answer.text in (
        f"{NotInstalled.what} {NotInstalled.next_step}",
        f"{OtherWorkspace.what} {OtherWorkspace.next_step}",
    )
    assert answer.visible_to == "U0GINA"
    assert "not linked" in (await world.ask(NORD, "alice", "list")).text


async def test_guest__may_link_as_anyone(world: Many) -> None:
    await world.install(NORD)
    people = world.slack[NORD].workspace.users
    people["U0ALICE"] = replace(people["U0ALICE"], is_restricted=True)
    await world.link(NORD, "alice")
    assert "31%" in (await world.ask(NORD, "alice", seed.CHOLECAP)).text


async def test_deactivated_person__is_forgotten(world: Many) -> None:
    await world.install(NORD)
    await world.link(NORD, "alice")
    await world.link(NORD, "bob")
    await world.slack[NORD].deactivate("alice")
    await world.until_unlinked("U0ALICE")
    await until(lambda: world.sessions("alice") == 0, "her Vault session is ended")
    assert [one.slack_user.user_id for one in await world.linked()] == ["U0BOB"]
    assert "archive.tar.gz" in (await world.ask(NORD, "bob", seed.BOB_ARCHIVE)).text


async def test_reinstalled__works_again_from_the_start(world: Many) -> None:
    await world.install(NORD)
    await world.link(NORD, "alice")
    await world.slack[NORD].uninstall()
    await world.until_removed("T0NORDLICHT")
    await world.install(NORD)
    assert "not linked" in (await world.ask(NORD, "alice", "list")).text
    await world.link(NORD, "alice")
    assert "31%" in (await world.ask(NORD, "alice", seed.CHOLECAP)).text


async def test_token__that_ends_is_rotated_once_by_two_replicas(tmp_path: Path, postgres_url: str) -> None:
    async with many(tmp_path, bots=2, rotating=True, database=postgres_url) as world:
        world.clock.run_at(0)
        await world.install(NORD)
        await world.link(NORD, "alice")
        slack = world.slack[NORD]
        for rotations in (1, 2):
            # The link of 48 hours lives on; the Slack token of 12 does not.
            world.clock.advance(timedelta(hours=13))
            deliveries = []
            for number in range(8):
                slack.request_url = f"{world.bots[number % 2].url}/slack/events"
                deliveries.append(await slack.slash(user="alice", channel=PLACES[NORD], text="link"))
            for delivery in deliveries:
                assert "Link your Vault account" in (await delivery.answered(timeout=60)).text
                assert delivery.ack is not None
            assert slack.rotations == rotations
        told = len(slack.seen_by("alice", "dm"))
        await world.link(NORD, "alice")
        assert len(slack.seen_by("alice", "dm")) == told + 1
        for one in world.bots:
            assert slack.bot_token not in one.log_text()
