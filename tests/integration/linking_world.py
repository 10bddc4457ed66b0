"""The linking half of the bot, whole and real: pages on a socket, database, Vaults, identity provider. Only Slack's
side, who a person is and what they are told, is a few lines here."""

import html
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

import httpx
from starlette.applications import Starlette

from bot.demo.clock import DemoClock
from bot.demo.idp import Client, IdpEmulator, Person
from bot.demo.serving import reserved_port
from bot.demo.vault import Domain, VaultEmulator, seed
from bot.demo.vault.identity_provider import PROFILE_ID
from bot.demo.vault.identity_provider import IdentityProvider as ProviderInVault
from bot.idp.provider import IdentityProvider
from bot.model.accounts import Asker, LinkedAccount, LinkMethod, SlackProfile, SlackUser, Vault, Vaults
from bot.model.audit import AuditEntry
from bot.model.secret import Secret
from bot.store.accounts import Accounts
from bot.store.audit import AuditLog
from bot.store.database import Database, database_url
from bot.store.due_work import DueWork
from bot.store.homes import Homes
from bot.store.schema import migrate
from bot.store.seal import Keyring, new_key
from bot.store.tickets import Tickets
from bot.store.vault_versions import VaultVersions
from bot.store.watches import Watches
from bot.usecases.auditing import Auditing
from bot.usecases.homes import HomeCare
from bot.usecases.leaving import Leaving
from bot.usecases.linking import Linking
from bot.usecases.notices import Notices
from bot.vault.client import VaultClient
from bot.vault.pool import http_client
from bot.web.link_pages import LinkPages
from bot.web.oidc_pages import OidcPages
from bot.web.routes import web_app
from bot.web.server import WebServer
from tests.databases import put_tables

TEAM = "T0NORDLICHT"
ALL_METHODS = (LinkMethod.TOKEN, LinkMethod.OIDC, LinkMethod.PASSWORD)
PUBLIC_LOGIN = "https://login.veevavault.com"


def slack_user(person: str) -> SlackUser:
    """One of the seeded people, in Slack."""
    return SlackUser(TEAM, f"U0{person.upper()}", TEAM)


@dataclass(kw_only=True)
class LinkingWorld:
    """Everything that runs, and looks behind the scenes."""

    url: str
    public_url: str
    clock: DemoClock
    vault: VaultEmulator
    idp: IdpEmulator
    db: Database
    keyring: Keyring
    accounts: Accounts
    tickets: Tickets
    versions: VaultVersions
    audit: AuditLog
    due_work: DueWork
    linking: Linking
    leaving: Leaving
    notices: Notices
    provider: IdentityProvider | None
    vaults: Vaults
    emails: dict[str, str]
    names: dict[str, str]
    """What Slack knows; by user id."""
    told: list[tuple[str, str]] = field(default_factory=list)
    """Direct messages: user id and what of."""
    left: set[str] = field(default_factory=set)
    """Ids of people who have left Slack."""
    rows_before: int = 0
    """How many audit rows there were when the test began."""

    def link_url(self, ticket: str) -> str:
        """The page of a ticket, as a browser on this machine reaches it."""
        return f"{self.url}/link?ticket={ticket}"

    async def ticket(self, person: str = "alice", vault: str | None = seed.PROMOMATS) -> str:
        """A fresh ticket for a person."""
        return (await self.linking.start(slack_user(person), vault)).reveal()

    async def account(self, person: str = "alice", vault: str = seed.PROMOMATS) -> LinkedAccount | None:
        """What is stored of a person's link."""
        return await self.accounts.find_one(slack_user(person), self.vaults.named(vault).host)

    async def rows(self) -> list[AuditEntry]:
        """The audit rows of this test, oldest first."""
        return [row.entry async for row in self.audit.rows()][self.rows_before :]

    async def fresh(self) -> Self:
        """Begin another test: nobody is linked or has left, nothing is wrong, all counters are at zero."""
        for person in self.vault.users:
            await self.leaving.forget(Asker(slack_user(person), "CLEANING"), why="another test")
            self.vault.users[person].wrong_passwords = 0
        self.vault.end_sessions()
        self.vault.faults.clear()
        self.idp.faults.clear()
        self.vault.forget_calls()
        self.idp.forget_calls()
        self.told.clear()
        self.left.clear()
        self.rows_before = 0
        self.rows_before = len(await self.rows())
        return self

    def living_sessions(self, person: str) -> int:
        """How many Vault sessions of a person live at this moment."""
        logins, now, owner = self.vault.domain.logins, self.clock.now(), self.vault.users[person]
        living = [logins._living_session(one, now) for one in list(logins._sessions)]
        return sum(one is not None and one.user is owner for one in living)


