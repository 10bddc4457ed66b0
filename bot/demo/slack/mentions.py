"""Which of the bot's messages answer which mention, so that one can wait for the answer."""

from collections import deque
from dataclasses import dataclass

from bot.demo.slack.delivery import Delivery
from bot.demo.slack.messages import Message

MOST_OPEN = 500


@dataclass(frozen=True, slots=True)
class _Mention:
    delivery: Delivery
    channel: str
    root: str  # ts of the message that the thread hangs on


class Mentions:
    """The newest mentions."""

    def __init__(self) -> None:
        self._open: deque[_Mention] = deque(maxlen=MOST_OPEN)

    def expect(self, delivery: Delivery, channel: str, root: str) -> None:
        """From now on what the bot says in this thread answers this."""
        self._open.append(_Mention(delivery, channel, root))

    def heard(self, message: Message) -> None:
        """The bot posted something. In a thread with several mentions the oldest unanswered one gets it."""
        asked = [
            one.delivery
            for one in self._open
            if (one.channel, one.root) == (message.channel, message.thread_ts)
            and message.visible_to in (None, one.delivery.user)
        ]
        waiting = [delivery for delivery in asked if not delivery.answers]
        for delivery in waiting[:1] or asked[-1:]:
            delivery.answer(message)
