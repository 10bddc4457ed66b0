"""A workspace this app is installed in, and what Slack says to its tokens."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import stamina
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.model.secret import Secret

START_SECONDS = 45.0

PASSING = (ClientError, TimeoutError)
TOKEN_FAULTS = (
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type",
)  # fmt: skip
"""Slack does not accept a token (any more). Slack: reference "auth.test", errors."""
COPY_BOT_TOKEN = "Copy the Bot User OAuth Token from your app's page “OAuth & Permissions” again."  # noqa: S105 - words
COPY_APP_TOKEN = (
    "Copy an App-Level Token with the scope connections:write from your app's page “Basic Information” again."  # noqa: S105 - words
)


class SlackRefused(Exception):
    """Slack does not accept this app; the message says what the operator should do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """One installation of the app, with the token that acts for it. An org-wide one has no team."""

    team_id: str | None
    enterprise_id: str | None
    name: str
    bot_id: str
    bot_user_id: str
    token: Secret = field(repr=False)

    @property
    def key(self) -> str:
        """What `Installation.workspace` says of it."""
        return self.team_id or self.enterprise_id or ""

    @property
    def people(self) -> str:
        """What `SlackUser.workspace` says of its people."""
        return self.enterprise_id or self.team_id or ""


def is_passing(error: Exception) -> bool:
    """Whether a Slack call that failed so may well succeed in a moment."""
    if isinstance(error, SlackApiError):
        status = getattr(error.response, "status_code", 200)
        return status == 429 or status >= 500 or error_code(error) in ("internal_error", "fatal_error")
    return isinstance(error, PASSING)


def error_code(error: SlackApiError) -> str:
    """Slack's own word for the failure, such as `missing_scope`."""
    try:
        return str(error.response.get("error") or "unknown")
    except (AttributeError, ValueError, TypeError):
        return "unreadable"


async def find_workspace(client: AsyncWebClient, token: Secret) -> Workspace:
    """Return where the bot token belongs; SlackRefused when Slack does not know it."""
    found = await _at_start(
        lambda: client.auth_test(token=token.reveal()),
        "SLACK_BOT_TOKEN",
        COPY_BOT_TOKEN,
    )
    # Slack: of an org-wide install, `team_id` is the organisation's own id.
    org_wide = found.get("is_enterprise_install") is True
    return Workspace(
        team_id=None if org_wide else str(found.get("team_id") or ""),
        enterprise_id=found.get("enterprise_id") or None,
        name=str(found.get("team") or ""),
        bot_id=str(found.get("bot_id") or ""),
        bot_user_id=str(found.get("user_id") or ""),
        token=token,
    )


async def open_address(client: AsyncWebClient, app_token: Secret) -> str:
    """Return a websocket address, good for one connection; SlackRefused as in `find_workspace`."""
    opened = await _at_start(
        lambda: client.apps_connections_open(app_token=app_token.reveal()),
        "SLACK_APP_TOKEN",
        COPY_APP_TOKEN,
    )
    return str(opened.get("url") or "")


async def _at_start(
    call: Callable[[], Awaitable[AsyncSlackResponse]], token: str, next_step: str
) -> AsyncSlackResponse:
    """Make a call without which there is no start: patient with passing faults, plain about a wrong token."""
    try:
        async with asyncio.timeout(START_SECONDS):
            async for attempt in stamina.retry_context(
                on=is_passing, attempts=6, timeout=None, wait_initial=0.2, wait_max=8.0
            ):
                with attempt:
                    return await call()
    except SlackApiError as error:
        if error_code(error) in TOKEN_FAULTS:
            raise SlackRefused(f"Slack does not accept {token} ({error_code(error)}). {next_step}") from None
        raise
    raise AssertionError("stamina leaves its loop by return or raise")
