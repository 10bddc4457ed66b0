"""One thing that Slack delivered to the bot, and what came of it."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.demo.slack.messages import Message

SLASH_COMMANDS, INTERACTIVE, EVENTS_API = "slash_commands", "interactive", "events_api"

OPERATION_TIMEOUT = "operation_timeout"
DISPATCH_FAILED = "dispatch_failed"


@dataclass(frozen=True, slots=True)
class Ack:
    """The bot's answer to a delivery. The body is JSON where it is JSON, else text; None if empty."""

    status: int
    body: Any
    seconds: float
    headers: dict[str, str] = field(default_factory=dict)


class UndeliveredError(Exception):
    """The bot did not take a delivery."""

    def __init__(self, error: str, reason: str, ack: Ack | None = None) -> None:
        super().__init__(f"{error} ({reason})")
        self.error = error  # what a person sees
        self.reason = reason  # the Events API's x-slack-retry-reason
        self.ack = ack


@dataclass(eq=False, slots=True)
class Delivery:
    """A slash command, a click or an event on its way to the bot and back."""

    kind: str
    sent_at: datetime
    payload: dict[str, Any]
    user: str | None = None
    ack: Ack | None = None
    error: str | None = None  # "operation_timeout", "dispatch_failed", "invalid_blocks"
    refusal: str | None = None  # Slack's words, where it did not even send
    answers: list[Message] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)  # events: "ok" or the retry reason, one for each try
    settled: asyncio.Event = field(default_factory=asyncio.Event)  # no further attempt will be made
    _waiters: list[asyncio.Event] = field(default_factory=list)

    def answer(self, message: Message) -> None:
        """Note that something reached a person because of this."""
        self.answers.append(message)
        for waiter in self._waiters:
            waiter.set()

    async def answered(self, timeout: float = 20.0, count: int = 1) -> Message:
        """Wait until there are that many answers and return the last one of them."""
        waiter = asyncio.Event()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout if self.refusal is None else 0):
                while len(self.answers) < count:
                    waiter.clear()
                    await waiter.wait()
        except TimeoutError:
            raise TimeoutError(self._shortfall(timeout, count)) from None
        finally:
            self._waiters.remove(waiter)
        return self.answers[count - 1]

    def _shortfall(self, timeout: float, count: int) -> str:
        said = (
            self.payload.get("command")
            and f"{self.payload['command']} {self.payload.get('text', '')}".strip()
        )
        what = said or ", ".join(str(action["action_id"]) for action in self.payload.get("actions", []))
        ack = f"{self.ack.status} after {self.ack.seconds:.3f} s" if self.ack else "none"
        texts = [message.text for message in self.answers]
        return (
            f"{self.kind} {what or self.kind!r} of {self.user}: {len(texts)} of {count} answers within {timeout} s; "
            f"ack: {ack}; error: {self.error}; refusal: {self.refusal}; answers so far: {texts}"
        )
