"""The Events API's patience: an event that was not acked comes again, up to three times.

Slack: docs "The Events API": nearly at once, after a minute, after five minutes, by the emulator's clock; each with
the same event_id. `x-slack-no-retry: 1` on a failing answer ends it.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from bot.demo.clock import DemoClock
from bot.demo.slack.delivery import Delivery, UndeliveredError
from bot.demo.slack.dispatch import Dispatcher

RETRY_WAITS = (timedelta(0), timedelta(minutes=1), timedelta(minutes=5))


class EventSender:
    """Sends events, and keeps trying in the background."""

    def __init__(self, clock: DemoClock, dispatcher: Dispatcher, waits: Sequence[timedelta]) -> None:
        self._clock = clock
        self._dispatcher = dispatcher
        self._waits = tuple(waits)
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, delivery: Delivery) -> None:
        """Make the first attempt; the others, if needed, run on their own."""
        if await self._try(delivery, None) or not self._waits:
            delivery.settled.set()
            return
        task = asyncio.create_task(self._retry(delivery), name="slack event retries")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Make no further attempt."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _retry(self, delivery: Delivery) -> None:
        try:
            for number, wait in enumerate(self._waits, start=1):
                await self._clock.sleep_until(self._clock.now() + wait)
                if await self._try(delivery, (number, delivery.attempts[-1])):
                    return
        finally:
            delivery.settled.set()

    async def _try(self, delivery: Delivery, retry: tuple[int, str] | None) -> bool:
        """Whether no further attempt is needed or wanted."""
        try:
            delivery.ack = await self._dispatcher.send(delivery.kind, delivery.payload, delivery.user, retry)
        except UndeliveredError as failure:
            delivery.error, delivery.ack = failure.error, failure.ack
            delivery.attempts.append(failure.reason)
            return failure.ack is not None and failure.ack.headers.get("x-slack-no-retry") == "1"
        delivery.error = None
        delivery.attempts.append("ok")
        return True
