"""The workspace this app is installed in, and what Slack tells of its people."""

from dataclasses import dataclass

import stamina
from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.accounts import SlackProfile, SlackUser
from bot.model.errors import SlackUnavailable

PASSING = (ClientError, TimeoutError)
_TOKEN_FAULTS = ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired")


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


@stamina.retry(on=is_passing, attempts=6, timeout=45.0, wait_initial=0.2, wait_max=8.0)
async def find_workspace(client: AsyncWebClient) -> Workspace:
    """Return where the bot token belongs; SlackRefused when Slack does not know it."""
    try:
        found = await client.auth_test()
    except SlackApiError as error:
        if error_code(error) in _TOKEN_FAULTS:
            raise SlackRefused(
                f"Slack does not accept SLACK_BOT_TOKEN ({error_code(error)}). "
                "Copy the Bot User OAuth Token from your app's page “OAuth & Permissions” again."
            ) from None
        raise
    return Workspace(
        team_id=str(found.get("team_id") or ""),
        enterprise_id=found.get("enterprise_id") or None,
        name=str(found.get("team") or ""),
        bot_id=str(found.get("bot_id") or ""),
        bot_user_id=str(found.get("user_id") or ""),
    )


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
            async for attempt in stamina.retry_context(
                on=is_passing, attempts=3, timeout=6.0, wait_initial=0.2, wait_max=2.0
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
