"""Why Slack does not take what is due: told apart into what it will never take, and what it may later."""

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState

from bot.model.errors import PlaceGone, SlackUnavailable
from bot.slack.replies import retry_after
from bot.slack.workspace import error_code

log = structlog.get_logger()

GONE = frozenset(
    {
        "app_cannot_join_channel", "cannot_dm_bot", "cannot_reply_to_message", "channel_is_limited_access",
        "channel_not_found", "invalid_user_combination", "is_archived", "messages_tab_disabled",
        "method_not_supported_for_channel_type", "not_in_channel", "user_disabled", "user_not_found",
        "user_not_visible",
    }
)  # fmt: skip
"""No later try will succeed, nor where the code begins with RESTRICTED. Slack: references "chat.postMessage",
"chat.scheduleMessage" and "conversations.open", errors. What a token is refused for is not among them: that is the
installation's trouble, and no reason to forget what people wished for."""
RESTRICTED = "restricted_action"
TOO_MANY_HELD = "restricted_too_many"
HELD_WAIT = 60.0
"""Seconds until to try again where Slack holds 30 messages for the same five minutes in a channel already."""
SHORT_WAIT = 2.0
"""Seconds that Slack may ask us to wait within a call; for longer, due work is put off, and others go on."""


def due_work_retries() -> list[AsyncRetryHandler]:
    """What the client for deliveries repeats: what surely did not arrive, 429 after a short wait, and nothing else.

    Due work comes back by itself, and then looks first whether its message is there already.
    """
    return [
        AsyncConnectionErrorRetryHandler(max_retry_count=1, error_types=[aiohttp.ClientConnectorError]),
        _ShortWaits(max_retry_count=2),
    ]


def failure_of(error: SlackApiError, *gone: str) -> PlaceGone | SlackUnavailable:
    """Return what Slack's refusal means: PlaceGone also for the codes `gone`; else SlackUnavailable, which names the
    seconds as `retry_after` where Slack asks us to wait, and then is no failure to the worker."""
    code = error_code(error)
    if code in GONE or code in gone or code.startswith(RESTRICTED):
        return PlaceGone(reason=code)
    log.warning("Slack does not take what is due", reason=code)
    unavailable = SlackUnavailable()
    headers = getattr(error.response, "headers", None) or {}
    seconds = HELD_WAIT if code == TOO_MANY_HELD else retry_after(str(headers.get("Retry-After", "")), None)
    if seconds is not None:
        unavailable.retry_after = seconds
    return unavailable


class _ShortWaits(AsyncRateLimitErrorRetryHandler):
    async def _can_retry_async(
        self,
        *,
        state: RetryState,  # noqa: ARG002
        request: HttpRequest,  # noqa: ARG002
        response: HttpResponse | None = None,
        error: Exception | None = None,  # noqa: ARG002
    ) -> bool:
        if response is None or response.status_code != 429:
            return False
        named = [str(value[0]) for name, value in response.headers.items() if name.lower() == "retry-after"]
        wait = retry_after(named[0], None) if named else SHORT_WAIT
        return wait is not None and wait <= SHORT_WAIT
