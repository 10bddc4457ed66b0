"""What is due, on its way to people: posted, looked for, held by Slack itself, taken back."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.accounts import SlackUser
from bot.model.clock import Clock
from bot.model.errors import NotInstalled, OutOfTime, PlaceGone, SlackUnavailable
from bot.model.reminders import Posted, Reminder
from bot.model.watches import Failsafe, Watch
from bot.slack.blocks.kit import Message
from bot.slack.delivery_faults import RESTRICTED, failure_of
from bot.slack.installed import Installed, as_bot
from bot.slack.people import People
from bot.slack.replies import open_direct, post
from bot.slack.workspace import PASSING, TOKEN_FAULTS, Workspace, error_code, is_passing

log = structlog.get_logger()

EVENT_TYPE = "upload_reminder"
"""What our messages' metadata is called."""


NO_SUCH_HELD = "invalid_scheduled_message_id"
TOO_LATE_TO_RELEASE = timedelta(seconds=60)
"""Slack: reference "chat.deleteScheduledMessage"; nothing can be taken back in the minute before it posts."""

MAY_NOT_LOOK = ("missing_scope", "no_permission", "not_allowed_token_type", "access_denied", RESTRICTED)
BLIND_FOR = timedelta(hours=1)
BEFORE = timedelta(seconds=10)
"""How much Slack's clock may be behind ours."""
MOST_READ = 200
"""Slack advises no more for one call, and gives the newest first."""

MOST_KEPT = 10_000
T = TypeVar("T")


