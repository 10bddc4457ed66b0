"""The bot's Slack side, whole and real: install pages, Slack's endpoint, Bolt, tokens, database; one Slack with
several workspaces before it. Vault is not needed: nobody asks for an upload."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import httpx
import yaml
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.routing import Route

from bot.demo.clock import DemoClock
from bot.demo.serving import LoopbackServer, reserved_port
from bot.demo.slack import Channel, Message, SlackWorkspaces, User, Workspace
from bot.demo.slack.workspace import BOT_USER_ID
from bot.manifest import bot_scopes, filled_in
from bot.model.accounts import Vault, Vaults
from bot.model.audit import AuditEntry
from bot.model.secret import Secret
from bot.slack.blocks.upload_status import Look
from bot.slack.bolt import bolt_app
from bot.slack.departures import Departures
from bot.slack.failures import Failures
from bot.slack.installed import ManyWorkspaces
from bot.slack.listeners import register
from bot.slack.people import People
from bot.slack.replies import Replies, retry_handlers
from bot.slack.views import Views
from bot.slack.work import Work
from bot.store.accounts import Accounts
from bot.store.audit import AuditLog
from bot.store.database import Database
from bot.store.install_states import InstallStates
from bot.store.installations import Installations
from bot.store.leases import Leases
from bot.store.once import Once
from bot.store.seal import Keyring
from bot.store.tickets import Tickets
from bot.store.watches import Watches
from bot.usecases.auditing import Auditing
from bot.usecases.leaving import Leaving
from bot.vault.client import VaultClient
from bot.vault.pool import http_client
from bot.web.slack_events import SlackEvents
from bot.web.slack_install import InstallPages
from tests.factories import HOUR

ENTERPRISE = "E0GROUP"
NORD, SUED, OST = "nordlicht", "suedwind", "ostlicht"
TEAMS = {NORD: "T0NORDLICHT", SUED: "T0SUEDWIND", OST: "T0OSTLICHT"}


def a_workspace(domain: str, *people: User, enterprise_id: str | None = None) -> Workspace:
    """A small workspace with one channel, #uploads."""
    team_id = TEAMS[domain]
    admin = User(
        f"U0{domain.upper()}", "admin", "Ada Min", None, "UTC", team_id, is_admin=True,
        enterprise_id=enterprise_id,
    )  # fmt: skip
    bot = User(BOT_USER_ID, "vault_uploads", "Vault Uploads", None, "UTC", team_id, is_bot=True)
    everyone = [admin, *people, bot]
    channel = Channel(f"C0{domain.upper()}", "uploads", {one.id for one in everyone})
    name = {NORD: "Nordlicht Bio", SUED: "Südwind & Söhne", OST: "Ostlicht"}[domain]
    return Workspace(everyone, [channel], name, domain, team_id=team_id, enterprise_id=enterprise_id)


def a_person(name: str, domain: str, **more: Any) -> User:
    """Somebody of that team."""
    return User(f"U0{name.upper()}", name, name.title(), f"{name}@x.example", "UTC", TEAMS[domain], **more)


@dataclass(kw_only=True)
class Bot:
    """One replica: what it is made of, and where it is reached."""

    url: str
    client: AsyncWebClient
    installed: ManyWorkspaces
    people: People
    replies: Replies
    work: Work


@dataclass(kw_only=True)
class InstallWorld:
    """All that runs, and looks behind the scenes."""

    clock: DemoClock
    slack: SlackWorkspaces
    bot: Bot
    db: Database
    accounts: Accounts
    installations: Installations
    leases: Leases
    audit: AuditLog
    stack: AsyncExitStack = field(repr=False)

    async def install(self, place: str) -> httpx.Response:
        """Install the app as an administrator with a browser would; return the page at the end."""
        async with browser() as client:
            asked = await client.get(f"{self.bot.url}/slack/install")
            back = await self.allow(client, asked.headers["location"], place)
            return await client.get(back)

    async def allow(
        self, client: httpx.AsyncClient, authorize_url: str, place: str, answer: str = "allow"
    ) -> str:
        """Answer Slack's page; return the address that Slack sends the browser back to."""
        page = await client.get(authorize_url)
        assert page.status_code == 200, page.text
        form = self.slack.answer(authorize_url, place, answer)
        sent = await client.post(authorize_url.partition("?")[0], data=form)
        assert sent.status_code == 302, sent.text
        return str(sent.headers["location"])

    async def ask(self, domain: str, person: str, text: str = "help") -> Message:
        """Type a command and return its one answer."""
        delivery = await self.slack[domain].slash(user=person, channel="#uploads", text=text)
        answer = await delivery.answered()
        assert delivery.error is None
        return answer

    async def done(self) -> None:
        """Wait until the bot has nothing under way."""
        await self.bot.work.drain(20)

    async def rows(self) -> list[AuditEntry]:
        """The audit log, oldest first."""
        return [row.entry async for row in self.audit.rows()]

    def calls(self, domain: str, method: str) -> int:
        """How often the bot has called that method with a token of that workspace."""
        return sum(one.what.endswith(f"/api/{method}") for one in self.slack[domain].log)

    async def another_bot(self) -> ManyWorkspaces:
        """What a second replica knows of installations."""
        many = ManyWorkspaces(
            installations=self.installations,
            leases=Leases(self.db),
            client=self.bot.client,
            client_id=self.slack.credentials.client_id,
            client_secret=Secret(self.slack.credentials.client_secret),
            clock=self.clock.now,
        )
        self.stack.push_async_callback(many.close)
        return many


