"""The pieces that hear and answer people in Slack, put together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot import __version__
from bot.config import Config
from bot.model.accounts import SlackUser, Vaults
from bot.model.clock import Clock
from bot.model.meters import NO_METERS, Meters
from bot.reminders import Reminders
from bot.slack.blocks.upload_status import Look
from bot.slack.bolt import bolt_app
from bot.slack.departures import Departures
from bot.slack.failures import Failures, LinkUrl
from bot.slack.installed import Installed
from bot.slack.listeners import register
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.listeners.home import HomeAnswers
from bot.slack.people import People
from bot.slack.posts import Posts
from bot.slack.proofs import Proofs
from bot.slack.replies import Replies
from bot.slack.views import Views
from bot.slack.work import Work
from bot.storage import Storage
from bot.telling import abort_teller
from bot.usecases.aborting import Aborting
from bot.usecases.acting import Acting
from bot.usecases.auditing import Auditing
from bot.usecases.homes import KIND as HOME
from bot.usecases.homes import HomeCare
from bot.usecases.leaving import Leaving
from bot.usecases.linking import Linking
from bot.usecases.self_check import SelfCheck
from bot.usecases.settling_aborts import SettlingAborts
from bot.usecases.sharing import Sharing
from bot.usecases.upload_details import UploadDetails
from bot.usecases.upload_status import UploadStatuses
from bot.vault.client import VaultClient
from bot.worker import RunJob


@dataclass(frozen=True, kw_only=True, slots=True)
class Talking:
    """What Slack's payloads are given to, what is under way, and what the worker runs by kind of due work."""

    app: AsyncApp
    work: Work
    kinds: Mapping[str, RunJob]
    redraws: Mapping[str, RunJob]
    """As `kinds`, but nobody was promised any of it."""


def talking(
    config: Config,
    store: Storage,
    *,
    slack: AsyncWebClient,
    careful: AsyncWebClient,
    replies: Replies,
    installed: Installed,
    people: People,
    acting: Acting,
    client: VaultClient,
    statuses: UploadStatuses,
    linking: Linking,
    leaving: Leaving,
    auditing: Auditing,
    telling: Reminders,
    homes: HomeCare,
    vaults: Vaults,
    clock: Clock,
    look: Callable[[], Look],
    meters: Meters = NO_METERS,
) -> Talking:
    """Return the pieces; every listener is registered. `careful` repeats nothing that may have arrived: for messages
    that many read."""
    views = Views(client=slack, installed=installed)
    given = Collaborators(
        statuses=statuses,
        details=UploadDetails(
            statuses=statuses,
            acting=acting,
            client=client,
            watches=store.watches,
            clock=clock,
            api_version=config.vault_api_version,
        ),
        aborting=Aborting(
            statuses=statuses,
            acting=acting,
            client=client,
            accounts=store.accounts,
            due=store.due,
            auditing=auditing,
            keyring=store.keyring,
            clock=store.due.clock,
            allowed=config.allow_abort,
        ),
        linking=linking,
        leaving=leaving,
        departures=Departures(
            installed=installed, people=people, leaving=leaving, accounts=store.accounts, auditing=auditing
        ),
        watching=telling.watching,
        care=telling.care,
        preferring=telling.preferring,
        keeping=telling.keeping,
        homes=homes,
        sharing=Sharing(statuses=statuses, auditing=auditing),
        self_check=SelfCheck(
            acting=acting,
            client=client,
            accounts=store.accounts,
            preferring=telling.preferring,
            auditing=auditing,
            vaults=vaults,
            reach=people.reach,
        ),
        once=store.once,
        posts=Posts(client=careful, installed=installed, replies=replies),
        proofs=Proofs(store.keyring.mac),
        replies=replies,
        views=views,
        link_url=_link_url(linking, config.public_url),
        vaults=vaults,
        clock=clock,
        look=look,
        allow_abort=config.allow_abort,
        version=__version__,
        lead_times=config.remind_before,
    )
    home = HomeAnswers(given)
    failures = Failures(link_url=given.link_url, vault_names=given.vault_names, look=given.look)
    work = Work(
        replies=replies,
        failures=failures,
        installed=installed,
        people=people,
        auditing=auditing,
        views=views,
        once=store.once,
        answered=home.elsewhere,
        meters=meters,
    )
    app = bolt_app(slack, installed)
    register(app, work, given)
    settling = SettlingAborts(
        acting=acting,
        client=client,
        accounts=store.accounts,
        watches=store.watches,
        due=store.due,
        auditing=auditing,
        keyring=store.keyring,
        vaults=vaults,
        tell=abort_teller(replies, vaults),
        clock=store.due.clock,
    )
    return Talking(app=app, work=work, kinds=settling.kinds(), redraws={HOME: home.due})


def _link_url(linking: Linking, public_url: str) -> LinkUrl:
    async def link_url(slack_user: SlackUser, vault_name: str | None) -> str:
        ticket = await linking.start(slack_user, vault_name)
        return f"{public_url}/link?ticket={ticket.reveal()}"

    return link_url