@asynccontextmanager
async def linking_world(
    folder: Path,
    *,
    methods: tuple[LinkMethod, ...] = ALL_METHODS,
    any_email: bool = False,
    database: str = "",
    public_url: str = "",
    login_is_public: bool = False,
    vaults: tuple[Vault, ...] = (),
    keep_alive: str = "watching",
) -> AsyncIterator[LinkingWorld]:
    """Start it all; time stands still."""
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        clock = DemoClock()
        clock.run_at(0)
        port = stack.enter_context(reserved_port())
        own_url = f"http://127.0.0.1:{port}"
        vault = VaultEmulator(clock=clock, domain=Domain.seeded(clock.now()))
        stack.push_async_callback(vault.stop)
        await vault.start()
        idp = await _idp(stack, clock, vault, f"{public_url or own_url}/link/oidc/callback")
        file = folder / "bot.db"
        if not database and not file.exists():
            put_tables(file)
        db = await stack.enter_async_context(Database.open(database_url(database or f"sqlite:///{file}")))
        await migrate(db)
        keyring = Keyring.parse(new_key())
        http = http_client()
        stack.push_async_callback(http.aclose)
        world = _assembled(
            http, clock=clock, vault=vault, idp=idp, db=db, keyring=keyring, methods=methods,
            any_email=any_email, own_url=own_url, public_url=public_url or own_url,
            login_is_public=login_is_public, more_vaults=vaults,
        )  # fmt: skip
        stack.push_async_callback(world.audit.close)
        server = WebServer(_web(world, methods, keep_alive), host="127.0.0.1", port=port)
        await server.start()
        stack.push_async_callback(server.stop)
        yield world


async def _idp(
    stack: AsyncExitStack, clock: DemoClock, vault: VaultEmulator, redirect_uri: str
) -> IdpEmulator:
    people = [
        Person(
            key=key,
            subject=f"subject-of-{key}",
            name=f"{user.first_name} {user.last_name}",
            email=user.email,
            user_name=user.user_name,
        )
        for key, user in vault.users.items()
    ]
    client = Client(
        id="vault-uploads", name="Vault Uploads", secret="idp-secret", redirect_uris={redirect_uri}
    )
    idp = IdpEmulator(clock=clock, people=people, client=client)
    stack.push_async_callback(idp.stop)
    await idp.start()
    vault.domain.identity_provider = ProviderInVault(idp.issuer, idp.userinfo_url)
    return idp


def _provider(
    http: httpx.AsyncClient, idp: IdpEmulator, public_url: str, clock: DemoClock
) -> IdentityProvider:
    return IdentityProvider(
        http,
        issuer=idp.issuer,
        client_id=idp.client.id,
        client_secret=Secret(idp.client.secret or ""),
        scopes="openid email offline_access",
        redirect_uri=f"{public_url}/link/oidc/callback",
        clock=clock.now,
    )


