"""Web API methods about messages: chat.postMessage, update, delete, postEphemeral, getPermalink."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.demo.slack.apps import App
from bot.demo.slack.content import (
    MOST_TEXT,
    MOST_UPDATED_TEXT,
    ContentError,
    read_content,
    read_metadata,
)
from bot.demo.slack.messages import Message, MessageBoard
from bot.demo.slack.rejections import Rejections
from bot.demo.slack.web_api import ApiFailureError, Arguments, Method, TooManyError
from bot.demo.slack.workspace import BOT_USER_ID, Channel, User, Workspace


@dataclass(eq=False, slots=True)
class PostRate:
    """Slack: docs "Rate limits": about one message a second in each channel, short bursts allowed.

    It counts in real seconds, as the Retry-After that it leads to.
    """

    per_second: float = 1.0
    burst: int = 5
    _free_at: dict[str, float] = field(default_factory=dict)

    def spend(self, channel: str) -> None:
        """Count one message; TooManyError if the burst is used up."""
        now = time.monotonic()
        free_at = max(self._free_at.get(channel, now), now)
        wait = free_at - now - (self.burst - 1) / self.per_second
        if wait > 0:
            raise TooManyError(math.ceil(wait))
        self._free_at[channel] = free_at + 1 / self.per_second


class ChatMethods:
    """The bot's own messages."""

    def __init__(
        self,
        workspace: Workspace,
        app: App,
        board: MessageBoard,
        rate: PostRate | None,
        rejections: Rejections,
        posted: Callable[[Message], None],
    ) -> None:
        self._workspace = workspace
        self._app = app
        self._board = board
        self.rate = rate
        self._rejections = rejections
        self._posted = posted

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {
            "chat.delete": Method(self.delete, scope="chat:write"),
            "chat.getPermalink": Method(self.permalink),
            "chat.postEphemeral": Method(self.post_ephemeral, scope="chat:write"),
            "chat.postMessage": Method(self.post, scope="chat:write"),
            "chat.update": Method(self.update, scope="chat:write"),
        }

    def post(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "chat.postMessage"; a text over 40,000 characters is cut, with a warning."""
        channel = self.writable(arguments)
        text = str(arguments.get("text") or "")
        content = read_content({**arguments, "text": text[:MOST_TEXT]})
        content.require_some()
        metadata = read_metadata(arguments)
        if self.rate is not None:
            self.rate.spend(channel.id)
        message = self._board.post(
            channel=channel.id,
            text=content.text or "",
            blocks=content.blocks or (),
            author=BOT_USER_ID,
            thread_ts=thread_of(arguments),
            via="chat.postMessage",
            broadcast=str(arguments.get("reply_broadcast", "")).lower() in ("true", "1"),
            metadata=metadata,
        )
        self._posted(message)
        posted = message.as_json(self._workspace.team_id, with_metadata=True)
        body: dict[str, Any] = {"channel": channel.id, "ts": message.ts, "message": posted}
        if len(text) > MOST_TEXT:
            body |= {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}
        return body

    def post_ephemeral(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "chat.postEphemeral": the reader must be in the channel, and a thread have replies.

        In a thread without any, Slack says ok and shows nothing: here that is kept as a rejection.
        """
        channel = self.writable(arguments)
        content = read_content(arguments)
        content.require_some()
        reader = str(arguments.get("user") or "")
        if reader not in channel.members:
            raise ApiFailureError("user_not_in_channel")
        thread_ts = thread_of(arguments)
        if thread_ts is not None and not self._board.is_active_thread(channel.id, thread_ts):
            unseen = ContentError("inactive_thread", ["[ERROR] the thread has no replies: nobody sees this"])
            what = "chat.postEphemeral"
            self._rejections.add(what, unseen, dict(arguments), who=reader, place=channel.id)
            return {"message_ts": self._board.next_ts()}
        message = self._board.post(
            channel=channel.id,
            text=content.text or "",
            blocks=content.blocks or (),
            author=BOT_USER_ID,
            visible_to=reader,
            thread_ts=thread_ts,
            via="chat.postEphemeral",
        )
        self._posted(message)
        return {"message_ts": message.ts}

    def update(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "chat.update": own messages only, no ephemeral ones, text at most 4,000; none in an archived
        channel, nor (K) where the app is no member."""
        message = self._own(arguments, "cant_update_message")
        channel = self._workspace.channels[message.channel]
        if channel.is_archived:
            raise ApiFailureError("is_inactive")
        if BOT_USER_ID not in channel.members:
            raise ApiFailureError(
                "channel_not_found" if channel.is_private or channel.is_im else "not_in_channel"
            )
        content = read_content(arguments, MOST_UPDATED_TEXT)
        if not content.text and content.blocks is None:
            raise ApiFailureError("no_text")
        edited = self._board.edit(message.key, content.text, content.blocks, via="chat.update")
        return {
            "channel": edited.channel,
            "ts": edited.ts,
            "text": edited.text,
            "message": self._as_json(edited),
        }

    def delete(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "chat.delete": own messages only."""
        message = self._own(arguments, "cant_delete_message")
        self._board.delete(message.key)
        return {"channel": message.channel, "ts": message.ts}

    def permalink(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "chat.getPermalink"; a reply's address also names its thread."""
        channel = self._workspace.channels.get(str(arguments.get("channel") or ""))
        is_open = channel is not None and not (channel.is_private or channel.is_im)
        if channel is None or not (is_open or BOT_USER_ID in channel.members):
            raise ApiFailureError("channel_not_found")
        message = self._board.find(f"{channel.id}:{arguments.get('message_ts')}")
        if message is None or message.is_ephemeral:
            raise ApiFailureError("message_not_found")
        address = (
            f"https://{self._workspace.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
        )
        if message.thread_ts:
            address += f"?thread_ts={message.thread_ts}&cid={channel.id}"
        return {"channel": channel.id, "permalink": address}

    def writable(self, arguments: Arguments) -> Channel:
        """The channel a message may go to, by id, name or user id. What the bot cannot see does not exist for it.

        ApiFailureError with Slack's code; that of a deactivated person's direct message stands in no page (K).
        """
        wanted = str(arguments.get("channel") or "")
        person = self._workspace.users.get(wanted)
        if person is not None:
            if person.is_bot:
                raise ApiFailureError("cannot_dm_bot")
            self._check_direct(person)
            return self._workspace.open_dm(person)
        try:
            channel = self._workspace.channel(wanted)
        except LookupError:
            raise ApiFailureError("channel_not_found") from None
        is_member = BOT_USER_ID in channel.members
        if not is_member and (channel.is_private or channel.is_im):
            raise ApiFailureError("channel_not_found")
        if channel.is_archived:
            raise ApiFailureError("is_archived")
        if not is_member:
            raise ApiFailureError("not_in_channel")
        if channel.is_im:
            for person_id in channel.members - {BOT_USER_ID}:
                self._check_direct(self._workspace.users[person_id])
        return channel

    def _check_direct(self, person: User) -> None:
        if person.deleted:
            raise ApiFailureError("user_disabled")
        if not self._app.messages_tab:
            raise ApiFailureError("messages_tab_disabled")

    def _own(self, arguments: Arguments, refusal: str) -> Message:
        channel = self._workspace.channels.get(str(arguments.get("channel") or ""))
        if channel is None:
            raise ApiFailureError("channel_not_found")
        message = self._board.find(f"{channel.id}:{arguments.get('ts')}")
        if message is None or message.is_ephemeral:
            raise ApiFailureError("message_not_found")
        if message.author != BOT_USER_ID:
            raise ApiFailureError(refusal)
        return message

    def _as_json(self, message: Message) -> dict[str, Any]:
        return message.as_json(self._workspace.team_id)


def thread_of(arguments: Arguments) -> str | None:
    """The message that a reply hangs on."""
    return str(arguments["thread_ts"]) if arguments.get("thread_ts") else None
