"""What stands in the conversations: messages, who sees them, and how they change."""

import copy
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.demo.slack.workspace import APP_ID, BOT_ID, BOT_USER_ID, SLACKBOT, User, Workspace

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it stood at one moment; every change makes a new value under the same key."""

    key: str
    channel: str
    ts: str
    text: str
    blocks: tuple[Block, ...]
    author: str
    visible_to: str | None  # the only user who sees it (ephemeral); None: everyone in the conversation
    thread_ts: str | None
    via: str  # "ack", "response_url", the Web API method, "command", "slackbot", "person"
    edited: int = 0
    deleted: bool = False
    broadcast: bool = False  # a reply that also stands in the channel itself
    metadata: Mapping[str, Any] | None = None  # what an app put beside it, for apps to read
    attachments: tuple[Block, ...] = ()  # cards of the links in it

    @property
    def is_ephemeral(self) -> bool:
        """Whether only one person sees it."""
        return self.visible_to is not None

    @property
    def is_deep_in_thread(self) -> bool:
        """Whether it is a reply that stands in its thread alone."""
        return self.thread_ts not in (None, self.ts) and not self.broadcast

    def as_json(self, team_id: str, *, with_metadata: bool = False) -> dict[str, Any]:
        """The message object that Web API answers and interaction payloads carry."""
        body: dict[str, Any] = {"type": "message", "user": self.author, "text": self.text, "ts": self.ts}
        body["team"] = team_id
        if self.author == BOT_USER_ID:
            body |= {"bot_id": BOT_ID, "app_id": APP_ID}
        if self.blocks:
            body["blocks"] = copy.deepcopy(list(self.blocks))
        if self.attachments:
            body["attachments"] = copy.deepcopy(list(self.attachments))
        if self.thread_ts:
            body["thread_ts"] = self.thread_ts
        if self.broadcast:
            body["subtype"] = "thread_broadcast"
        if self.edited:
            body["edited"] = {"user": self.author, "ts": self.ts}
        if with_metadata and self.metadata is not None:
            body["metadata"] = copy.deepcopy(dict(self.metadata))
        return body


class MessageBoard:
    """All messages, by key and by channel."""

    def __init__(self, workspace: Workspace, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._workspace = workspace
        self._now = now
        self._changed = changed
        self._messages: dict[str, Message] = {}
        self._by_channel: dict[str, list[str]] = {}
        self._last_ts = 0

    def post(
        self,
        *,
        channel: str,
        text: str,
        author: str,
        via: str,
        blocks: Iterable[Block] = (),
        visible_to: str | None = None,
        thread_ts: str | None = None,
        broadcast: bool = False,
        metadata: Mapping[str, Any] | None = None,
        at: float | None = None,
    ) -> Message:
        """A new message at the end of the conversation; `at` is when it was posted, in epoch seconds, if not now."""
        ts = self.next_ts(at)
        message = Message(
            key=f"{channel}:{ts}",
            channel=channel,
            ts=ts,
            text=text,
            blocks=with_ids(blocks),
            author=author,
            visible_to=visible_to,
            thread_ts=thread_ts,
            via=via,
            broadcast=broadcast and thread_ts is not None,
            metadata=metadata,
        )
        self._messages[message.key] = message
        self._by_channel.setdefault(channel, []).append(message.key)
        self._changed()
        return message

    def notice(self, channel: str, user: str, text: str) -> Message:
        """What Slack itself tells one person."""
        return self.post(channel=channel, text=text, author=SLACKBOT, via="slackbot", visible_to=user)

    def edit(self, key: str, text: str | None, blocks: Iterable[Block] | None, *, via: str) -> Message:
        """Swap text and blocks; None keeps the old ones, no blocks removes them.

        Slack: leaving `blocks` out of chat.update keeps them (slack-go issue 1214).
        """
        old = self._messages[key]
        new = replace(
            old,
            text=old.text if text is None else text,
            blocks=old.blocks if blocks is None else with_ids(blocks),
            via=via,
            edited=old.edited + 1,
        )
        self._messages[key] = new
        self._changed()
        return new

    def attach(self, key: str, attachments: Iterable[Block]) -> Message:
        """Put these cards below a message, in place of those that stand there."""
        cards = enumerate(attachments, start=1)
        numbered = tuple(
            {**one, "blocks": list(with_ids(one["blocks"])), "id": number} for number, one in cards
        )
        self._messages[key] = replace(self._messages[key], attachments=numbered)
        self._changed()
        return self._messages[key]

    def delete(self, key: str) -> None:
        """Take a message off everyone's screen; it stays in the books, marked."""
        self._messages[key] = replace(self._messages[key], deleted=True)
        self._changed()

    def find(self, key: str) -> Message | None:
        """The message as it stands now, unless it was deleted."""
        message = self._messages.get(key)
        return None if message is None or message.deleted else message

    def newest_first(self, channel: str) -> Iterator[Message]:
        """The messages of a conversation, deleted ones too, from its end."""
        return (self._messages[key] for key in reversed(self._by_channel.get(channel, [])))

    def is_active_thread(self, channel: str, thread_ts: str) -> bool:
        """Whether anyone has replied there for all to see."""
        return any(
            message.thread_ts == thread_ts and not message.is_ephemeral and not message.deleted
            for message in self.newest_first(channel)
            if message.ts != thread_ts
        )

    def everything(self) -> list[Message]:
        """Every message there ever was, deleted ones too, oldest first."""
        return list(self._messages.values())

    def shows_to(self, message: Message, user: User) -> bool:
        """Whether this message is on the person's screen."""
        if message.deleted or message.visible_to not in (None, user.id):
            return False
        return self._workspace.channels[message.channel].shows_to(user)

    def seen_by(self, user: User, channel: str | None = None) -> list[Message]:
        """What this person's screen holds now, oldest first."""
        keys = self._messages if channel is None else self._by_channel.get(channel, [])
        return [message for key in keys if self.shows_to(message := self._messages[key], user)]

    def next_ts(self, at: float | None = None) -> str:
        """Unique in the workspace and rising, also when the clock stands still, or when something comes belated."""
        self._last_ts = max(self._last_ts + 1, int((self._now() if at is None else at) * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"


def with_ids(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """A copy in which every block has a block_id and every element an action_id, as Slack fills them in."""
    copies = copy.deepcopy(list(blocks))
    for block in walk(copies):
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
        for element in elements_of(block):
            if element.get("type") not in _PASSIVE:
                element.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return tuple(copies)


def walk(blocks: Iterable[Block]) -> Iterator[Block]:
    """Every block, those inside containers and carousels too."""
    for block in blocks:
        yield block
        if block.get("type") == "container":
            yield from walk(block.get("child_blocks", []))
        elif block.get("type") == "carousel":
            yield from walk(block.get("elements", []))


def elements_of(block: Block) -> list[dict[str, Any]]:
    """The elements that stand directly in a block: its own, its accessory, its input element, its buttons."""
    found = [block[name] for name in ("accessory", "element") if isinstance(block.get(name), dict)]
    if block.get("type") in ("actions", "context_actions"):
        found.extend(block.get("elements", []))
    if block.get("type") == "card":
        found.extend(block.get("actions", []))
    return found


_PASSIVE = frozenset({"image", "mrkdwn", "plain_text"})
