"""The composition root: makes every piece once, opens and closes them in order, knows no rules."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette

from bot.clocks import clock_for
from bot.config import Config
from bot.model.accounts import LinkedAccount, SlackUser, Vaults
from bot.model.clock import Clock
from bot.slack.blocks import linking as linking_blocks
from bot.slack.blocks.upload_status import Look
from bot.slack.failures import Failures
from bot.slack.listeners import register
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.replies import NotDelivered, Replies, retry_handlers
from bot.slack.socket_mode import SocketMode
from bot.slack.work import Work
from bot.slack.workspace import People, Workspace, find_workspace
from bot.store.accounts import Accounts
from bot.store.database import Database, database_url, ping
from bot.store.schema import check_keys, migrate
from bot.store.seal import Keyring
from bot.store.tickets import Tickets
from bot.usecases.acting import Acting
from bot.usecases.linking import Linking
from bot.usecases.upload_status import UploadStatuses
from bot.vault.client import VaultClient
from bot.vault.pool import http_client
from bot.web.link_pages import Confirm, LinkPages
from bot.web.routes import Check, web_app
from bot.web.server import WebServer
from bot.web.slack_events import SlackEvents

log = structlog.get_logger()

STOP_SECONDS = 23.0
"""From the signal until the last answer is cancelled; what then remains takes less than two."""
VAULT_SECONDS = 15.0
"""Less than an answer may take in all, so that a slow Vault is named as what it is."""
CONFIRM_SECONDS = 5.0
"""Slack may ask to be called again later; nobody waits before the page for that."""
SLACK_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """The opened process: what serves the web, what hears Slack, and what is under way."""

    web: Starlette
    socket_mode: SocketMode | None
    work: Work


@asynccontextmanager
async def build(config: Config, started: asyncio.Event) -> AsyncIterator[Running]:
    """Open everything that `config` names and yield it running; close it all at the end.

    Nothing calls itself ready before `started` is set.

    StoreError when the database cannot be used, SlackRefused when Slack does not know the token.
    """
    async with AsyncExitStack() as stack:
        clock = clock_for(config.demo_clock_file)
        vaults = Vaults(config.vaults)
        keyring = Keyring.parse(config.encryption_keys.reveal())
        database = await stack.enter_async_context(Database.open(database_url(config.database_url.reveal())))
        await check_keys(database, keyring)
        await migrate(database)
        slack_http = await stack.enter_async_context(aiohttp.ClientSession(timeout=SLACK_TIMEOUT))
        slack = _slack_client(config, slack_http, config.slack_bot_token.reveal())
        workspace = await find_workspace(slack)
        http = await stack.enter_async_context(http_client())
        client = VaultClient(
            http, version=config.vault_api_version, client_id=config.vault_client_id, budget=VAULT_SECONDS
        )
        accounts = Accounts(database, keyring)
        replies = Replies(client=slack, http=slack_http)
        linking = Linking(
            accounts=accounts,
            tickets=Tickets(database),
            client=client,
            vaults=vaults,
            clock=clock,
            profile_of=People(client=slack, workspace=workspace).profile_of,
            any_email=config.link_any_email,
        )
        statuses = UploadStatuses(
            acting=Acting(accounts=accounts, vaults=vaults),
            client=client,
            clock=clock,
            stall_after=config.stall_after,
        )
        given = _collaborators(config, statuses, linking, vaults, clock)
        failures = Failures(link_url=given.link_url, vault_names=given.vault_names, look=given.look)
        work = Work(replies=replies, failures=failures, workspace=workspace)
        app = _bolt_app(config, _slack_client(config, slack_http), workspace)
        register(app, work, given)
        socket_mode = None
        if config.slack_app_token is not None:
            socket_mode = SocketMode(app, config.slack_app_token, slack)
            stack.push_async_callback(socket_mode.close)
        pages = LinkPages(
            linking=linking,
            vaults=vaults,
            methods=config.link_methods,
            public_url=config.public_url,
            mac=keyring.mac,
            confirm=_confirmer(replies, vaults),
        )
        web = web_app(
            link_pages=pages,
            slack_events=_slack_events(config, app, clock),
            checks=_checks(database, socket_mode, started),
        )
        yield Running(web=web, socket_mode=socket_mode, work=work)


async def serve(config: Config, stop: asyncio.Event, started: asyncio.Event) -> None:
    """Set `started` when all is open; run until `stop` is set, then take no more work, finish, and close.

    CannotListen when the address is taken; else as `build`.
    """
    async with build(config, started) as running:
        # What lives from here to the end need not be looked at by each garbage collection again.
        gc.collect()
        gc.freeze()
        server = WebServer(running.web, host=config.host, port=config.port)
        await server.start()
        try:
            if running.socket_mode is not None:
                await running.socket_mode.connect()
            started.set()
            log.info("ready", mode="socket" if config.socket_mode else "http", public_url=config.public_url)
            await stop.wait()
            log.info("stopping", under_way=running.work.count)
        finally:
            # First the ways in, then the work: what was acknowledged until the last moment is answered too.
            deadline = asyncio.get_running_loop().time() + STOP_SECONDS
            if running.socket_mode is not None:
                await running.socket_mode.close()
            await server.stop()
            await running.work.drain(deadline - asyncio.get_running_loop().time())
    log.info("stopped")


def _collaborators(
    config: Config, statuses: UploadStatuses, linking: Linking, vaults: Vaults, clock: Clock
) -> Collaborators:
    async def link_url(slack_user: SlackUser, vault_name: str | None) -> str:
        ticket = await linking.start(slack_user, vault_name)
        return f"{config.public_url}/link?ticket={ticket.reveal()}"

    def look() -> Look:
        return Look(now=clock(), stall_after=config.stall_after, several_vaults=vaults.several)

    return Collaborators(
        statuses=statuses, linking=linking, link_url=link_url, vaults=vaults, clock=clock, look=look
    )


def _slack_client(config: Config, http: aiohttp.ClientSession, token: str | None = None) -> AsyncWebClient:
    return AsyncWebClient(
        token=token, base_url=config.slack_api_url, session=http, retry_handlers=retry_handlers()
    )


def _bolt_app(config: Config, client: AsyncWebClient, workspace: Workspace) -> AsyncApp:
    known = AuthorizeResult(
        enterprise_id=workspace.enterprise_id,
        team_id=workspace.team_id,
        bot_id=workspace.bot_id,
        bot_user_id=workspace.bot_user_id,
        bot_token=config.slack_bot_token.reveal(),
    )

    async def authorize() -> AuthorizeResult:
        """One workspace, asked about once at start: no `auth.test` on the way of a command."""
        return known

    return AsyncApp(
        client=client,
        # Bolt gives its loggers the root's level unless told otherwise, and writes requests at DEBUG.
        logger=logging.getLogger("slack_bolt"),
        authorize=authorize,
        # The listener acknowledges and leaves its work to a task of ours. Without this, Bolt looks for the
        # acknowledgement every 10 ms.
        process_before_response=True,
        # The signature is checked by web/slack_events over the raw body; Socket Mode has none.
        request_verification_enabled=False,
        attaching_function_token_enabled=False,
        ignoring_self_assistant_message_events_enabled=False,
    )


def _slack_events(config: Config, app: AsyncApp, clock: Clock) -> SlackEvents | None:
    if config.socket_mode or config.slack_signing_secret is None:
        return None
    return SlackEvents(dispatch=app.async_dispatch, signing_secret=config.slack_signing_secret, clock=clock)


def _confirmer(replies: Replies, vaults: Vaults) -> Confirm:
    async def confirm(account: LinkedAccount) -> bool:
        """Tell the person by direct message; the link stands whether or not Slack takes it."""
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                await replies.tell(account.slack_user, linking_blocks.linked(account, vaults))
        except (NotDelivered, TimeoutError) as error:
            log.warning("link confirmation not delivered", reason=str(error) or "timeout")
            return False
        except Exception as error:
            log.error("link confirmation not delivered", exc_info=error)
            return False
        return True

    return confirm


def _checks(database: Database, socket_mode: SocketMode | None, started: asyncio.Event) -> dict[str, Check]:
    async def check_start() -> str | None:
        return None if started.is_set() else "still starting"

    async def check_database() -> str | None:
        try:
            await ping(database)
        except Exception as error:  # noqa: BLE001 - anyone may ask /readyz: the reason belongs into the log
            log.error("database check failed", error=type(error).__name__, detail=str(error))
            return "the database cannot be used; see the log"
        return None

    async def check_slack() -> str | None:
        connected = socket_mode is None or await socket_mode.is_connected()
        return None if connected else "no connection to Slack just now; reconnecting"

    return {"start": check_start, "database": check_database, "slack": check_slack}
