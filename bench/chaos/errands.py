"""One thing that a person asked for, and what came of it."""

import time
from dataclasses import dataclass, field
from enum import StrEnum

from bot.demo.bot_process import BotProcess
from bot.demo.slack.delivery import Delivery
from bot.demo.slack.messages import Message
from bot.demo.slack.views import View
from bot.model.errors import StoreUnavailable
from bot.slack.blocks.details import LOOKING
from bot.slack.work import LONGEST_REPLY

MENTION = "mention"
DATABASE_DOWN = StoreUnavailable.what.partition("(")[0]
ACK_LIMIT = 3.0
"""Slack: docs "Implementing slash commands"."""


class Fate(StrEnum):
    """What became of an errand."""

    ONCE = "answered once"
    REPEATED = "answered again, as Slack took the first answer and hung up"
    CUT = "Slack told the person that it failed, as its replica was killed or its websocket cut"
    DIED = "died with its replica, after the ack"
    AFTER_OUTAGE = "answered by a repeat of its event, as the database was down when Slack sent it first"
    REFUSED = "not answered, as Slack refused every way"
    HELD_UP = "acked late, while the machine had no processor for the bot or the emulated Slack"
    LATE_ACK = "acked late or not at all"
    LOST = "not answered"
    DOUBLE = "answered more than once"


GOOD = (Fate.ONCE, Fate.REPEATED, Fate.CUT, Fate.DIED, Fate.AFTER_OUTAGE, Fate.HELD_UP, Fate.REFUSED)


@dataclass(eq=False, kw_only=True)
class Errand:
    """A command, click or mention of one person; the next one begins when this one is answered.

    `replica` is whom Slack was told to send it to; None in Socket Mode, where Slack takes any connection.
    """

    kind: str
    number: int
    replica: BotProcess | None
    pid: int
    told_before: int
    """Direct messages that the person had by then."""
    began: float = field(default_factory=time.monotonic)
    delivery: Delivery | None = None
    seconds: float | None = None
    """From the command to its answer."""
    told: list[Message] = field(default_factory=list)
    """Direct messages that came since, where no other way was open."""
    heard: int = 0
    """Answers that were there when Slack last answered the bot."""
    swallowed: int = 0
    """Answers that Slack took without the bot hearing of it."""
    early_failures: int = 0
    """Those among `failures` that were there before the delivery."""
    failures: int = 0
    """Calls of the bot for this person that failed meanwhile."""
    credit: int = 0
    """Answers to the errands before this one that may still come, since Slack swallowed the first."""
    doubtful_since: float = field(default_factory=time.monotonic)
    """Since when `unheard` ones may come."""
    is_near_repeat: bool = False
    """Slack has just sent an earlier mention of the person's once more."""
    is_held_up: bool = False
    """The emulators' own event loop, or a replica, got no processor for a second or more while it was on its way."""
    is_cut: bool = False
    """Its replica was killed, or its websocket cut, before it was acked or answered."""
    is_killed: bool = False
    """The same, where it was a replica."""

    @property
    def answers(self) -> int:
        """How many final answers the person has seen."""
        if self.delivery is None:
            return len(self.told)
        return len(self.delivery.answers) + len(self.told) + len(_filled(self.delivery.views))

    @property
    def is_under_way(self) -> bool:
        """Whether Slack has not told the person yet what came of it."""
        return self.delivery is None or (self.delivery.error is None and not self.answers)

    @property
    def text(self) -> str:
        """What the first answer says; empty when it stands in a view, or there is none."""
        return self.texts[0] if self.texts else ""

    @property
    def texts(self) -> list[str]:
        """What all the messages say that answered it."""
        return [one.text for one in self.messages]

    @property
    def messages(self) -> list[Message]:
        """All that answered it, but for what stands in a view."""
        return [*(self.delivery.answers if self.delivery else ()), *self.told]

    @property
    def unheard(self) -> int:
        """How many more may come, since the bot does not know of those that came, or the person did not wait."""
        is_over = time.monotonic() - self.doubtful_since > LONGEST_REPLY
        return 0 if is_over else max(0, 1 + self.swallowed + self.credit - self.answers)

    def hear(self, *, failed: bool) -> None:
        """Slack has answered a call of the bot's that was for this person."""
        self.failures += failed
        if self.delivery is None:
            self.early_failures += failed
            return
        came = self.answers - self.heard
        self.heard = self.answers
        if failed:
            self.swallowed += came
            self.doubtful_since = time.monotonic()

    def sent(self, delivery: Delivery) -> None:
        """Slack has delivered it; it may have been answered even before Slack had read the ack."""
        self.delivery = delivery
        self.heard = self.answers
        self.swallowed = min(self.early_failures, self.answers)

    @property
    def fate(self) -> Fate:
        """What became of it."""
        delivery = self.delivery
        acked = delivery is not None and delivery.error is None
        if delivery is not None and delivery.ack is not None and delivery.ack.seconds >= ACK_LIMIT:
            acked = False
        if self.answers > 1 + self.swallowed + self.credit:
            of_outage = sum(text.startswith(DATABASE_DOWN) for text in self.texts)
            others = self.answers - of_outage
            is_repeat = (
                self.kind == MENTION or self.is_near_repeat
            ) and others <= 1 + self.swallowed + self.credit
            return Fate.AFTER_OUTAGE if is_repeat else Fate.DOUBLE
        if not acked:
            if self.is_cut:
                return Fate.CUT
            return Fate.HELD_UP if self.is_held_up else Fate.LATE_ACK
        if self.answers > 1:
            return Fate.REPEATED
        if self.answers == 1:
            return Fate.ONCE
        if self.is_killed:
            return Fate.DIED
        return Fate.REFUSED if self.failures >= EVERY_WAY else Fate.LOST


EVERY_WAY = 2
"""Failed calls after which no way may be left: of what may have arrived, one repetition is all."""


def _filled(views: list[View]) -> set[str]:
    """The views that say more than that something is being looked for."""
    newest = {view.id: view for view in views}
    return {view.id for view in newest.values() if LOOKING not in str(view.blocks)}
