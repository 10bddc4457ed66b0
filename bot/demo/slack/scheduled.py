"""Messages that Slack holds until their time: chat.scheduleMessage, deleteScheduledMessage, scheduledMessages.list."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.demo.clock import DemoClock
from bot.demo.slack.bot_tokens import BotTokens
from bot.demo.slack.chat_methods import ChatMethods, thread_of
from bot.demo.slack.content import MOST_TEXT, Content, ContentError, read_content, read_metadata
from bot.demo.slack.messages import MessageBoard
from bot.demo.slack.rejections import Rejections
from bot.demo.slack.web_api import ApiFailureError, Arguments, Method
from bot.demo.slack.workspace import BOT_ID, BOT_USER_ID, Workspace

FURTHEST = timedelta(days=120)
MOST_IN_A_WINDOW, WINDOW = 30, timedelta(minutes=5)
TOO_LATE_TO_DELETE = timedelta(seconds=60)
MOST_IN_A_LIST = 100
VIA = "chat.scheduleMessage"


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One held message. With metadata it never posts: Slack names that a known fault (docs of the method)."""

    id: str
    channel: str
    post_at: datetime
    created: datetime
    content: Content
    thread_ts: str | None
    metadata: Mapping[str, Any] | None


class ScheduledMessages:
    """What Slack holds, and posts when the demo's clock passes its time."""

    def __init__(
        self,
        clock: DemoClock,
        workspace: Workspace,
        board: MessageBoard,
        chat: ChatMethods,
        rejections: Rejections,
        tokens: BotTokens,
    ) -> None:
        self._clock = clock
        self._workspace = workspace
        self._board = board
        self._chat = chat
        self._rejections = rejections
        self._tokens = tokens
        self._held: dict[str, Scheduled] = {}
        self._timer: asyncio.Task[None] | None = None

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {
            "chat.deleteScheduledMessage": Method(self.delete, scope="chat:write"),
            "chat.scheduleMessage": Method(self.schedule, scope="chat:write"),
            "chat.scheduledMessages.list": Method(self.list),
        }

    @property
    def held(self) -> list[Scheduled]:
        """What still waits for its time, the first first."""
        self._post_due()
        return sorted(self._held.values(), key=lambda one: one.post_at)

    def start(self) -> None:
        """Watch the clock, as long as anything is held."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.create_task(self._watch(), name="slack held messages") if self._held else None

    async def stop(self) -> None:
        """Post nothing any more, until `start`."""
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.gather(self._timer, return_exceptions=True)
            self._timer = None

    def schedule(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "chat.scheduleMessage": at most 120 days ahead, 30 in 5 minutes for each channel."""
        channel = self._chat.writable(arguments)
        content = read_content(arguments, MOST_TEXT)
        content.require_some()
        metadata = read_metadata(arguments)
        now, post_at = self._clock.now(), _moment(arguments.get("post_at"))
        if post_at <= now:
            raise ApiFailureError("time_in_past")
        if post_at - now > FURTHEST:
            raise ApiFailureError("time_too_far")
        apart = [one.post_at - post_at for one in self.held if one.channel == channel.id]
        before = [gap for gap in apart if -WINDOW < gap <= timedelta(0)]
        after = [gap for gap in apart if timedelta(0) <= gap < WINDOW]
        if max(len(before), len(after)) >= MOST_IN_A_WINDOW:
            raise ApiFailureError("restricted_too_many")
        held = Scheduled(
            id=f"Q{secrets.token_hex(6).upper()}",
            channel=channel.id,
            post_at=post_at,
            created=now,
            content=content,
            thread_ts=thread_of(arguments),
            metadata=metadata,
        )
        self._held[held.id] = held
        self.start()
        return {
            "channel": channel.id,
            "scheduled_message_id": held.id,
            "post_at": int(post_at.timestamp()),
            "message": {
                "type": "delayed_message",
                "subtype": "bot_message",
                "text": content.text or "",
                "bot_id": BOT_ID,
                **({"blocks": content.blocks} if content.blocks else {}),
            },
        }

    def delete(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "chat.deleteScheduledMessage": not once it was sent, nor in the minute before."""
        self._post_due()
        channel = str(arguments.get("channel") or "")
        if channel not in self._workspace.channels:
            raise ApiFailureError("channel_not_found")
        held = self._held.get(str(arguments.get("scheduled_message_id") or ""))
        if held is None or held.channel != channel or held.post_at - self._clock.now() <= TOO_LATE_TO_DELETE:
            raise ApiFailureError("invalid_scheduled_message_id")
        del self._held[held.id]
        self.start()
        return {}

    def list(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "chat.scheduledMessages.list"; in one page, the first to be posted first."""
        channel = str(arguments.get("channel") or "")
        if channel and channel not in self._workspace.channels:
            raise ApiFailureError("invalid_channel")
        oldest, latest = (
            _moment(arguments[name]) if arguments.get(name) else otherwise
            for name, otherwise in (("oldest", _START), ("latest", _END))
        )
        found = [
            {
                "id": one.id,
                "channel_id": one.channel,
                "post_at": int(one.post_at.timestamp()),
                "date_created": int(one.created.timestamp()),
                "text": one.content.text or "",
            }
            for one in self.held
            if channel in ("", one.channel) and oldest <= one.post_at <= latest
        ]
        return {"scheduled_messages": found[:MOST_IN_A_LIST], "response_metadata": {"next_cursor": ""}}

    async def _watch(self) -> None:
        while self._held:
            await self._clock.sleep_until(min(one.post_at for one in self._held.values()))
            self._post_due()

    def _post_due(self) -> None:
        now = self._clock.now()
        for one in sorted(self._held.values(), key=lambda one: one.post_at):
            if one.post_at <= now:
                del self._held[one.id]
                self._post(one)

    def _post(self, one: Scheduled) -> None:
        reason = None
        if not self._tokens.installed:
            reason = "the app is not installed any more"
        elif one.metadata is not None:
            reason = "a scheduled message with metadata is never posted"
        try:
            self._chat.writable({"channel": one.channel})
        except ApiFailureError as failure:
            reason = str(failure)
        if reason is not None:
            unseen = ContentError("not_posted", [f"[ERROR] {reason}"])
            said = {"channel": one.channel, "text": one.content.text, "metadata": one.metadata}
            self._rejections.add(VIA, unseen, said, who=None, place=one.channel)
            return
        self._board.post(
            channel=one.channel,
            text=one.content.text or "",
            blocks=one.content.blocks or (),
            author=BOT_USER_ID,
            thread_ts=one.thread_ts,
            via=VIA,
            at=one.post_at.timestamp(),
        )


_START, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def _moment(seconds: object) -> datetime:
    try:
        return datetime.fromtimestamp(int(float(str(seconds))), UTC)
    except (ValueError, OverflowError, OSError):
        raise ApiFailureError("invalid_time") from None