class SlackDeliveries:
    """Delivers with the token of the installation that reaches the watch's owner (scopes chat:write, im:write,
    users:read).

    After a crash between posting and noting it, a reminder comes twice, unless it can be looked for. That takes a
    history scope, which the manifest does not ask for: an operator who grants `im:history` (and `channels:history`,
    `groups:history` for watches in channels) by adding it to the manifest has repeats found there.
    """

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        installed: Installed,
        people: People,
        draw: Callable[[Reminder], Message],
        announce: Callable[[Watch, str], Message],
        held: Callable[[Watch], str],
        ended: Callable[[Watch, str, str], Message],
        clock: Clock,
    ) -> None:
        """`client` should repeat no more than `due_work_retries`. `held` gives the plain text for Slack to hold, which
        is known again by it; `ended` draws the end of a watch from the Vault's name and Slack's code."""
        self._client = client
        self._installed = installed
        self._people = people
        self._draw = draw
        self._announce = announce
        self._held = held
        self._ended = ended
        self._clock = clock
        self._direct: OrderedDict[tuple[str, SlackUser], str] = OrderedDict()
        self._blind: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    async def deliver(self, reminder: Reminder, key: str) -> Posted:
        """Post a reminder where its watch speaks; `key` goes with it as metadata, so that it can be found again.

        PlaceGone; SlackUnavailable, which names the seconds as `retry_after` where Slack asked us to wait.
        """
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": key}}
        return await self._post(reminder.watch, self._draw(reminder), metadata)

    async def announce(self, watch: Watch, vault_name: str) -> Posted:
        """Tell a channel that it is going to be told, and by whose wish. Raises as `deliver`."""
        return await self._post(watch, self._announce(watch, vault_name))

    async def tell_of_end(self, watch: Watch, vault_name: str, reason: str) -> None:
        """Tell the owner by direct message that the watch has ended. Where they cannot be reached either, nobody is
        left to tell, and that is logged. SlackUnavailable."""
        message = self._ended(watch, vault_name, reason)

        async def send(workspace: Workspace, channel: str) -> None:
            await post(self._client, workspace, channel, message)

        try:
            await self._ask(watch.owner, lambda workspace: self._in_direct(workspace, watch.owner, send))
        except PlaceGone as gone:
            log.warning("the owner of an ended watch is not told", reason=gone.details["reason"])

    async def look_for(self, watch: Watch, key: str, since: datetime) -> Posted | None:
        """Return the message posted under that key since then; None where there is none or Slack lets us not look,
        since a reminder twice is better than none. Raises nothing of Slack's."""
        where, now = (watch.owner.workspace, watch.place.channel_id), self._clock()
        if now < self._blind.get(where, now):
            return None

        async def look(workspace: Workspace, channel: str) -> Posted | None:
            return await self._find(workspace, channel, watch.thread_ts, key, since)

        try:
            return await as_bot(
                self._installed, watch.owner, lambda workspace: self._in_place(workspace, watch, look)
            )
        except SlackApiError as error:
            code = error_code(error)
            log.info("a reminder cannot be looked for", reason=code)
            if code.startswith(MAY_NOT_LOOK):
                _keep(self._blind, where, now + BLIND_FOR)
        except (NotInstalled, SlackUnavailable, OutOfTime, *PASSING) as error:
            log.info("a reminder cannot be looked for", reason=type(error).__name__)
        return None

    async def hold(self, watch: Watch, post_at: datetime) -> Failsafe:
        """Let Slack hold a plain reminder until then; one that it holds already is taken for this one.

        Without metadata, with which Slack would never post it (docs, "Scheduling messages"). Raises as `deliver`.
        """
        text, moment = self._held(watch), int(post_at.timestamp())

        async def schedule(workspace: Workspace, channel: str) -> Failsafe:
            message_id = await self._held_already(workspace, watch, channel, text, moment)
            if message_id is None:
                held = await self._client.chat_scheduleMessage(
                    channel=channel,
                    post_at=moment,
                    text=text,
                    thread_ts=_thread_of(watch),
                    unfurl_links=False,
                    unfurl_media=False,
                    token=workspace.token.reveal(),
                )
                message_id = str(held.get("scheduled_message_id"))
            return Failsafe(channel_id=channel, message_id=message_id, post_at=post_at)

        return await self._ask(watch.owner, lambda workspace: self._in_place(workspace, watch, schedule))

    async def release(self, watch: Watch) -> None:
        """Take back what Slack holds. Nothing happens where it was posted or taken back already, or its place is gone.
        SlackUnavailable."""
        held = watch.failsafe
        if held is None or self._clock() >= held.post_at:
            return

        async def take_back(workspace: Workspace) -> None:
            await self._client.chat_deleteScheduledMessage(
                channel=held.channel_id,
                scheduled_message_id=held.message_id,
                token=workspace.token.reveal(),
            )

        try:
            await self._ask(watch.owner, take_back, NO_SUCH_HELD)
        except PlaceGone as gone:
            is_late = self._clock() >= held.post_at - TOO_LATE_TO_RELEASE
            log.info("a held message is not taken back", reason=gone.details["reason"], too_late=is_late)

    async def time_zone(self, slack_user: SlackUser) -> str:
        """Return the person's time zone as an IANA name; SlackUnavailable."""
        try:
            return await self._people.time_zone(slack_user)
        except (NotInstalled, OutOfTime) as error:
            raise SlackUnavailable from error

    async def is_admin(self, slack_user: SlackUser) -> bool:
        """Whether the person administers the Slack workspace; SlackUnavailable."""
        try:
            return await self._people.is_admin(slack_user)
        except (NotInstalled, OutOfTime) as error:
            raise SlackUnavailable from error

    async def _post(
        self, watch: Watch, message: Message, metadata: Mapping[str, Any] | None = None
    ) -> Posted:
        async def send(workspace: Workspace, channel: str) -> Posted:
            ts = await post(
                self._client, workspace, channel, message, thread_ts=_thread_of(watch), metadata=metadata
            )
            return Posted(channel, ts)

        return await self._ask(watch.owner, lambda workspace: self._in_place(workspace, watch, send))

    async def _find(
        self, workspace: Workspace, channel: str, thread_ts: str, key: str, since: datetime
    ) -> Posted | None:
        asked: dict[str, Any] = {
            "channel": channel,
            "oldest": f"{(since - BEFORE).timestamp():.6f}",
            "limit": MOST_READ,
            "include_all_metadata": True,
            "token": workspace.token.reveal(),
        }
        if thread_ts:
            found = await self._client.conversations_replies(ts=thread_ts, **asked)
        else:
            found = await self._client.conversations_history(**asked)
        for message in found.get("messages") or ():
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if metadata.get("event_type") == EVENT_TYPE and payload.get("key") == key:
                return Posted(channel, str(message.get("ts")))
        return None

    async def _held_already(
        self, workspace: Workspace, watch: Watch, channel: str, text: str, moment: int
    ) -> str | None:
        """The id of the same message that Slack holds already: of a try whose answer never reached us."""
        try:
            listed = await self._client.chat_scheduledMessages_list(
                channel=channel,
                oldest=str(moment - 1),
                latest=str(moment + 1),
                # Slack: an org-wide token needs it.
                team_id=watch.owner.team_id if workspace.team_id is None else None,
                token=workspace.token.reveal(),
            )
        except SlackApiError as error:
            if is_passing(error) or error_code(error) in TOKEN_FAULTS:
                raise
            log.info("what Slack holds cannot be listed", reason=error_code(error))
            return None
        for one in listed.get("scheduled_messages") or ():
            if one.get("channel_id") == channel and one.get("post_at") == moment and one.get("text") == text:
                return str(one.get("id"))
        return None

    async def _in_place(
        self, workspace: Workspace, watch: Watch, call: Callable[[Workspace, str], Awaitable[T]]
    ) -> T:
        """Make a call upon the channel in which a watch speaks."""
        if not watch.place.channel_id:
            return await self._in_direct(workspace, watch.owner, call)
        return await call(workspace, watch.place.channel_id)

    async def _in_direct(
        self, workspace: Workspace, owner: SlackUser, call: Callable[[Workspace, str], Awaitable[T]]
    ) -> T:
        who = (workspace.bot_user_id, owner)
        known = self._direct.get(who)
        if known is not None:
            try:
                return await call(workspace, known)
            except SlackApiError as error:
                if error_code(error) != "channel_not_found":
                    raise
        channel = await open_direct(self._client, workspace, owner)
        _keep(self._direct, who, channel)
        return await call(workspace, channel)

    async def _ask(self, owner: SlackUser, call: Callable[[Workspace], Awaitable[T]], *gone: str) -> T:
        """Make a call with the token that reaches the owner; `gone` are further codes for which that is PlaceGone."""
        try:
            return await as_bot(self._installed, owner, call)
        except SlackApiError as error:
            raise failure_of(error, *gone) from error
        except (NotInstalled, OutOfTime, *PASSING) as error:
            # An app that was removed may only be changing its token; who really leaves is forgotten by its event.
            raise SlackUnavailable from error


def _thread_of(watch: Watch) -> str | None:
    return watch.thread_ts or None


K = TypeVar("K")
V = TypeVar("V")


def _keep(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)
