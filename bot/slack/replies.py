"""The only place that sends anything to Slack; what is due goes out by `deliveries`, through `post` of this file."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import stamina
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.accounts import SlackUser
from bot.model.errors import NotInstalled, OutOfTime, SlackUnavailable
from bot.model.meters import NO_METERS, Meters
from bot.slack.blocks.kit import Message
from bot.slack.calls import ReplyTo
from bot.slack.installed import Installed, as_bot
from bot.slack.metered import post_answer
from bot.slack.workspace import PASSING, Workspace, error_code, is_passing

log = structlog.get_logger()


def retry_handlers() -> list[AsyncRetryHandler]:
    """What the Web API client repeats: 429 after its Retry-After; once, what failed and may have arrived."""
    return [AsyncRateLimitErrorRetryHandler(max_retry_count=3), _OnceWhereInDoubt()]


class _OnceWhereInDoubt(AsyncRetryHandler):
    """Repeats one lost connection or error of Slack's own (5xx) in each call; a time-out never.

    It counts for itself. The library's handlers look at one count of all repetitions: after a 429 they would give up
    at the first lost connection.
    """

    MARK = "repeated in doubt"

    async def can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,  # noqa: ARG002
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if self.MARK in (state.custom_values or {}):
            return False
        if error is not None:
            is_late = isinstance(error, TimeoutError) and not isinstance(
                error, aiohttp.ConnectionTimeoutError
            )
            return isinstance(error, aiohttp.ClientError) and not is_late
        return response is not None and response.status_code >= SERVER_ERROR

    async def prepare_for_next_attempt_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> None:
        state.custom_values = {**(state.custom_values or {}), self.MARK: True}
        await super().prepare_for_next_attempt_async(
            state=state, request=request, response=response, error=error
        )


BLOCKS_REFUSED = ("invalid_blocks", "msg_blocks_too_long")
OK, BAD_CONTENT, TOO_MANY, SERVER_ERROR, NO_ANSWER = 200, 400, 429, 500, 0
PAUSES = (0.3, 1.0, 2.0)
"""Seconds before each repetition."""
OPEN_TRIES = 4
LONGEST_WAIT = 20.0
"""Seconds that Slack may ask us to wait; beyond that a direct message is the shorter way."""


class NotDelivered(Exception):
    """Slack did not take the message."""


class Replies:
    """Answers commands and clicks, and writes direct messages. One aiohttp client serves all workspaces; each call
    carries the token of the installation that reaches the person."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        http: aiohttp.ClientSession,
        installed: Installed,
        meters: Meters = NO_METERS,
    ) -> None:
        """`http` posts to response_urls."""
        self._client = client
        self._meters = meters
        self._http = http
        self._installed = installed

    async def answer(self, reply_to: ReplyTo, message: Message) -> None:
        """Send the one answer to where the person asked; NotDelivered when no way was left.

        A response_url serves five times in 30 minutes, also where the bot is no member (Slack docs, "Handling
        user interaction"); where it takes no more, the person gets a direct message. So do they where a question asked
        in public cannot be answered there. StoreError.
        """
        if not reply_to.response_url:
            if not reply_to.channel_id or not await self._in_conversation(reply_to, message):
                await self.tell(reply_to.slack_user, message)
            return
        body: dict[str, Any] = {
            "response_type": "ephemeral",
            "replace_original": reply_to.replace_original,
            "text": message.text,
            "blocks": message.blocks,
        }
        if reply_to.thread_ts and not reply_to.replace_original:
            body["thread_ts"] = reply_to.thread_ts
        status = await self._respond(reply_to.response_url, body)
        if status == BAD_CONTENT:
            # Our mistake, but the person must not pay for it: the text alone carries every fact.
            log.error("Slack refused the blocks of an answer")
            status = await self._respond(reply_to.response_url, {**body, "blocks": []})
        if status != OK:
            log.info("response_url takes no answer, so it goes by direct message", status=status)
            await self.tell(reply_to.slack_user, message)

    async def in_public(self, reply_to: ReplyTo, message: Message) -> bool:
        """Post a message for everybody where a command or click came from, by its response_url, which works also where
        the bot is no member; say whether Slack took it."""
        body: dict[str, Any] = {
            "response_type": "in_channel",
            "replace_original": False,
            "text": message.text,
            "blocks": message.blocks,
        }
        if reply_to.thread_ts:
            body["thread_ts"] = reply_to.thread_ts
        try:
            return bool(reply_to.response_url) and await self._respond(reply_to.response_url, body) == OK
        except NotDelivered as error:
            raise SlackUnavailable from error  # it may stand there all the same

    async def edit(self, reply_to: ReplyTo, message: Message | None) -> bool:
        """Put a message in place of the one that was clicked on, or take that one away (None), whoever sees it; say
        whether Slack did."""
        body: dict[str, Any] = {"delete_original": True}
        if message is not None:
            body = {"replace_original": True, "text": message.text, "blocks": message.blocks}
        try:
            return bool(reply_to.response_url) and await self._respond(reply_to.response_url, body) == OK
        except NotDelivered:
            return False

    async def _in_conversation(self, reply_to: ReplyTo, message: Message) -> bool:
        """Answer in the thread: for all where it was asked in public, else for the asker alone; False when that way is
        closed. Slack shows what is for one person only in a thread that has replies (reference "chat.postEphemeral").
        """
        is_public = reply_to.in_public and not message.only_asker
        if not is_public and not reply_to.has_replies:
            return False

        async def send(workspace: Workspace) -> None:
            if is_public:
                await post(
                    self._client, workspace, reply_to.channel_id, message, thread_ts=reply_to.thread_ts
                )
                return
            await self._client.chat_postEphemeral(
                channel=reply_to.channel_id,
                user=reply_to.slack_user.user_id,
                thread_ts=reply_to.thread_ts,
                text=message.text,
                blocks=message.blocks,
                token=workspace.token.reveal(),
            )

        try:
            await as_bot(self._installed, reply_to.slack_user, send)
        except SlackApiError as error:
            log.info(
                "the conversation takes no answer, so it goes by direct message", reason=error_code(error)
            )
            return False
        except (NotInstalled, SlackUnavailable, OutOfTime, *PASSING) as error:
            # After a lost connection it may have arrived: nobody shall read an answer twice.
            raise NotDelivered(type(error).__name__) from error
        return True

    async def _respond(self, url: str, body: dict[str, Any]) -> int:
        """Post to a response_url and return the HTTP status; NO_ANSWER when the connection failed.

        What surely did not arrive (no connection, 429) is repeated; what may have (connection lost, 5xx) only once,
        since a person should not read an answer twice; after a time-out, never.
        """
        doubtful = 0
        for pause in (*PAUSES, None):
            status, wait = NO_ANSWER, pause
            try:
                status, asked = await post_answer(self._http, url, body, self._meters)
                if status == TOO_MANY:
                    wait = retry_after(asked, pause)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                pass  # no connection came about, so the message surely did not arrive
            except TimeoutError:
                raise NotDelivered("timeout") from None
            except aiohttp.ClientError:
                doubtful += 1
            if status >= SERVER_ERROR:
                doubtful += 1
            elif status not in (NO_ANSWER, TOO_MANY):
                return status
            if doubtful > 1 or pause is None or wait is None or wait > LONGEST_WAIT:
                break
            await asyncio.sleep(wait)
        return status

    async def tell(self, slack_user: SlackUser, message: Message) -> None:
        """Send a direct message (scopes im:write, chat:write); NotDelivered when Slack refuses. StoreError."""

        async def send(workspace: Workspace) -> None:
            # There is no other way behind this one, and to open a conversation twice does no harm.
            async for attempt in stamina.retry_context(
                on=is_passing, attempts=OPEN_TRIES, timeout=None, wait_initial=0.3, wait_max=2.0
            ):
                with attempt:
                    channel = await open_direct(self._client, workspace, slack_user)
            await post(self._client, workspace, channel, message)

        try:
            await as_bot(self._installed, slack_user, send)
        except SlackApiError as error:
            raise NotDelivered(error_code(error)) from error
        except (NotInstalled, SlackUnavailable, OutOfTime, *PASSING) as error:
            raise NotDelivered(type(error).__name__) from error


