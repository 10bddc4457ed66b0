"""Messages that a person puts where others see them, and takes back."""

from collections.abc import Mapping

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.errors import CannotShareThere, SlackUnavailable
from bot.model.reminders import Posted
from bot.slack.blocks.kit import Block, Message
from bot.slack.calls import Call, SlackHome
from bot.slack.delivery_faults import GONE, RESTRICTED
from bot.slack.installed import Installed
from bot.slack.replies import Replies, post
from bot.slack.workspace import PASSING, error_code, is_passing

log = structlog.get_logger()

CLOSED = ("is_archived", "thread_not_found", "message_not_found", "cannot_reply_to_message")
"""Nobody posts there, whichever way: an archived channel, or below a message that was deleted."""


class Posts:
    """Posts with the token of the installation that a call came by (scope chat:write)."""

    def __init__(self, *, client: AsyncWebClient, installed: Installed, replies: Replies) -> None:
        self._client = client
        self._installed = installed
        self._replies = replies

    async def put(self, call: Call, message: Message) -> Posted | None:
        """Post where the call came from, for all to read, and return where it stands; None where the app is no member
        and Slack took it by the call's response_url, which does not tell.

        CannotShareThere; SlackUnavailable, after which it may stand there all the same; NotInstalled, StoreError.
        """
        workspace = await self._installed.of(call.home)
        try:
            ts = await post(
                self._client, workspace, call.channel_id, message, thread_ts=call.thread_ts or None
            )
        except SlackApiError as error:
            code = error_code(error)
            if code in CLOSED:
                raise CannotShareThere from error
            if code not in GONE and not code.startswith(RESTRICTED):
                raise SlackUnavailable from error
        except PASSING as error:
            raise SlackUnavailable from error
        else:
            return Posted(call.channel_id, ts)
        if not await self._replies.in_public(call.reply_to, message):
            raise CannotShareThere
        return None

    async def unfurl(self, home: SlackHome, place: Mapping[str, str], cards: Mapping[str, Block]) -> None:
        """Put a card below each of these addresses in somebody's message (scope links:write), also where the app is no
        member. `place` is `channel` and `ts`, or `unfurl_id` and `source`; the same again changes nothing.

        What Slack does not take is logged, such as when the message is gone: nobody waits for a card. SlackUnavailable
        when it may take it in a moment; NotInstalled, StoreError.
        """
        workspace = await self._installed.of(home)
        unfurls = {address: dict(card) for address, card in cards.items()}
        try:
            await self._client.chat_unfurl(
                channel=place.get("channel"),
                ts=place.get("ts"),
                unfurl_id=place.get("unfurl_id"),
                source=place.get("source"),
                unfurls=unfurls,
                token=workspace.token.reveal(),
            )
        except SlackApiError as error:
            if is_passing(error):
                raise SlackUnavailable from error
            log.warning("no card below a link", reason=error_code(error))
        except PASSING as error:
            raise SlackUnavailable from error
