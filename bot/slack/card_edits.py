"""Live cards in Slack: posted once, then edited where they stand."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.accounts import SlackUser
from bot.model.errors import NotInstalled, OutOfTime, SlackUnavailable
from bot.model.live_cards import LiveCard
from bot.model.reminders import Posted
from bot.slack.blocks.kit import Message
from bot.slack.delivery_faults import failure_of
from bot.slack.installed import Installed, as_bot
from bot.slack.replies import BLOCKS_REFUSED, open_direct, post
from bot.slack.workspace import PASSING, Workspace, error_code

log = structlog.get_logger()

DELETED = ("message_not_found", "cant_update_message")
"""The card is not there any more, or is nobody's that this app could change."""
NEVER_AGAIN = ("edit_window_closed", "is_inactive")
"""Slack: reference "chat.update", errors: the workspace lets nobody edit what is so old; the channel is archived,
frozen or deleted. These stand beside what no message can be posted for."""

T = TypeVar("T")


class SlackCards:
    """Draws with the token of the installation that reaches the card's owner (scopes chat:write, im:write)."""

    def __init__(
        self, *, client: AsyncWebClient, installed: Installed, draw: Callable[[LiveCard], Message]
    ) -> None:
        """`client` should repeat no more than `due_work_retries`."""
        self._client = client
        self._installed = installed
        self._draw = draw

    async def edit(self, card: LiveCard) -> bool:
        """Draw a card where it stands; False when it was deleted. Slack tells nobody of an edit.

        PlaceGone; SlackUnavailable, which names the seconds as `retry_after` where Slack asked us to wait.
        """
        message = self._draw(card)

        async def update(workspace: Workspace) -> bool:
            # All is given each time: what is left out of `blocks`, Slack keeps as it was.
            said: dict[str, Any] = {
                "channel": card.watch.place.channel_id,
                "ts": card.message_ts,
                "text": message.text,
                "parse": "none",
                "token": workspace.token.reveal(),
            }
            try:
                await self._client.chat_update(**said, blocks=message.blocks)
            except SlackApiError as error:
                code = error_code(error)
                if code in DELETED:
                    log.info("a live card is not there any more", reason=code)
                    return False
                if not code.startswith(BLOCKS_REFUSED):
                    raise
                log.error("Slack refused the blocks of a card", reason=code)
                await self._client.chat_update(**said, blocks=[])
            return True

        return await self._ask(card.watch.owner, update)

    async def post(self, card: LiveCard) -> Posted:
        """Post a card that is not there yet. Raises as `edit`."""
        message, place = self._draw(card), card.watch.place

        async def send(workspace: Workspace) -> Posted:
            ts = await post(
                self._client, workspace, place.channel_id, message, thread_ts=place.thread_ts or None
            )
            return Posted(place.channel_id, ts)

        return await self._ask(card.watch.owner, send)

    async def direct_of(self, slack_user: SlackUser) -> str:
        """Return the id of the app's direct messages with a person. Raises as `edit`."""

        async def opened(workspace: Workspace) -> str:
            return await open_direct(self._client, workspace, slack_user)

        return await self._ask(slack_user, opened)

    async def _ask(self, owner: SlackUser, call: Callable[[Workspace], Awaitable[T]]) -> T:
        try:
            return await as_bot(self._installed, owner, call)
        except SlackApiError as error:
            raise failure_of(error, *NEVER_AGAIN) from error
        except (NotInstalled, OutOfTime, *PASSING) as error:
            raise SlackUnavailable from error
