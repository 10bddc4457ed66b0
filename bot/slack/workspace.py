"""The workspace this app is installed in, and what Slack tells of its people."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import stamina
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.model.accounts import SlackProfile, SlackUser
from bot.model.errors import SlackUnavailable
from bot.model.secret import Secret

PROFILE_SECONDS = 6.0
START_SECONDS = 45.0

PASSING = (ClientError, TimeoutError)
_TOKEN_FAULTS = (
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type",
)  # fmt: skip


class SlackRefused(Exception):
    """Slack does not accept this app; the message says what the operator should do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """One installation of the app."""

    team_id: str
    enterprise_id: str | None
    name: str
    bot_id: str
    bot_user_id: str

    def has_member(self, slack_user: SlackUser) -> bool:
        """Whether the person belongs to the workspace or its Enterprise; Slack Connect brings in others."""
        return slack_user.team_id == self.team_id or (
            self.enterprise_id is not None and slack_user.workspace == self.enterprise_id
        )


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


async def find_workspace(client: AsyncWebClient) -> Workspace:
    """Return where the bot token belongs; SlackRefused when Slack does not know it."""
    found = await _at_start(
        client.auth_test,
        "SLACK_BOT_TOKEN",
        "Copy the Bot User OAuth Token from your app's page “OAuth & Permissions” again.",
    )
    return Workspace(
        team_id=str(found.get("team_id") or ""),
        enterprise_id=found.get("enterprise_id") or None,
        name=str(found.get("team") or ""),
        bot_id=str(found.get("bot_id") or ""),
        bot_user_id=str(found.get("user_id") or ""),
    )


async def open_address(client: AsyncWebClient, app_token: Secret) -> str:
    """Return a websocket address, good for one connection; SlackRefused as in `find_workspace`."""
    opened = await _at_start(
        lambda: client.apps_connections_open(app_token=app_token.reveal()),
        "SLACK_APP_TOKEN",
        "Copy an App-Level Token with the scope connections:write from your app's page “Basic Information” again.",
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
        if error_code(error) in _TOKEN_FAULTS:
            raise SlackRefused(f"Slack does not accept {token} ({error_code(error)}). {next_step}") from None
        raise
    raise AssertionError("stamina leaves its loop by return or raise")


class People:
    """Looks people up in Slack; used while linking, never on the way of a status."""

    def __init__(self, *, client: AsyncWebClient, workspace: Workspace) -> None:
        self._client = client
        self._workspace = workspace

    async def profile_of(self, slack_user: SlackUser) -> SlackProfile:
        """Return name and e-mail address as Slack knows them (scopes users:read, users:read.email).

        SlackUnavailable when Slack does not tell.
        """
        try:
            # The client itself waits as long as Slack asks after too many calls; a person before a page does not.
            async with asyncio.timeout(PROFILE_SECONDS):
                async for attempt in stamina.retry_context(
                    on=is_passing, attempts=3, timeout=None, wait_initial=0.2, wait_max=2.0
                ):
                    with attempt:
                        found = await self._client.users_info(user=slack_user.user_id)
        except (SlackApiError, *PASSING) as error:
            raise SlackUnavailable from error
        user = found.get("user") or {}
        profile = user.get("profile") or {}
        return SlackProfile(
            real_name=str(
                profile.get("real_name") or user.get("real_name") or user.get("name") or slack_user.user_id
            ),
            workspace_name=self._workspace.name,
            email=str(profile.get("email") or ""),
        )
