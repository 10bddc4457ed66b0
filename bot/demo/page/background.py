"""What goes on while the page has long got its answer."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

log = structlog.get_logger()

KEPT_FAILURES = 20


@dataclass(frozen=True)
class Failure:
    """Something that should not have happened."""

    number: int
    at: datetime
    reason: str


class Background:
    """Tasks that end with the demo; what fails unexpectedly is kept to be shown."""

    def __init__(self, now: Callable[[], datetime], changed: Callable[[], None]) -> None:
        self.failures: deque[Failure] = deque(maxlen=KEPT_FAILURES)
        self._numbers = itertools.count(1)
        self._now = now
        self._changed = changed
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let it run; LookupError or ValueError of its first step, before it waits for anything, is raised here."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        await asyncio.sleep(0)
        failure = task.exception() if task.done() and not task.cancelled() else None
        if isinstance(failure, LookupError | ValueError):
            self._tasks.discard(task)
            raise failure
        task.add_done_callback(self._over)

    async def close(self) -> None:
        """Cancel what is still running."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _over(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        failure = task.exception()
        if failure is not None:
            log.error("the demo page", exc_info=failure)
            reason = str(failure) or type(failure).__name__
            self.failures.append(Failure(next(self._numbers), self._now(), reason))
        self._changed()
