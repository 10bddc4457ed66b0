"""One answer for each command or click: run after the ack, within a budget, drained at shutdown.

Slack wants the ack within 3 seconds (docs, "Acknowledging requests"); the answer follows on its own.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from bot.model.errors import BotError, OtherWorkspace, OutOfTime, VaultTemporary
from bot.model.references import new_reference
from bot.slack.blocks.kit import Message
from bot.slack.failures import Failures
from bot.slack.payloads import Call, ReplyTo
from bot.slack.replies import NotDelivered, Replies
from bot.slack.workspace import Workspace

log = structlog.get_logger()

Answer = Callable[[Call], Awaitable[Message]]

BUDGET = 20.0
"""Seconds from a command to its answer, at most."""
FOR_THE_REPLY = 3.0
"""Seconds of the budget kept for sending the answer."""
LONGEST_REPLY = 60.0
"""Seconds after which an answer that Slack keeps refusing is given up; longer than the budget, since a late
answer is better than none while Slack itself asks us to wait."""


class Work:
    """Keeps what is running, and sees each piece to its one answer."""

    def __init__(self, *, replies: Replies, failures: Failures, workspace: Workspace) -> None:
        self._replies = replies
        self._failures = failures
        self._workspace = workspace
        self._running: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many answers are under way."""
        return len(self._running)

    def start(self, call: Call, answer: Answer) -> None:
        """Begin to answer; returns at once, so that the ack goes out first."""
        task = asyncio.create_task(self._see_through(call, answer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def drain(self, seconds: float) -> None:
        """Wait until all that runs has been answered, at most `seconds`; what is left then is cancelled."""
        deadline = asyncio.get_running_loop().time() + seconds
        # Looked at again and again: what was acknowledged last begins while the first ones are being waited for.
        while self._running and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(set(self._running), timeout=left)
        late = set(self._running)
        for task in late:
            task.cancel()
        if late:
            log.error("answers cancelled at shutdown", count=len(late))
            await asyncio.wait(late, timeout=1.0)

    async def _see_through(self, call: Call, answer: Answer) -> None:
        started = time.monotonic()
        reference = new_reference()
        reply_to, outcome = call.reply_to, "ok"
        with structlog.contextvars.bound_contextvars(reference=reference):
            try:
                async with asyncio.timeout(BUDGET - FOR_THE_REPLY):
                    message = await self._answered(call, answer)
            except Exception as error:  # noqa: BLE001 - the one place where every failure becomes an answer
                outcome = type(error).__name__
                message = await self._failures.message_for(error, call.slack_user, reference)
                if is_passing(error):
                    # The card a person pressed Refresh on stays, with its buttons, to be tried again.
                    reply_to = replace(reply_to, replace_original=False)
            if not await self._delivered(reply_to, message):
                outcome = "not delivered"
            log.info(
                "answered",
                kind=call.kind,
                team=call.slack_user.team_id,
                outcome=outcome,
                seconds=round(time.monotonic() - started, 3),
            )

    async def _delivered(self, reply_to: ReplyTo, message: Message) -> bool:
        try:
            async with asyncio.timeout(LONGEST_REPLY):
                await self._replies.answer(reply_to, message)
        except (NotDelivered, TimeoutError) as error:
            log.error("answer not delivered", reason=str(error) or "timeout")
            return False
        except Exception as error:
            log.error("answer not delivered", exc_info=error)
            return False
        return True

    async def _answered(self, call: Call, answer: Answer) -> Message:
        if not self._workspace.has_member(call.slack_user):
            raise OtherWorkspace
        return await answer(call)


def is_passing(error: Exception) -> bool:
    """Whether the same request may well succeed in a moment."""
    return isinstance(error, VaultTemporary | OutOfTime | TimeoutError) or not isinstance(error, BotError)
