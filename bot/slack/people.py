"""What Slack tells of people: their names, whether they belong here, and whether they are still there."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import stamina
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.accounts import SlackProfile, SlackUser
from bot.model.clock import Clock
from bot.model.errors import CannotTellDirectly, NotInstalled, SlackUnavailable
from bot.slack.installed import Installed, as_bot
from bot.slack.replies import open_direct
from bot.slack.workspace import PASSING, TOKEN_FAULTS, Workspace, error_code, is_passing

LOOK_UP_SECONDS = 6.0

MEMBER_KEPT = timedelta(hours=1)
REACHED_KEPT = timedelta(minutes=10)
MOST_KEPT = 10_000
"""Of either kind."""

K = TypeVar("K")
V = TypeVar("V")

NOBODY = ("user_not_found", "user_not_visible")
"""Slack: reference "users.info", errors: no such person, or none that this installation may see."""


class People:
    """Looks people up in Slack (scopes users:read, users:read.email); in one workspace never on the way of a status.

    Every method raises SlackUnavailable when Slack does not tell, and as `Installed.of`.
    """

    def __init__(self, *, client: AsyncWebClient, installed: Installed, clock: Clock) -> None:
        self._client = client
        self._installed = installed
        self._clock = clock
        self._members: OrderedDict[tuple[str, str], tuple[bool, datetime]] = OrderedDict()
        self._reached: OrderedDict[SlackUser, datetime] = OrderedDict()

    async def profile_of(self, slack_user: SlackUser) -> SlackProfile:
        """Return name and e-mail address as Slack knows them."""

        async def look_up(workspace: Workspace) -> tuple[str, Mapping[str, Any]]:
            return workspace.name, await self._look_up(workspace, slack_user.user_id)

        try:
            workspace_name, user = await as_bot(self._installed, slack_user, look_up)
        except SlackApiError as error:
            raise SlackUnavailable from error
        profile = user.get("profile") or {}
        return SlackProfile(
            real_name=str(
                profile.get("real_name") or user.get("real_name") or user.get("name") or slack_user.user_id
            ),
            workspace_name=workspace_name,
            email=str(profile.get("email") or ""),
        )

    async def is_member(
        self, workspace: Workspace, slack_user: SlackUser, *, team_is_told: bool = True
    ) -> bool:
        """Whether the person belongs to the workspace or its Enterprise; Slack Connect brings in others.

        Guests belong to it: what they see is for Vault to decide. Only in an Enterprise, or where a payload did not
        tell the person's team, does it need Slack's word, which is kept for an hour.
        """
        if team_is_told and workspace.team_id is not None and slack_user.team_id == workspace.team_id:
            return True
        if team_is_told and workspace.enterprise_id is None:
            return False
        key, now = (workspace.people, slack_user.user_id), self._clock()
        known = self._members.get(key)
        if known is not None and now < known[1]:
            return known[0]
        try:
            user = await self._look_up(workspace, slack_user.user_id)
        except SlackApiError as error:
            if error_code(error) not in NOBODY:
                raise SlackUnavailable from error
            user = {}
        home = str(user.get("team_id")) if workspace.enterprise_id is None else _enterprise_of(user)
        belongs = not user.get("is_stranger") and home == workspace.people
        _keep(self._members, key, (belongs, now + MEMBER_KEPT))
        return belongs

    async def time_zone(self, slack_user: SlackUser) -> str:
        """Return the person's time zone, an IANA name; "UTC" where Slack has none."""
        return str((await self._user(slack_user)).get("tz") or "UTC")

    async def is_admin(self, slack_user: SlackUser) -> bool:
        """Whether the person is an administrator or owner of the workspace, which nobody is whom Slack does not know.
        Slack: reference "users.info"."""
        user = await self._user(slack_user, may_be_unknown=True)
        return user.get("is_admin") is True or user.get("is_owner") is True

    async def is_gone(self, slack_user: SlackUser) -> bool:
        """Whether the person's Slack account is deactivated or unknown. NotInstalled when Slack accepts no token
        of the installation any more."""
        try:
            user = await as_bot(
                self._installed,
                slack_user,
                lambda workspace: self._look_up(workspace, slack_user.user_id),
            )
        except SlackApiError as error:
            if error_code(error) == "user_not_found":
                return True
            raise (NotInstalled if error_code(error) in TOKEN_FAULTS else SlackUnavailable) from error
        return user.get("deleted") is True

    async def reach(self, slack_user: SlackUser) -> None:
        """Make sure that the person has direct messages with the app (scope im:write); nothing is posted there.
        CannotTellDirectly where Slack refuses. That they have is kept for ten minutes."""
        until, now = self._reached.get(slack_user), self._clock()
        if until is not None and now < until:
            return
        try:
            await as_bot(
                self._installed,
                slack_user,
                lambda workspace: open_direct(self._client, workspace, slack_user),
            )
        except SlackApiError as error:
            if is_passing(error):
                raise SlackUnavailable from error
            raise CannotTellDirectly(reason=error_code(error)) from error
        except PASSING as error:
            raise SlackUnavailable from error
        _keep(self._reached, slack_user, now + REACHED_KEPT)

    async def _user(self, slack_user: SlackUser, *, may_be_unknown: bool = False) -> Mapping[str, Any]:
        """The person as in `users.info`; SlackUnavailable when Slack refuses. Nothing of somebody unknown, if they may
        be."""
        try:
            return await as_bot(
                self._installed,
                slack_user,
                lambda workspace: self._look_up(workspace, slack_user.user_id),
            )
        except SlackApiError as error:
            if may_be_unknown and error_code(error) == "user_not_found":
                return {}
            raise SlackUnavailable from error

    async def _look_up(self, workspace: Workspace, user_id: str) -> Mapping[str, Any]:
        """The person as in `users.info`; SlackApiError when Slack refuses."""
        try:
            # The client itself waits as long as Slack asks after too many calls; a person before a page does not.
            async with asyncio.timeout(LOOK_UP_SECONDS):
                async for attempt in stamina.retry_context(
                    on=is_passing, attempts=3, timeout=None, wait_initial=0.2, wait_max=2.0
                ):
                    with attempt:
                        found = await self._client.users_info(user=user_id, token=workspace.token.reveal())
        except PASSING as error:
            raise SlackUnavailable from error
        user: Mapping[str, Any] = found.get("user") or {}
        return user


def _keep(kept: OrderedDict[K, V], key: K, value: V) -> None:
    """Keep what is newest; the oldest goes when there is too much."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)


def _enterprise_of(user: Mapping[str, Any]) -> str | None:
    """Slack: `enterprise_user` stands in people of an Enterprise; asked org-wide, `team_id` is the organisation's."""
    enterprise_user = user.get("enterprise_user") or {}
    found = enterprise_user.get("enterprise_id") or user.get("enterprise_id") or user.get("team_id")
    return str(found) if found else None