async def open_direct(client: AsyncWebClient, workspace: Workspace, slack_user: SlackUser) -> str:
    """Return the id of the app's direct messages with a person (scope im:write). SlackApiError, PASSING."""
    opened = await client.conversations_open(users=slack_user.user_id, token=workspace.token.reveal())
    return str((opened.get("channel") or {}).get("id"))


async def post(
    client: AsyncWebClient,
    workspace: Workspace,
    channel: str,
    message: Message,
    *,
    thread_ts: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> str:
    """Post a message (scope chat:write) and return its ts; without its blocks where Slack refuses them.

    `metadata` may be read by every app and member of the workspace (Slack: reference "chat.postMessage").
    SlackApiError, PASSING.
    """
    said: dict[str, Any] = {
        "channel": channel,
        "text": message.text,
        "thread_ts": thread_ts,
        "metadata": metadata,
        "unfurl_links": False,
        "unfurl_media": False,
        "token": workspace.token.reveal(),
    }
    try:
        posted = await client.chat_postMessage(**said, blocks=message.blocks)
    except SlackApiError as error:
        if not error_code(error).startswith(BLOCKS_REFUSED):
            raise
        log.error("Slack refused the blocks of a message", reason=error_code(error))
        posted = await client.chat_postMessage(**said)
    return str(posted.get("ts"))


def retry_after(text: str, otherwise: float | None) -> float | None:
    """Seconds that Slack asks us to wait; our own pause where it does not say."""
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 6 else otherwise
