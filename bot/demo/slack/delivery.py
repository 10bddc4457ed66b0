"""One thing that Slack delivered to the bot, and what came of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.demo.slack.messages import Message
from bot.demo.slack.views import View

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
    """A slash command, a click, a form or an event on its way to the bot and back."""

    kind: str
    sent_at: datetime
    payload: dict[str, Any]
    user: str | None = None
    ack: Ack | None = None
    error: str | None = None  # "operation_timeout", "dispatch_failed", "invalid_blocks"
    refusal: str | None = None  # why Slack did not even send it, in its words where a person reads them
    message: Message | None = None  # what the person posted
    answers: list[Message] = field(default_factory=list)
    views: list[View] = field(default_factory=list)  # what the bot opened or changed because of this
    attempts: list[str] = field(default_factory=list)  # events: "ok" or the retry reason, one for each try
    settled: asyncio.Event = field(default_factory=asyncio.Event)  # no further attempt will be made
    _waiters: list[asyncio.Event] = field(default_factory=list)

    def answer(self, message: Message) -> None:
        """Note that something reached a person because of this."""
        self.answers.append(message)
        self._wake()

    def show(self, view: View) -> None:
        """Note that a view was opened or changed because of this."""
        self.views.append(view)
        self._wake()

    def refuse(self, why: str) -> None:
        """Note that Slack does not send it."""
        self.refusal = why
        self.settled.set()

    async def answered(self, timeout: float = 20.0, count: int = 1) -> Message:
        """Wait until there are that many answers and return the last one of them."""
        await self._wait(lambda: len(self.answers) >= count, timeout, count, "answers")
        return self.answers[count - 1]

    async def shown(self, timeout: float = 20.0, count: int = 1) -> View:
        """Wait until that many views were opened or changed and return the last one of them."""
        await self._wait(lambda: len(self.views) >= count, timeout, count, "views")
        return self.views[count - 1]

    async def _wait(self, holds: Callable[[], bool], timeout: float, count: int, what: str) -> None:
        waiter = asyncio.Event()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(timeout if self.refusal is None else 0):
                while not holds():
                    waiter.clear()
                    await waiter.wait()
        except TimeoutError:
            raise TimeoutError(self._shortfall(timeout, count, what)) from None
        finally:
            self._waiters.remove(waiter)

    def _wake(self) -> None:
        for waiter in self._waiters:
            waiter.set()

    def _shortfall(self, timeout: float, count: int, what: str) -> str:
        ack = f"{self.ack.status} after {self.ack.seconds:.3f} s" if self.ack else "none"
        texts = [message.text for message in self.answers]
        there = len(self.answers if what == "answers" else self.views)
        return (
            f"{self.kind} {self._act() or self.kind!r} of {self.user}: {there} of {count} {what} within {timeout} s; "
            f"ack: {ack}; error: {self.error}; refusal: {self.refusal}; answers so far: {texts}"
        )

    def _act(self) -> str:
        """What the person did, in a few words."""
        payload = self.payload
        if payload.get("command"):
            return f"{payload['command']} {payload.get('text', '')}".strip()
        if payload.get("event"):
            return str(payload["event"].get("type"))
        actions = ", ".join(str(action["action_id"]) for action in payload.get("actions", []))
        return actions or str(payload.get("callback_id") or payload.get("type") or "")
