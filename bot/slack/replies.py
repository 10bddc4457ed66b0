"""The only place that sends anything to Slack."""

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.model.accounts import SlackUser
from bot.slack.blocks.kit import Message
from bot.slack.payloads import ReplyTo
from bot.slack.workspace import PASSING, error_code

log = structlog.get_logger()


def retry_handlers() -> list[AsyncRetryHandler]:
    """Repeat what did not arrive: a broken connection, 429 after its Retry-After, 5xx.

    A time-out is not repeated, since the message may well have arrived.
    """
    return [
        AsyncConnectionErrorRetryHandler(max_retry_count=2),
        AsyncRateLimitErrorRetryHandler(max_retry_count=3),
        AsyncServerErrorRetryHandler(max_retry_count=3),
    ]


class NotDelivered(Exception):
    """Slack did not take the message."""


class Replies:
    """Answers commands and clicks, and writes direct messages. One aiohttp session serves all."""

    def __init__(self, *, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
        self._client = client
        self._session = session

    async def answer(self, reply_to: ReplyTo, message: Message) -> None:
        """Send the one answer to where the person asked; NotDelivered when no way was left.

        A response_url serves five times in 30 minutes, also where the bot is no member (Slack docs, "Handling
        user interaction"); where it is used up, the person gets a direct message.
        """
        if not reply_to.response_url:
            return await self.tell(reply_to.slack_user, message)
        webhook = AsyncWebhookClient(
            reply_to.response_url, session=self._session, retry_handlers=retry_handlers()
        )
        try:
            response = await webhook.send_dict(
                {
                    "response_type": "ephemeral",
                    "replace_original": reply_to.replace_original,
                    "text": message.text,
                    "blocks": message.blocks,
                }
            )
        except PASSING as error:
            raise NotDelivered(type(error).__name__) from error
        if response.status_code in (404, 410):
            log.info("response_url is used up, answering by direct message")
            return await self.tell(reply_to.slack_user, message)
        if response.status_code != 200:
            raise NotDelivered(f"status {response.status_code}")
        return None

    async def tell(self, slack_user: SlackUser, message: Message) -> None:
        """Send a direct message (scopes im:write, chat:write); NotDelivered when Slack refuses."""
        try:
            opened = await self._client.conversations_open(users=slack_user.user_id)
            channel = str((opened.get("channel") or {}).get("id"))
            await self._client.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=message.blocks,
                unfurl_links=False,
                unfurl_media=False,
            )
        except SlackApiError as error:
            raise NotDelivered(error_code(error)) from error
        except PASSING as error:
            raise NotDelivered(type(error).__name__) from error
