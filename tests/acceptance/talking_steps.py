"""Talking in channels and threads: what the app says to whom, whichever way it takes."""

from typing import Any

from bot.demo.slack import payloads
from bot.demo.slack.delivery import EVENTS_API, INTERACTIVE, Delivery
from bot.demo.slack.messages import Message
from bot.demo.slack.response_urls import Source
from bot.demo.slack.workspace import BOT_USER_ID
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.steps import done_count, until

AT_BOT = f"<@{BOT_USER_ID}>"


class Ears:
    """All that the app posts from now on, to whomever."""

    def __init__(self, demo: DemoWorkspace) -> None:
        self._demo = demo
        self._before = {message.key for message in demo.slack.messages}
        self._done = done_count(demo)

    async def hear(self, calls: int = 1) -> list[Message]:
        """What was posted once the bot is done with so many calls."""
        await until(lambda: done_count(self._demo) >= self._done + calls, "the bot is done")
        return self.heard

    @property
    def heard(self) -> list[Message]:
        """What was posted up to now."""
        return [
            message
            for message in self._demo.slack.messages
            if message.key not in self._before and message.author == BOT_USER_ID
        ]


def is_done(demo: DemoWorkspace, before: int) -> bool:
    """Whether the bot is done with one more call than before."""
    return done_count(demo) > before


async def mention(
    demo: DemoWorkspace, person: str, text: str, *, channel: str = CHANNEL, thread: Message | None = None
) -> tuple[Delivery, list[Message]]:
    """Name the app before these words; return the event and all that was posted because of it."""
    ears = Ears(demo)
    delivery = await demo.slack.mention(user=person, channel=channel, text=text, in_thread_of=thread)
    assert delivery.refusal is None
    return delivery, await ears.hear()


async def raw_mention(
    demo: DemoWorkspace, person: str, text: str, thread: Message | None = None, **changes: Any
) -> tuple[Delivery, list[Message]]:
    """A mention whose text Slack hands on to the letter, its event changed at will."""
    user, place = demo.slack.workspace.user(person), demo.slack.workspace.channel(CHANNEL)
    root = None if thread is None else thread.thread_ts or thread.ts
    message = demo.slack._board.post(
        channel=place.id, text=text, author=user.id, thread_ts=root, via="person"
    )
    delivery = Delivery(EVENTS_API, demo.clock.now(), {}, user.id, message=message)
    ears = Ears(demo)
    await demo.slack._tell(delivery, {**payloads.app_mention(user, message), **changes})
    return delivery, await ears.hear()


async def forged_click(
    demo: DemoWorkspace, person: str, message: Message, action_id: str, value: str | None
) -> Delivery:
    """Press a button of a message as a client does that has changed what the button means."""
    user, place = demo.slack.workspace.user(person), demo.slack.workspace.channels[message.channel]
    delivery = Delivery(INTERACTIVE, demo.clock.now(), {}, user.id)
    action = {"type": "button", "action_id": action_id, "block_id": "b1", "action_ts": "1.1"}
    delivery.payload = payloads.block_actions(
        workspace=demo.slack.workspace,
        user=user,
        channel=place,
        message=message,
        card=None,
        action=action if value is None else {**action, "value": value},
        state={},
        token="legacy",
        response_url=demo.slack._response_url(delivery, place, user, Source(message.key)),
        trigger_id=demo.slack._triggers.issue(delivery),
    )
    await demo.slack._deliver(delivery)
    return delivery


def is_public(message: Message) -> bool:
    """Whether everybody in a channel reads it."""
    return not message.is_ephemeral and not message.channel.startswith("D")


def is_for(demo: DemoWorkspace, message: Message, person: str) -> bool:
    """Whether it is for that person alone: by direct message, or ephemerally."""
    user = demo.slack.workspace.user(person)
    direct = demo.slack.workspace.dm_of(user).id
    return message.channel == direct or message.visible_to == user.id