def _assembled(
    http: httpx.AsyncClient,
    *,
    clock: DemoClock,
    vault: VaultEmulator,
    idp: IdpEmulator,
    db: Database,
    keyring: Keyring,
    methods: tuple[LinkMethod, ...],
    any_email: bool,
    own_url: str,
    public_url: str,
    login_is_public: bool,
    more_vaults: tuple[Vault, ...],
) -> LinkingWorld:
    emails = {slack_user(key).user_id: user.email for key, user in vault.users.items()}
    names = {
        slack_user(key).user_id: f"{user.first_name} {user.last_name}" for key, user in vault.users.items()
    }
    vaults = Vaults((*(Vault(name, one.url) for name, one in vault.vaults.items()), *more_vaults))
    accounts, tickets, versions = Accounts(db, keyring), Tickets(db), VaultVersions(db)
    audit = AuditLog(db, keyring)
    auditing = Auditing(log=audit, clock=clock.now, with_paths=False)
    client = VaultClient(
        http, version="v24.3", client_id="tests", budget=10.0, login_url=next(iter(vault.vaults.values())).url
    )
    told: list[tuple[str, str]] = []
    left: set[str] = set()

    async def profile_of(person: SlackUser) -> SlackProfile:
        return SlackProfile(
            real_name=names[person.user_id], workspace_name="Nordlicht Bio", email=emails[person.user_id]
        )

    async def tell(account: LinkedAccount, kind: str) -> None:
        told.append((account.slack_user.user_id, kind))

    async def is_gone(person: SlackUser) -> bool:
        return person.user_id in left

    async def forget(person: SlackUser) -> None:
        await leaving.forget(Asker(person, "CHECKED2"), why="left Slack")

    leaving = Leaving(
        accounts=accounts,
        tickets=tickets,
        client=client,
        vaults=vaults,
        auditing=auditing,
        watches=Watches(db, keyring),
        homes=HomeCare(homes=Homes(db), due=DueWork(db, clock.now), clock=clock.now),
    )
    notices = Notices(accounts=accounts, clock=clock.now, tell=tell, forget=forget, is_gone=is_gone)
    with_oidc = LinkMethod.OIDC in methods
    provider = _provider(http, idp, public_url, clock) if with_oidc else None
    linking = Linking(
        accounts=accounts, tickets=tickets, client=client, vaults=vaults, clock=clock.now,
        profile_of=profile_of, any_email=any_email, auditing=auditing, notices=notices,
        versions_store=versions, provider=provider,
        profile_id=PROFILE_ID if with_oidc else None, methods=methods, login_is_public=login_is_public,
    )  # fmt: skip
    return LinkingWorld(
        url=own_url, public_url=public_url, clock=clock, vault=vault, idp=idp, db=db, keyring=keyring,
        accounts=accounts, tickets=tickets, versions=versions, audit=audit, due_work=DueWork(db, clock.now),
        linking=linking, leaving=leaving, notices=notices, provider=provider, vaults=vaults,
        emails=emails, names=names, told=told, left=left,
    )  # fmt: skip


def _web(world: LinkingWorld, methods: tuple[LinkMethod, ...], keep_alive: str) -> Starlette:
    async def confirm(account: LinkedAccount) -> bool:
        world.told.append((account.slack_user.user_id, "linked"))
        return True

    pages = LinkPages(
        linking=world.linking, vaults=world.vaults, methods=methods, public_url=world.public_url,
        mac=world.keyring.mac, confirm=confirm, clock=world.clock.now, keep_alive=keep_alive,
    )  # fmt: skip
    oidc = OidcPages(
        pages=pages,
        linking=world.linking,
        provider=world.provider,
        clock=world.clock.now,
        seal=world.keyring.seal,
        unseal=world.keyring.open,
    )
    return web_app(link_pages=pages, oidc_pages=oidc, slack_events=None, checks={})


# The browser's side


@asynccontextmanager
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    """A browser that keeps cookies and follows nothing by itself."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        yield client


def start_links(page: str) -> list[str]:
    """The addresses of the sign-in buttons, as they stand in the page."""
    return [html.unescape(one) for one in re.findall(r'href="([^"]*link/oidc/start[^"]*)"', page)]


def form_fields(page: str, method: str) -> dict[str, str]:
    """The hidden fields of one form."""
    for form in re.findall(r"<form.*?</form>", page, re.DOTALL):
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
        if fields.get("method") == method:
            return fields
    raise LookupError(f"the page has no form for {method}")


async def sent_to_provider(world: LinkingWorld, client: httpx.AsyncClient, ticket: str) -> str:
    """Open the link page, press the button, and return the address at the provider."""
    page = await client.get(world.link_url(ticket))
    assert page.status_code == 200, page.text
    sent = await client.get(str(page.url.join(start_links(page.text)[0])))
    assert sent.status_code == 303, sent.text
    return str(sent.headers["location"])


async def back_from_provider(url: str, person: str) -> str:
    """Sign in at the provider as that person (nobody: cancel) and return the address it sends back to."""
    async with browser() as client:
        page = await client.get(url)
        if page.status_code != 303:
            request = re.findall(r'name="request" value="([^"]+)"', page.text)[0]
            chosen = {"person": person} if person else {"cancel": "yes"}
            page = await client.post(
                f"{url.partition('/authorize')[0]}/sign-in", data={"request": request, **chosen}
            )
    assert page.status_code == 303, page.text
    return str(page.headers["location"])


async def link_by_oidc(
    world: LinkingWorld, client: httpx.AsyncClient, ticket: str, person: str = "alice"
) -> httpx.Response:
    """The whole way."""
    return await client.get(await back_from_provider(await sent_to_provider(world, client, ticket), person))


def parameters(url: str) -> Mapping[str, str]:
    """The query, each name once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