@asynccontextmanager
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    """A browser that does not follow redirects by itself."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        yield client


@asynccontextmanager
async def install_world(
    db: Database, keyring: Keyring, *workspaces: Workspace, rotating: bool = False
) -> AsyncIterator[InstallWorld]:
    """Serve it all on loopback; nothing is installed yet."""
    async with AsyncExitStack() as stack:
        clock = DemoClock()
        port = stack.enter_context(reserved_port())
        url = f"http://127.0.0.1:{port}"
        slack = SlackWorkspaces(
            workspaces, clock=clock, manifest=yaml.safe_load(filled_in(url)), rotating=rotating
        )
        await slack.start()
        stack.push_async_callback(slack.stop)
        slack.send_to(f"{url}/slack/events")
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)))
        client = AsyncWebClient(base_url=slack.api_url, session=http, retry_handlers=retry_handlers())
        installations, leases = Installations(db, keyring), Leases(db)
        audit = AuditLog(db, keyring)
        stack.push_async_callback(audit.close)
        auditing = Auditing(log=audit, clock=clock.now, with_paths=False)
        installed = ManyWorkspaces(
            installations=installations,
            leases=leases,
            client=client,
            client_id=slack.credentials.client_id,
            client_secret=Secret(slack.credentials.client_secret),
            clock=clock.now,
        )
        stack.push_async_callback(installed.close)
        accounts, vaults = Accounts(db, keyring), Vaults((Vault("promomats", "https://promomats.example"),))
        people = People(client=client, installed=installed, clock=clock.now)
        replies = Replies(client=client, http=http, installed=installed)
        vault_client = VaultClient(
            await stack.enter_async_context(http_client()),
            version="v24.3",
            client_id="test",
            budget=5,
            login_url="https://login.example",
        )
        leaving = Leaving(
            accounts=accounts,
            tickets=Tickets(db),
            client=vault_client,
            vaults=vaults,
            auditing=auditing,
            watches=Watches(db, keyring),
        )
        departures = Departures(
            installed=installed, people=people, leaving=leaving, accounts=accounts, auditing=auditing
        )

        def look() -> Look:
            return Look(now=clock.now(), stall_after=HOUR, several_vaults=False)

        # Nobody here asks for more than help: what else listeners work with is left out.
        given: Any = SimpleNamespace(
            departures=departures, vault_names=("promomats",), look=look, allow_abort=False
        )
        failures = Failures(link_url=cast("Any", None), vault_names=("promomats",), look=look)
        work = Work(
            replies=replies,
            failures=failures,
            installed=installed,
            people=people,
            auditing=auditing,
            views=Views(client=client, installed=installed),
            once=Once(db, clock.now),
        )
        app = bolt_app(client, installed)
        register(app, work, given)
        events = SlackEvents(
            dispatch=app.async_dispatch,
            signing_secret=Secret(slack.credentials.signing_secret),
            clock=clock.now,
        )
        pages = InstallPages(
            installed=installed,
            states=InstallStates(db),
            auditing=auditing,
            client=client,
            client_id=slack.credentials.client_id,
            client_secret=Secret(slack.credentials.client_secret),
            scopes=bot_scopes(),
            public_url=url,
            slack_api_url=slack.api_url,
            clock=clock.now,
        )
        server = LoopbackServer()
        routes = [Route("/slack/events", events.endpoint, methods=["POST"]), *pages.routes()]
        await server.start(Starlette(routes=routes), port)
        stack.push_async_callback(server.stop)
        assert server.url == url
        bot = Bot(url=url, client=client, installed=installed, people=people, replies=replies, work=work)
        yield InstallWorld(
            clock=clock, slack=slack, bot=bot, db=db, accounts=accounts, installations=installations,
            leases=leases, audit=audit, stack=stack,
        )  # fmt: skip
        await work.drain(20)
