"""Messages that nobody asked for at that moment: of links that stand or end, and of what is watched."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.aborts import Told
from bot.model.accounts import LinkedAccount, Vaults
from bot.model.clock import Clock
from bot.model.errors import SlackUnavailable, StoreError
from bot.model.live_cards import LiveCard
from bot.model.reminders import Reminder
from bot.model.watches import Watch
from bot.slack.blocks import aborts, watch_ends
from bot.slack.blocks import linking as blocks
from bot.slack.blocks import reminders as reminder_blocks
from bot.slack.blocks import watches as watch_blocks
from bot.slack.blocks.held import held
from bot.slack.blocks.kit import Message
from bot.slack.blocks.live_cards import live_card
from bot.slack.blocks.upload_status import Look
from bot.slack.blocks.watch_words import person
from bot.slack.card_edits import SlackCards
from bot.slack.deliveries import SlackDeliveries
from bot.slack.delivery_faults import GONE
from bot.slack.installed import Installed
from bot.slack.people import People
from bot.slack.proofs import Proofs
from bot.slack.replies import NotDelivered, Replies
from bot.usecases.homes import HomeCare
from bot.usecases.linking import Linking
from bot.usecases.notices import TOKEN_ENDS

CONFIRM_SECONDS = 5.0
"""Slack may ask to be called again later; nobody waits before the page for that."""

log = structlog.get_logger()


def confirmer(
    replies: Replies, linking: Linking, vaults: Vaults, homes: HomeCare
) -> Callable[[LinkedAccount], Awaitable[bool]]:
    """Return what tells a person that their link stands, also in their home, and says whether Slack took it. It never
    raises: the link stands all the same."""

    async def confirm(account: LinkedAccount) -> bool:
        try:
            await homes.changed(account.slack_user)
        except StoreError as error:
            log.warning("a home is not redrawn", error=type(error).__name__)
        try:
            async with asyncio.timeout(CONFIRM_SECONDS):
                accounts = await linking.accounts_of(account.slack_user)
                await replies.tell(account.slack_user, blocks.linked(account, vaults, accounts))
        except (NotDelivered, TimeoutError) as error:
            log.warning("link confirmation not delivered", reason=str(error) or "timeout")
            return False
        except Exception as error:
            log.error("link confirmation not delivered", exc_info=error)
            return False
        return True

    return confirm


def teller(replies: Replies, vaults: Vaults, clock: Clock) -> Callable[[LinkedAccount, str], Awaitable[None]]:
    """Return what tells a person that their token ends, or that their link has ended. NotDelivered."""

    async def tell(account: LinkedAccount, what: str) -> None:
        if what == TOKEN_ENDS:
            await replies.tell(account.slack_user, blocks.token_ends(account, vaults, clock()))
            return
        # No address in the message: a ticket lives ten minutes, and who knows when this is read.
        await replies.tell(account.slack_user, blocks.link_ended(account, vaults, clock(), None))

    return tell


def abort_teller(replies: Replies, vaults: Vaults) -> Callable[[Told], Awaitable[None]]:
    """Return what tells one person of an abort. SlackUnavailable where Slack may take it later; one who can never be
    reached is not told, and that is logged."""

    async def tell(one: Told) -> None:
        try:
            await replies.tell(one.to, aborts.told(one, several_vaults=vaults.several))
        except NotDelivered as error:
            if str(error) not in GONE:
                raise SlackUnavailable from error
            log.warning("somebody is not told of an abort", news=one.news.value, reason=str(error))

    return tell


def slack_deliveries(
    client: AsyncWebClient,
    *,
    installed: Installed,
    people: People,
    look: Callable[[], Look],
    clock: Clock,
) -> SlackDeliveries:
    """Return what delivers reminders, with what they look like."""

    def draw(reminder: Reminder) -> Message:
        return reminder_blocks.reminder(reminder, look())

    def announce(watch: Watch, vault_name: str) -> Message:
        return watch_blocks.announcement(watch, vault_name, person(watch.owner.user_id))

    return SlackDeliveries(
        client=client,
        installed=installed,
        people=people,
        draw=draw,
        announce=announce,
        held=held,
        ended=watch_ends.place_gone,
        clock=clock,
    )


def slack_cards(
    client: AsyncWebClient, *, installed: Installed, proofs: Proofs, look: Callable[[], Look]
) -> SlackCards:
    """Return what draws live cards, with what they look like."""

    def draw(live: LiveCard) -> Message:
        watch = live.watch
        proof = proofs.of(watch.owner, watch.vault_host, watch.upload_id, watch.place.channel_id)
        return live_card(live, look(), proof)

    return SlackCards(client=client, installed=installed, draw=draw)
