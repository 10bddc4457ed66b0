"""The composition root: makes every piece once, opens and closes them in order, knows no rules."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette

from bot.clocks import clock_for
from bot.config import DEFAULT_LOGIN, Config
from bot.installing import install_routes, installed_by
from bot.metrics import Metrics
from bot.metrics_page import metrics_page
from bot.model.accounts import Asker, SlackUser, Vaults
from bot.model.references import new_reference
from bot.readiness import checks
from bot.reminders import reminders
from bot.signing_in import identity_provider
from bot.slack.blocks.upload_status import Look
from bot.slack.delivery_faults import due_work_retries
from bot.slack.departures import DEACTIVATED
from bot.slack.installed import ManyWorkspaces
from bot.slack.metered import call_meters
from bot.slack.people import People
from bot.slack.proofs import Proofs
from bot.slack.replies import Replies, retry_handlers
from bot.slack.work import Work
from bot.storage import Storage
from bot.talking import talking
from bot.telling import confirmer, slack_cards, slack_deliveries, teller
from bot.tracing import Traces
from bot.usecases.acting import Acting
from bot.usecases.auditing import Auditing
from bot.usecases.homes import HomeCare
from bot.usecases.leaving import Leaving
from bot.usecases.linking import Linking
from bot.usecases.live_cards import farewell_of
from bot.usecases.notices import LINK_ENDED, TOKEN_ENDS, Notices
from bot.usecases.pruning import Pruning
from bot.usecases.renewing import Renewing
from bot.usecases.upload_status import UploadStatuses
from bot.vault.client import VaultClient
from bot.vault.pool import http_client
from bot.web.link_pages import LinkPages
from bot.web.oidc_pages import OidcPages
from bot.web.routes import web_app
from bot.web.slack_events import SlackEvents
from bot.worker import Worker

if TYPE_CHECKING:
    from bot.slack.socket_mode import SocketMode

VAULT_SECONDS = 15.0
"""Less than an answer may take in all, so that a slow Vault is named as what it is."""
JOB_TIME = timedelta(seconds=25)
"""For one look into Vault and one message to a slow Slack; shorter than the lease on due work."""
SLACK_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """The opened process: what serves the web, what hears Slack, what is under way, and what keeps promises."""

    web: Starlette
    metrics: Metrics
    socket_mode: "SocketMode | None"
    work: Work
    worker: Worker


@asynccontextmanager
async def build(
    config: Config, started: asyncio.Event, traces: Traces | None = None
) -> AsyncIterator[Running]:
    """Open everything that `config` names and yield it running; close it all at the end, `traces` too.

    Nothing calls itself ready before `started` is set.

    CertificatesUnreadable; StoreError when the database cannot be used; SlackRefused when Slack does not know the
    token.
    """
    async with AsyncExitStack() as stack:
        clock = clock_for(config.demo_clock_file)
        vaults = Vaults(config.vaults)
        metrics = Metrics(vaults=[vault.name for vault in config.vaults])
        meters = traces.around(metrics) if traces else metrics
        if traces is not None:
            stack.push_async_callback(traces.close)
        # First of all, since nobody can be reached without certificates, and the calls to Slack would not say so.
        http = await stack.enter_async_context(http_client())
        store = await stack.enter_async_context(Storage.open(config, clock))
        watched = [call_meters(meters, config.slack_api_url)]
        slack_http = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=SLACK_TIMEOUT, trace_configs=watched)
        )
        slack = AsyncWebClient(
            base_url=config.slack_api_url, session=slack_http, retry_handlers=retry_handlers()
        )
        installed = await installed_by(config, store, slack, clock)
        if isinstance(installed, ManyWorkspaces):
            stack.push_async_callback(installed.close)
        client = VaultClient(
            http,
            version=config.vault_api_version,
            client_id=config.vault_client_id,
            budget=VAULT_SECONDS,
            login_url=config.vault_login_url,
            meters=meters,
        )
        provider = identity_provider(config, http, clock)
        auditing = Auditing(log=store.audit, clock=clock, with_paths=config.audit_paths, meters=meters)
        renewing = Renewing(
            accounts=store.accounts,
            leases=store.leases,
            provider=provider,
            profile_id=config.oidc_profile_id,
            client=client,
            auditing=auditing,
            clock=clock,
        )
        stack.push_async_callback(renewing.close)
        acting = Acting(accounts=store.accounts, vaults=vaults, renewing=renewing, clock=clock)
        people = People(client=slack, installed=installed, clock=clock)
        # Every command is answered by it. The other session looks at each call by a trace, which costs as much again.
        answers_http = await stack.enter_async_context(aiohttp.ClientSession(timeout=SLACK_TIMEOUT))
        replies = Replies(client=slack, http=answers_http, installed=installed, meters=meters)

        def look() -> Look:
            return Look(now=clock(), stall_after=config.stall_after, several_vaults=vaults.several)

        due_slack = AsyncWebClient(
            base_url=config.slack_api_url, session=slack_http, retry_handlers=due_work_retries()
        )
        deliveries = slack_deliveries(due_slack, installed=installed, people=people, look=look, clock=clock)
        cards = slack_cards(due_slack, installed=installed, proofs=Proofs(store.keyring.mac), look=look)
        homes = HomeCare(homes=store.homes, due=store.due, clock=store.due.clock)
        leaving = Leaving(
            accounts=store.accounts,
            tickets=store.tickets,
            client=client,
            vaults=vaults,
            auditing=auditing,
            watches=store.watches,
            release=deliveries.release,
            farewell=farewell_of(cards, vaults),
            homes=homes,
        )

        async def forget(slack_user: SlackUser) -> None:
            await leaving.forget(Asker(slack_user, new_reference()), why=DEACTIVATED)

        notices = Notices(
            accounts=store.accounts,
            clock=clock,
            tell=teller(replies, vaults, clock),
            forget=forget,
            is_gone=people.is_gone,
        )
        linking = Linking(
            accounts=store.accounts,
            tickets=store.tickets,
            client=client,
            vaults=vaults,
            clock=clock,
            profile_of=people.profile_of,
            any_email=config.link_any_email,
            auditing=auditing,
            notices=notices,
            versions_store=store.vault_versions,
            provider=provider,
            profile_id=config.oidc_profile_id,
            methods=config.link_methods,
            login_is_public=config.vault_login_url == DEFAULT_LOGIN,
        )
        statuses = UploadStatuses(
            acting=acting, client=client, auditing=auditing, clock=clock, stall_after=config.stall_after
        )
        telling = reminders(
            config,
            store,
            acting=acting,
            statuses=statuses,
            client=client,
            auditing=auditing,
            deliveries=deliveries,
            cards=cards,
            homes=homes,
            vaults=vaults,
            clock=store.due.clock,
            meters=meters,
        )
        talk = talking(
            config,
            store,
            slack=slack,
            careful=due_slack,
            replies=replies,
            installed=installed,
            people=people,
            acting=acting,
            client=client,
            statuses=statuses,
            linking=linking,
            leaving=leaving,
            auditing=auditing,
            telling=telling,
            homes=homes,
            vaults=vaults,
            clock=clock,
            look=look,
            meters=meters,
        )
        socket_mode = None
        if config.slack_app_token is not None:
            from bot.slack.socket_mode import SocketMode

            socket_mode = SocketMode(talk.app, config.slack_app_token, slack, meters)
            stack.push_async_callback(socket_mode.close)
        pages = LinkPages(
            linking=linking,
            vaults=vaults,
            methods=config.link_methods,
            public_url=config.public_url,
            mac=store.keyring.mac,
            confirm=confirmer(replies, linking, vaults, homes),
            clock=clock,
            keep_alive=config.keep_alive,
        )
        oidc_pages = OidcPages(
            pages=pages,
            linking=linking,
            provider=provider,
            clock=clock,
            seal=store.keyring.seal,
            unseal=store.keyring.open,
        )
        pruning = Pruning(log=store.audit, clock=clock, keep=config.audit_keep)
        worker = Worker(
            store.due,
            {**notices.kinds(), **pruning.kinds(), **telling.kinds, **talk.kinds, **talk.redraws},
            promises=[*telling.kinds, *talk.kinds, TOKEN_ENDS, LINK_ENDED],
            longest_job=JOB_TIME,
            meters=meters,
        )
        await store.due.schedule(pruning.jobs())
        slack_events = None
        if config.slack_signing_secret is not None and not config.socket_mode:
            slack_events = SlackEvents(
                dispatch=talk.app.async_dispatch,
                signing_secret=config.slack_signing_secret,
                clock=clock,
                meters=meters,
            )
        ready = checks(store.database, socket_mode, started)
        web = web_app(
            link_pages=pages,
            oidc_pages=oidc_pages,
            slack_events=slack_events,
            checks=ready,
            metrics=metrics_page(metrics, store, ready, work=talk.work, worker=worker),
            more_routes=install_routes(config, store, slack, installed, auditing, clock),
        )
        yield Running(web=web, metrics=metrics, socket_mode=socket_mode, work=talk.work, worker=worker)
